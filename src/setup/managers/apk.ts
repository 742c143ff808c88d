/** apk: Alpine. Source: apk(8). */
import { lockHolder } from '../../host/file-locks.ts'
import { explainWith } from './explain.ts'
import type { PackageManager } from './manager.ts'
import { problems } from './problems.ts'

const ROOT = { asRoot: true, whenOrphaned: 'finish' } as const

export const apk: PackageManager = {
  name: 'apk',
  updateCommand: { argv: ['apk', 'update'], ...ROOT },
  async installed(names, host) {
    const { stdout } = await host.ask(['apk', 'info', '--installed', ...names])
    const here = stdout.split('\n').filter(Boolean)
    return new Map(here.map((name) => [name, '']))
  },
  known: async (names, host) =>
    new Set(
      (await host.ask(['apk', 'search', '--exact', '--quiet', ...names])).stdout.split('\n').filter(Boolean),
    ),
  allNames: async (host) => (await host.ask(['apk', 'search', '--quiet'])).stdout.split('\n'),
  staleness: (host) =>
    (host.list('/var/cache/apk') ?? []).some((name) => name.startsWith('APKINDEX')) ||
    (host.list('/lib/apk/db') ?? []).includes('APKINDEX')
      ? undefined
      : 'there are no lists of packages yet',
  interruption: async () => undefined,
  lock: () => {
    const holder = lockHolder('/lib/apk/db/lock')
    return (
      holder && problems.PACKAGES_LOCKED.at('', `apk is held by ${holder.command} (process ${holder.pid})`)
    )
  },
  async preview(names, host) {
    const { stdout, stderr, exitCode } = await host.ask(['apk', 'add', '--simulate', ...names])
    if (exitCode === 0) return parseSimulation(stdout)
    const words = `${stdout}\n${stderr}`.split('\n')
    const known = explainWith(MEANINGS, words)
    return known.length > 0 ? known : [problems.PACKAGES_UNMET.at('', 'apk refuses', { evidence: words })]
  },
  installCommand: (names) => ({ argv: ['apk', 'add', ...names], ...ROOT }),
  async previewRemoval(names, host) {
    return parseSimulation((await host.ask(['apk', 'del', '--simulate', ...names])).stdout).removed
  },
  removeCommand: (names) => ({ argv: ['apk', 'del', ...names], ...ROOT }),
  leftovers: async (names, host) =>
    names.length === 0 ? [] : [...(await apk.installed(names, host)).keys()],
  explain: (lines) => explainWith(MEANINGS, lines),
}

const MEANINGS = [
  [/Unable to lock database/, problems.PACKAGES_LOCKED],
  [/No space left on device/, problems.PACKAGES_NO_SPACE],
  [/\(no such package\)/, problems.PACKAGE_UNKNOWN],
  [/temporary error|network error|DNS lookup error|WARNING: fetching/, problems.PACKAGES_NO_NETWORK],
  [/unable to select packages/, problems.PACKAGES_UNMET],
] as const

/** `(3/12) Installing gcc (14.2.0-r4)`. Pure. */
export function parseSimulation(text: string) {
  const names = (verb: string) =>
    [...text.matchAll(new RegExp(`^\\(\\d+/\\d+\\) ${verb} (\\S+) `, 'gm'))].map((m) => m[1] ?? '')
  return { added: names('Installing'), upgraded: names('Upgrading'), removed: names('Purging') }
}
