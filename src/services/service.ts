/** What a service is: a program beside the guests of a run, such as a multiplexer or a DHCP server. Pure. */
import * as z from 'zod'
import { zPattern } from '../pattern.ts'
import { zDuration } from '../units.ts'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGKILL'] as const

/** Stands for the private folder of the service in `argv`, in `env` and in the path of `ready`. */
export const FOLDER_WORD = '{folder}'

const ready = z.lazy(() =>
  z.union([
    z.strictObject({
      pattern: zPattern.describe('Regular expression for a line of its output, standard error included.'),
    }),
    z.strictObject({
      port: z.int().min(1).max(65_535).describe('TCP port that it listens on.'),
    }),
    z.strictObject({
      path: z
        .string()
        .regex(/^(\/|\{folder\})/, 'a path is absolute, or begins with {folder}')
        .describe('File that it writes, or socket that it listens on.'),
    }),
  ]),
)

const zServiceName = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9._-]{0,63}$/,
    'a name starts with a letter, followed by letters, digits, ".", "_" and "-", up to 64 characters',
  )
  .describe('Name of the service: its log lies in `services/<name>` of the run.')

const keys = () => ({
  argv: z
    .tuple([z.string().min(1)], z.string())
    .describe('Program and arguments; no shell. `{folder}` is a private folder of the service.'),
  env: z.record(z.string(), z.string()).default({}).describe('Added to the environment of bringup.'),
  cwd: z
    .string()
    .min(1)
    .optional()
    .describe('Folder that it runs in; relative to the project. Default: the folder of the project.'),
  ready: ready
    .optional()
    .describe(
      'What shows that it is ready: a line of output, a port or a path. Default: that it was started.',
    ),
  readyWithin: zDuration.default(60_000).describe('How long it may take to get ready.'),
  stop: z.enum(SIGNALS).default('SIGTERM').describe('Signal that ends it in an orderly way.'),
  stopWithin: zDuration.default(5000).describe('How long it may take to end; then it is killed.'),
  restart: z
    .union([z.boolean().transform((isWanted) => (isWanted ? 5 : 0)), z.int().min(0).max(1000)])
    .default(0)
    .describe('How often it is started again when it dies after it was ready. `true`: 5 times.'),
  network: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host network of the rack that it runs on: it has the address of the bridge, and reaches the guests. Default: the network of this computer.',
    ),
  shared: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      'Key of a service that exists once for all runs of this user. It ends with the last run that uses it.',
    ),
})

/** Services of a rack, by name. */
export const servicesSchema = z.lazy(() => z.record(zServiceName, z.strictObject(keys())))

/** Keys of a service in a description. */
export const serviceSchema = z.lazy(() => z.strictObject({ name: zServiceName, ...keys() }))

/** A service as a description has it. */
export type ServiceInput = z.input<typeof serviceSchema>

/** A service with defaults filled in; times in milliseconds. */
export type ServiceSpec = z.output<typeof serviceSchema>

/**
 * Reads a service from a description: fills in defaults, and refuses unknown keys.
 *
 * @throws ZodError with all that is wrong
 * @example
 * const redis = parseService({
 *   name: 'redis',
 *   argv: ['redis-server', '--port', '6400', '--save', ''],
 *   ready: { pattern: 'Ready to accept connections' },
 * })
 * console.log(redis.stop, redis.readyWithin) // SIGTERM 60000
 */
export function parseService(input: ServiceInput): ServiceSpec {
  return serviceSchema.parse(input)
}

/** The same service with its private folder in place of `{folder}`. */
export function inFolder(spec: ServiceSpec, folder: string): ServiceSpec {
  const put = (text: string) => text.replaceAll(FOLDER_WORD, folder)
  const [program, ...args] = spec.argv
  return {
    ...spec,
    argv: [put(program), ...args.map(put)],
    env: Object.fromEntries(Object.entries(spec.env).map(([name, value]) => [name, put(value)])),
    ...(spec.ready && 'path' in spec.ready ? { ready: { path: put(spec.ready.path) } } : {}),
  }
}
