/** Step: a program from the npm registry, in a folder of this user's. Source: npm-install(1), npm's prefix(5). */
import { join } from 'node:path'
import * as z from 'zod'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { explainDownload } from '../explain-download.ts'

const schema = z.object({
  package: z.string().regex(/^(@[\w.-]+\/)?[\w.-]+$/),
  version: z.string().optional(),
  /** Absolute; programs come into its `bin`. */
  prefix: z.string().startsWith('/'),
})

type Before = string | null

export const npmInstall = defineStep<z.output<typeof schema>, Before>({
  kind: 'npm.install',
  schema,
  needs: ['network'],
  describe: ({ package: name, version }) =>
    `install ${name}${version === undefined ? '' : ` ${version}`} by npm`,
  async check({ package: name, version, prefix }, host) {
    const was = installedVersion(prefix, name, host)
    if (was !== null && (version === undefined || version === was)) return { state: 'done', detail: was }
    return {
      state: 'change',
      detail: was === null ? `into ${prefix}` : `it is ${was}`,
      before: was,
      commands: [{ argv: npmArgv(prefix, 'install', version === undefined ? name : `${name}@${version}`) }],
    }
  },
  async undo({ package: name, prefix }, was, host) {
    const now = installedVersion(prefix, name, host)
    if (now === was && was === null && isEmpty(prefix, host))
      return {
        state: 'change',
        detail: 'remove the empty folder',
        commands: [{ argv: ['rmdir', ...FOLDERS.map((f) => join(prefix, f)).filter((f) => host.stat(f))] }],
      }
    if (now === was) return { state: 'done', detail: was ?? 'it is gone' }
    const argv =
      was === null ? npmArgv(prefix, 'uninstall', name) : npmArgv(prefix, 'install', `${name}@${was}`)
    return { state: 'change', detail: was === null ? 'remove it' : `back to ${was}`, commands: [{ argv }] }
  },
  explain: async (_params, lines) => explainDownload(lines),
})

/** What npm makes in a prefix, and leaves; deepest first. */
const FOLDERS = ['lib/node_modules', 'lib', 'bin', '']

/** The prefix is there, and nothing but these folders is in it. */
function isEmpty(prefix: string, host: HostReader): boolean {
  const found = (folder: string) => host.list(join(prefix, folder)) ?? []
  return (
    host.stat(prefix) !== undefined &&
    [...found('lib/node_modules'), ...found('bin')].length === 0 &&
    found('lib').every((name) => name === 'node_modules') &&
    found('').every((name) => name === 'lib' || name === 'bin')
  )
}

function npmArgv(prefix: string, verb: 'install' | 'uninstall', what: string): readonly string[] {
  return ['npm', verb, '--global', '--prefix', prefix, '--no-audit', '--no-fund', what]
}

function installedVersion(prefix: string, name: string, host: HostReader): string | null {
  const text = host.read(join(prefix, 'lib/node_modules', name, 'package.json'))?.toString()
  if (text === undefined) return null
  return (JSON.parse(text) as { version?: string }).version ?? null
}
