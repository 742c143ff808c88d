/** pacman: Arch and its derivatives. Source: pacman(8). */

import type { HostReader } from '../../steps/host-reader.ts'
import { explainWith } from './explain.ts'
import type { PackageManager } from './manager.ts'
import { problems } from './problems.ts'

const ROOT = { asRoot: true, whenOrphaned: 'finish' } as const

export const pacman: PackageManager = {
  name: 'pacman',
  // Arch supports no partial upgrades: fresh lists go with an upgrade of everything, which is not bringup's to decide.
  updateCommand: { argv: ['pacman', '--sync', '--refresh'], ...ROOT },
  async installed(names, host) {
    const { stdout } = await host.ask(['pacman', '--query', ...names])
    return parseQuery(stdout)
  },
  async known(names, host) {
    const { stdout } = await host.ask(['pacman', '--sync', '--list'])
    const all = new Set(stdout.split('\n').map((line) => line.split(' ')[1] ?? ''))
    return new Set(names.filter((name) => all.has(name)))
  },
  allNames: async (host) =>
    (await host.ask(['pacman', '--sync', '--list'])).stdout
      .split('\n')
      .map((line) => line.split(' ')[1] ?? ''),
  staleness: (host) =>
    (host.list('/var/lib/pacman/sync') ?? []).some((name) => name.endsWith('.db'))
      ? undefined
      : 'there are no lists of packages yet',
  interruption: async () => undefined,
  // pacman takes no lock that the kernel knows: the file itself is the lock.
  lock: () => undefined,
  async preview(names, host) {
    const format = ['--print', '--print-format', '%n\t%s']
    const { stdout, stderr, exitCode } = await host.ask(['pacman', '--sync', '--needed', ...format, ...names])
    if (exitCode === 0) {
      const installed = await pacman.installed([], host)
      const preview = parsePrint(stdout, installed)
      const rivals = await rivalsOf(preview.added, installed, host)
      return rivals.length === 0
        ? preview
        : [problems.PACKAGES_WOULD_GO.at('', `it conflicts with ${rivals.join(', ')}`)]
    }
    const words = `${stdout}\n${stderr}`.split('\n')
    const known = explainWith(MEANINGS, words)
    return known.length > 0 ? known : [problems.PACKAGES_UNMET.at('', 'pacman refuses', { evidence: words })]
  },
  installCommand: (names) => ({
    argv: ['pacman', '--sync', '--noconfirm', '--needed', ...names],
    ...ROOT,
  }),
  async previewRemoval(names, host) {
    const format = ['--print', '--print-format', '%n']
    const { stdout } = await host.ask(['pacman', '--remove', '--cascade', ...format, ...names])
    return stdout.split('\n').filter(Boolean)
  },
  removeCommand: (names) => ({ argv: ['pacman', '--remove', '--noconfirm', '--nosave', ...names], ...ROOT }),
  leftovers: async (names, host) =>
    names.length === 0 ? [] : [...(await pacman.installed(names, host)).keys()],
  explain: (lines) => explainWith(MEANINGS, lines),
}

const MEANINGS = [
  [/unable to lock database/, problems.PACKAGES_LOCKED],
  [/not enough free disk space|No space left on device/, problems.PACKAGES_NO_SPACE],
  [/target not found/, problems.PACKAGE_UNKNOWN],
  [/The requested URL returned error: 404/, problems.PACKAGES_GONE],
  [
    /Could not resolve host|failed to synchronize all databases|failed retrieving file/,
    problems.PACKAGES_NO_NETWORK,
  ],
  [/could not satisfy dependencies|conflicting dependencies/, problems.PACKAGES_UNMET],
] as const

/** `gcc 14.2.1-1` a line. Pure. */
export function parseQuery(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [name = '', version] = line.split(' ')
      return version === undefined ? [] : [[name, version] as const]
    }),
  )
}

/**
 * What is here and may not stay beside what comes. `--print` passes over it, and the installation would stop at it, since
 * no removal is confirmed.
 */
async function rivalsOf(
  added: readonly string[],
  installed: ReadonlyMap<string, string>,
  host: HostReader,
): Promise<readonly string[]> {
  // Without names pacman would tell of every package that there is.
  if (added.length === 0) return []
  const { stdout } = await host.ask(['pacman', '--sync', '--info', ...added])
  const rivals: string[] = []
  for (const { name, relation, version } of parseConflicts(stdout)) {
    const here = installed.get(name)
    if (here === undefined) continue
    const order = relation === '' ? 0 : Number((await host.ask(['vercmp', here, version])).stdout)
    if (relation === '' || MEETS[relation]?.(order)) rivals.push(name)
  }
  return rivals
}

/** How vercmp(8)'s answer has to be. Source: PKGBUILD(5), depends. */
const MEETS: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<': (order) => order < 0,
  '>': (order) => order > 0,
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
}

/** `Conflicts With  : a  b>=2`. Pure. */
export function parseConflicts(text: string) {
  return [...text.matchAll(/^Conflicts With\s*: (.*)$/gm)].flatMap(([, words = '']) =>
    [...words.matchAll(/([^\s<>=]+)(?:([<>]=?|=)(\S+))?/g)]
      .map(([, name = '', relation = '', version = '']) => ({ name, relation, version }))
      .filter(({ name }) => name !== 'None'),
  )
}

/** Name and bytes to fetch. What is here already gets another version. Pure. */
export function parsePrint(text: string, installed: ReadonlyMap<string, string>) {
  const rows = text.split('\n').flatMap((line) => {
    const [name = '', bytes] = line.split('\t')
    return bytes === undefined ? [] : [{ name, bytes: Number(bytes) }]
  })
  const names = rows.map((row) => row.name)
  return {
    added: names.filter((name) => !installed.has(name)),
    upgraded: names.filter((name) => installed.has(name)),
    cost: { downloadBytes: rows.reduce((sum, row) => sum + row.bytes, 0) },
  }
}
