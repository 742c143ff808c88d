/** dnf and rpm: Fedora, RHEL and their kin. Source: dnf(8), rpm(8), of dnf 4. */
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
    const parsed = parseTransaction(stdout)
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

/** The table that dnf shows before it asks: a heading for each kind of change, one indented line a package. Pure. */
export function parseTransaction(text: string) {
  const added: string[] = []
  const upgraded: string[] = []
  const removed: string[] = []
  let list: string[] | undefined
  for (const line of text.split('\n')) {
    if (/^(Installing|Installing dependencies):$/.test(line)) list = added
    else if (/^Upgrading:$/.test(line)) list = upgraded
    else if (/^(Removing|Removing dependent packages|Removing unused dependencies):$/.test(line))
      list = removed
    else if (/^\S/.test(line)) list = undefined
    const name =
      /^ (\S+) +(?:\S+ +)?\S+ +\S+ +[\d.]+ [kMG]?$/.exec(line.trimEnd())?.[1] ??
      /^ (\S+) +(?:x86_64|noarch|aarch64|i686) /.exec(line)?.[1]
    if (list && name !== undefined) list.push(name)
  }
  const size = (pattern: RegExp) => {
    const [, number = '0', unit = ''] = pattern.exec(text) ?? []
    return Math.round(Number(number) * 1024 ** ['', 'k', 'M', 'G'].indexOf(unit))
  }
  return {
    added,
    upgraded,
    removed,
    cost: {
      downloadBytes: size(/^Total download size: ([\d.]+) ?([kMG]?)/m),
      diskBytes: size(/^Installed size: ([\d.]+) ?([kMG]?)/m),
    },
  }
}
