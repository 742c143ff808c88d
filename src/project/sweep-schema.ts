/** The description of a sweep: one test over many machines. */
import { isAbsolute } from 'node:path'
import * as z from 'zod'
import { zPattern } from '../pattern.ts'
import { slurmSchema } from './slurm-schema.ts'

const zValue = z.json().describe('A value as the description would have it; `false` removes a device.')

const ONE_GROUP =
  'the expression needs exactly one group, which is the number: (\\d+); other groups are (?:…)'

/** An expression that cannot be read is another problem. */
function hasOneGroup(source: string): boolean {
  try {
    return new RegExp(`${source}|`).exec('')?.length === 2
  } catch {
    return true
  }
}

/** A regular expression of code; data has `{ regex: '…' }`. */
const zRegex = z
  .instanceof(RegExp)
  .refine(({ flags }) => flags === '', 'flags are not supported')
  .refine(({ source }) => hasOneGroup(source), ONE_GROUP)
  .transform(({ source }) => ({ regex: source }))

const zMetric = z.union([
  z
    .string()
    .min(1)
    .transform((path) => ({ path })),
  zRegex,
  z
    .strictObject({
      path: z.string().min(1).optional().describe('Path in the result, such as `timings.bootMs`.'),
      regex: zPattern
        .refine(hasOneGroup, ONE_GROUP)
        .optional()
        .describe('Regular expression with one group, which is the number.'),
      file: z
        .string()
        .min(1)
        .refine(
          (path) => !isAbsolute(path) && !path.split('/').includes('..'),
          'a path in the folder of the guest: relative, and without ..',
        )
        .optional()
        .describe(
          'File in the folder of the guest, such as `channels/log.log`: `regex` is searched in it, or it is JSON and `path` is a path in it.',
        ),
      guest: z.string().optional().describe('Guest of a rack. Default: the first that has the number.'),
      unit: z.string().optional().describe('Shown beside the number.'),
      better: z
        .enum(['lower', 'higher'])
        .optional()
        .describe('Whether a smaller or a larger number is an improvement.'),
    })
    .refine((m) => (m.path === undefined) !== (m.regex === undefined), {
      error: 'set either path or regex',
    }),
])

/** Words that follow `bringup sweep` with a meaning of their own. */
const TAKEN = ['list', 'show', 'compare', 'report', 'keep', 'rm', 'attempt']

/** Names of stores begin with it. */
export const zSweepName = z
  .string()
  .regex(/^[A-Za-z0-9][\w-]{0,60}$/, 'letters, digits, hyphens and underscores, at most 61 of them')
  .refine((name) => !TAKEN.includes(name), { error: 'the name of a subcommand of `bringup sweep`' })

/** A sweep in a config file. Unknown keys are refused. */
export const sweepSchema = z.lazy(() =>
  z
    .strictObject({
      summary: z.string().optional().describe('One line for `bringup sweep list`.'),
      machine: z.string().min(1).optional().describe('Machine of the project. Default: the default machine.'),
      rack: z.string().min(1).optional().describe('Rack of the project, instead of a machine.'),
      over: z
        .record(z.string().min(1), z.array(zValue).nonempty())
        .describe(
          'Axes of the matrix and their values. An axis is a path in the machine (`numa`, `cpu.count`, `devices.pm0.size`), `kernel` (a file, or a profile by its name), `qemu`, `profile`, `command`, or a path in a rack (`guests.client.count`).',
        ),
      except: z
        .array(z.record(z.string().min(1), zValue))
        .default([])
        .describe('Cells to omit: each entry omits those that have all of its values.'),
      repeat: z.int().min(1).max(10_000).default(1).describe('How often each cell runs.'),
      command: z
        .array(z.string())
        .default([])
        .describe('Program and arguments that run in the guest. Its exit code decides the verdict.'),
      metrics: z
        .record(z.string().min(1), zMetric)
        .default({})
        .describe(
          'Numbers to measure, by name: a path in the result, or a regular expression with one group that is searched in the output of the command, the console and the channels.',
        ),
      compareWith: z
        .string()
        .min(1)
        .optional()
        .describe('Baseline that the numbers are compared with: `bringup sweep keep` names one.'),
      slurm: slurmSchema.optional().describe('Jobs of this sweep, instead of `slurm` of the project.'),
    })
    .refine(({ machine, rack }) => machine === undefined || rack === undefined, {
      error: 'set either machine or rack',
    })
    .refine(({ over }) => Object.keys(over).length > 0, { error: 'at least one axis', path: ['over'] }),
)

/** A sweep with all defaults filled in. */
export type SweepConfig = z.output<typeof sweepSchema>
