/** dnf and rpm: Fedora, RHEL and their kin. Source: dnf(8), rpm(8), of dnf 4 and 5. */
import { lockHolder } from '../../host/file-locks.ts'
import { explainWith } from './explain.ts'
import type { PackageManager } from './manager.ts'
import { problems } from './problems.ts'

const ROOT = { asRoot: true, whenOrphaned: 'finish' } as const
const INSTALL = ['install', '--setopt=install_weak_deps=False']

export const dnf: PackageManager = {
  name: 'dnf',
  updateCommand: { argv: ['dnf', 'makecache', '--quiet'], ...ROOT },
  async installed(names, host) {
    const { stdout } = await host.ask([
      'rpm',
      '--query',
      '--queryformat=%{NAME}\\t%{VERSION}-%{RELEASE}\\n',
      ...names,
    ])
    return parseRpm(stdout)
  },
  async known(names, host) {
    const format = ['--queryformat=%{name}\\n', '--quiet']
    const { stdout } = await host.ask(['dnf', 'repoquery', ...format, ...names])
    return new Set(stdout.split('\n').filter(Boolean))
  },
  allNames: async (host) =>
    (await host.ask(['dnf', 'repoquery', '--quiet', '--queryformat=%{name}\\n'])).stdout.split('\n'),
  // dnf itself reads it again when it is too old (metadata_expire).
  staleness: () => undefined,
  interruption: async () => undefined,
  lock: () => {
    const holder = lockHolder('/var/lib/rpm/.rpm.lock')
    return (
      holder && problems.PACKAGES_LOCKED.at('', `rpm is held by ${holder.command} (process ${holder.pid})`)
    )
  },
  async preview(names, host) {
    const { stdout, stderr } = await host.ask(['dnf', '--assumeno', ...INSTALL, ...names])
    const parsed = parseTransaction(`${stdout}\n${stderr}`)
    if (parsed.removed.length > 0)
      return [problems.PACKAGES_WOULD_GO.at('', `it would remove ${parsed.removed.join(', ')}`)]
    if (parsed.added.length > 0) return { added: parsed.added, upgraded: parsed.upgraded, cost: parsed.cost }
    const words = `${stdout}\n${stderr}`.split('\n')
    const known = explainWith(MEANINGS, words)
    return known.length > 0 ? known : [problems.PACKAGES_UNMET.at('', 'dnf refuses', { evidence: words })]
  },
  installCommand: (names) => ({ argv: ['dnf', '--assumeyes', ...INSTALL, ...names], ...ROOT }),
  async previewRemoval(names, host) {
    const { stdout } = await host.ask(['dnf', '--assumeno', 'remove', '--noautoremove', ...names])
    return parseTransaction(stdout).removed
  },
  removeCommand: (names) => ({ argv: ['dnf', '--assumeyes', 'remove', '--noautoremove', ...names], ...ROOT }),
  leftovers: async (names, host) => [...(await dnf.installed(names, host)).keys()],
  explain: (lines) => explainWith(MEANINGS, lines),
}

const MEANINGS = [
  [/No space left on device|needs .* more space on the .* filesystem/, problems.PACKAGES_NO_SPACE],
  [/Unable to find a match|No match for argument/, problems.PACKAGE_UNKNOWN],
  [/Could not resolve host|Failed to download metadata|Cannot download/, problems.PACKAGES_NO_NETWORK],
  [/nothing provides|conflicting requests|^Error: *$|Problem:/, problems.PACKAGES_UNMET],
] as const

/** `package gcc is not installed` has no tab. Pure. */
export function parseRpm(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const [name = '', version] = line.split('\t')
      return version === undefined ? [] : [[name, version] as const]
    }),
  )
}

const LISTS: readonly (readonly [RegExp, 'added' | 'upgraded' | 'removed'])[] = [
  [/^Installing( (weak )?dependencies| group\/module packages)?:$/, 'added'],
  [/^(Upgrading|Downgrading):$/, 'upgraded'],
  [/^Removing( dependent packages| unused dependencies)?:$/, 'removed'],
]

/**
 * The table before dnf asks: a heading for each kind of change, then a row a package, indented by one space. On a narrow
 * terminal dnf 4 breaks long rows; what follows is indented further, so the first word of a row is always its name. Pure.
 */
export function parseTransaction(text: string) {
  const found = { added: [] as string[], upgraded: [] as string[], removed: [] as string[] }
  let list: string[] | undefined
  for (const line of text.split('\n')) {
    const heading = LISTS.find(([pattern]) => pattern.test(line.trimEnd()))
    if (heading) list = found[heading[1]]
    else if (!line.startsWith(' ')) list = undefined
    const replaced = /^ +replacing +(\S+?)(\.\w+)? /.exec(line)?.[1]
    if (replaced !== undefined) found.removed.push(replaced)
    const name = /^ (\S+)/.exec(line)?.[1]
    if (list && name !== undefined) list.push(name)
  }
  return {
    ...found,
    cost: {
      // dnf 4, then dnf 5.
      downloadBytes: sizeIn(text, /^Total download size: |Need to download /m),
      diskBytes: sizeIn(text, /^Installed size: |^After this operation, (?=.* extra will be used)/m),
    },
  }
}

/** `20 M` (dnf 4) and `1.6 MiB` (dnf 5), both in units of 1024. */
function sizeIn(text: string, before: RegExp): number {
  const size = new RegExp(`(?:${before.source})([\\d.]+) *([kKMG]?)`, 'm')
  const [, number = '0', unit = ''] = size.exec(text) ?? []
  return Math.round(Number(number) * 1024 ** ['', 'K', 'M', 'G'].indexOf(unit.toUpperCase()))
}
