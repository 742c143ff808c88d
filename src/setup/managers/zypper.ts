/** zypper and rpm: openSUSE and SLE. Source: zypper(8). */
import { dnf } from './dnf.ts'
import { explainWith } from './explain.ts'
import type { PackageManager } from './manager.ts'
import { problems } from './problems.ts'

const ROOT = { asRoot: true, whenOrphaned: 'finish' } as const
const ZYPPER = ['zypper', '--non-interactive']

export const zypper: PackageManager = {
  name: 'zypper',
  updateCommand: { argv: [...ZYPPER, 'refresh'], ...ROOT },
  installed: dnf.installed,
  async known(names, host) {
    const { stdout } = await host.ask([
      ...ZYPPER,
      '--no-refresh',
      'search',
      '--match-exact',
      '--type=package',
      ...names,
    ])
    return new Set(parseSearch(stdout))
  },
  allNames: async (host) =>
    parseSearch((await host.ask([...ZYPPER, '--no-refresh', 'search', '--type=package'])).stdout),
  staleness: () => undefined,
  interruption: async () => undefined,
  lock: () => undefined,
  async preview(names, host) {
    const { stdout, stderr } = await host.ask([
      ...ZYPPER,
      '--xmlout',
      '--no-refresh',
      'install',
      '--dry-run',
      '--no-recommends',
      ...names,
    ])
    const parsed = parseSummary(stdout)
    if (parsed.removed.length > 0)
      return [problems.PACKAGES_WOULD_GO.at('', `it would remove ${parsed.removed.join(', ')}`)]
    if (parsed.added.length > 0) return { added: parsed.added, upgraded: parsed.upgraded, cost: parsed.cost }
    const words = `${stdout}\n${stderr}`.split('\n')
    const known = explainWith(MEANINGS, words)
    return known.length > 0 ? known : [problems.PACKAGES_UNMET.at('', 'zypper refuses', { evidence: words })]
  },
  installCommand: (names) => ({ argv: [...ZYPPER, 'install', '--no-recommends', ...names], ...ROOT }),
  async previewRemoval(names, host) {
    return parseSummary((await host.ask([...ZYPPER, '--xmlout', 'remove', '--dry-run', ...names])).stdout)
      .removed
  },
  removeCommand: (names) => ({ argv: [...ZYPPER, 'remove', ...names], ...ROOT }),
  leftovers: async (names, host) => [...(await dnf.installed(names, host)).keys()],
  explain: (lines) => explainWith(MEANINGS, lines),
}

const MEANINGS = [
  [/Root privileges are required/, problems.PACKAGES_PREVIEW_NEEDS_ROOT],
  [/System management is locked/, problems.PACKAGES_LOCKED],
  [/No space left on device|Not enough free disk space/, problems.PACKAGES_NO_SPACE],
  [/No provider of '.*' found|Package '.*' not found/, problems.PACKAGE_UNKNOWN],
  [/Could not resolve host|Timeout exceeded|Failed to retrieve/, problems.PACKAGES_NO_NETWORK],
  [/nothing provides|Problem: /, problems.PACKAGES_UNMET],
] as const

/** Rows of `S | Name | Summary | Type`. Pure. */
export function parseSearch(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    return cells.length >= 4 && cells[1] !== 'Name' ? [cells[1] ?? ''] : []
  })
}

/** The summary of `--xmlout`: a list for each kind of change, sizes in bytes. Pure. */
export function parseSummary(text: string) {
  const namesIn = (change: string) => {
    const [, list = ''] = new RegExp(`<to-${change}>(.*?)</to-${change}>`, 's').exec(text) ?? []
    return [...list.matchAll(/<solvable type="package" name="([^"]+)"/g)].map((m) => m[1] ?? '')
  }
  const [, download = '0', disk = '0'] =
    /<install-summary download-size="(\d+)" space-usage-diff="(-?\d+)"/.exec(text) ?? []
  return {
    added: namesIn('install'),
    upgraded: namesIn('upgrade'),
    removed: namesIn('remove'),
    cost: { downloadBytes: Number(download), diskBytes: Math.max(0, Number(disk)) },
  }
}
