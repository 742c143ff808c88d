/** apt and dpkg: Debian, Ubuntu and their kin. Source: apt-get(8), apt-cache(8), dpkg-query(1), dpkg(1). */
import type { Diagnostic } from '../../diagnostics.ts'
import { lockHolder } from '../../host/file-locks.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { explainApt } from './apt-explain.ts'
import type { InstallPreview, PackageManager } from './manager.ts'
import { problems } from './problems.ts'

/** Lists older than this name versions that the archive may have dropped. */
const LISTS_LAST_MS = 14 * 24 * 3600 * 1000
const LISTS = '/var/lib/apt/lists'
const LOCKS = ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock', '/var/cache/apt/archives/lock']
const ROOT = { asRoot: true, env: { DEBIAN_FRONTEND: 'noninteractive' }, whenOrphaned: 'finish' } as const
/** Only fetches, which can be broken off at any moment: what was fetched is used the next time. */
const FETCHING = { ...ROOT, whenOrphaned: 'die' } as const
/** Without Recommends, which pull in desktops; modified configuration files stay. */
const SETTINGS = ['--yes', '--quiet', '--no-install-recommends']
const QUIET = ['-o', 'APT::Get::Show-User-Simulation-Note=no']

export const apt: PackageManager = {
  name: 'apt',
  updateCommand: { argv: ['apt-get', 'update', '--quiet', '--error-on=any'], ...FETCHING },
  installed: async (names, host) =>
    new Map((await states(names, host)).filter((p) => p.isInstalled).map((p) => [p.name, p.version])),
  known: async (names, host) => parsePolicy((await host.ask(['apt-cache', 'policy', ...names])).stdout),
  allNames: async (host) => (await host.ask(['apt-cache', 'pkgnames'])).stdout.split('\n'),
  staleness(host) {
    const lists = host.list(LISTS) ?? []
    if (!lists.some((name) => /_Packages(\.\w+)?$/.test(name))) return 'there are no lists of packages yet'
    // Files in it are as old as the archive says; every update works in this folder.
    const readAt = host.stat(`${LISTS}/partial`)?.mtimeMs ?? 0
    const days = Math.floor((Date.now() - readAt) / 24 / 3600 / 1000)
    return Date.now() - readAt > LISTS_LAST_MS ? `the lists of packages are ${days} days old` : undefined
  },
  async interruption(host) {
    const journal = host.list('/var/lib/dpkg/updates') ?? []
    const { stdout } = await host.ask(['dpkg', '--audit'])
    if (stdout.trim() === '' && !journal.some((name) => /^\d+$/.test(name))) return undefined
    const packages = [...new Set([...stdout.matchAll(/^ (\S+) /gm)].map((m) => m[1]))]
    const what = packages.length === 0 ? 'dpkg was interrupted' : `half done: ${packages.join(', ')}`
    return {
      what,
      commands: [
        // It fails where a package waits for another that was not unpacked yet; apt then fetches and unpacks that.
        { argv: ['dpkg', '--configure', '--pending'], ...ROOT, mayFail: true },
        { argv: ['apt-get', 'install', '--fix-broken', ...SETTINGS, '--no-remove'], ...ROOT },
      ],
    }
  },
  lock: () => LOCKS.map(lockedBy).find((found) => found !== undefined),
  async preview(names, host) {
    const args = ['install', '--no-install-recommends', ...names]
    const [simulated, sizes] = await Promise.all([
      host.ask(['apt-get', '--simulate', ...QUIET, ...args]),
      host.ask(['apt-get', '--print-uris', ...QUIET, ...args]),
    ])
    const words = `${simulated.stdout}\n${simulated.stderr}`.split('\n')
    if (simulated.exitCode !== 0) {
      const held = await heldAmong(words, host)
      if (held.length > 0) return [problems.PACKAGES_HELD.at('', held.join(', '), { evidence: words })]
      const known = explainApt(words)
      return known.length > 0 ? known : [problems.PACKAGES_UNMET.at('', 'apt refuses', { evidence: words })]
    }
    const removed = words.flatMap((line) => /^(?:Remv|Purg) (\S+)/.exec(line)?.[1] ?? [])
    if (removed.length > 0)
      return [problems.PACKAGES_WOULD_GO.at('', `it would remove ${removed.join(', ')}`)]
    return { ...parseSimulation(simulated.stdout), cost: parseSizes(sizes.stdout) }
  },
  downloadCommand: (names) => ({
    argv: ['apt-get', 'install', '--download-only', ...SETTINGS, '--no-remove', ...names],
    ...FETCHING,
  }),
  installCommand: (names) => ({
    // It never removes, whatever has changed since the preview.
    argv: ['apt-get', 'install', ...SETTINGS, '--no-remove', ...names],
    ...ROOT,
  }),
  async previewRemoval(names, host) {
    const { stdout } = await host.ask(['apt-get', '--simulate', ...QUIET, 'purge', ...names])
    return [...stdout.matchAll(/^(?:Remv|Purg) (\S+)/gm)].map((m) => m[1] ?? '')
  },
  removeCommand: (names) => ({ argv: ['apt-get', 'purge', '--yes', '--quiet', ...names], ...ROOT }),
  leftovers: async (names, host) => (await states(names, host)).map((p) => p.name),
  explain: explainApt,
}

interface State {
  readonly name: string
  readonly version: string
  readonly isInstalled: boolean
}

/** Packages of which dpkg has anything: installed, half so, or configuration files only. */
async function states(names: readonly string[], host: HostReader): Promise<readonly State[]> {
  if (names.length === 0) return []
  // dpkg's own placeholders, not ours.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the format of dpkg-query(1)
  const format = '${Package}\t${db:Status-Abbrev}\t${Version}\n'
  const { stdout } = await host.ask(['dpkg-query', '--show', `--showformat=${format}`, ...names])
  return parseStates(stdout)
}

/** Pure. `un` and `pn`: known by name only, nothing of it is here. */
export function parseStates(text: string): readonly State[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', state = '', version = ''] = line.split('\t')
    const isHere = name !== '' && state[1] !== 'n'
    return isHere ? [{ name, version, isInstalled: /^.i\s*$/.test(state) }] : []
  })
}

/** Names that have a candidate. Pure. */
export function parsePolicy(text: string): ReadonlySet<string> {
  const blocks = [...text.matchAll(/^(\S+):\n {2}Installed: .*\n {2}Candidate: (.*)$/gm)]
  return new Set(blocks.filter((m) => m[2] !== '(none)').map((m) => m[1] ?? ''))
}

/** `Inst gcc (4:12.2.0-3 …)` is new, `Inst libc6 [2.36-9] (2.36-9+deb12u1 …)` an upgrade. Pure. */
export function parseSimulation(text: string): InstallPreview {
  const found = [...text.matchAll(/^Inst (\S+) (\[[^\]]*\] )?\(/gm)]
  return {
    added: found.filter((m) => m[2] === undefined).map((m) => m[1] ?? ''),
    upgraded: found.filter((m) => m[2] !== undefined).map((m) => m[1] ?? ''),
  }
}

/** `Need to get 312 kB/624 kB of archives.`; apt counts in thousands. Pure. */
export function parseSizes(text: string): { downloadBytes: number; diskBytes: number } {
  const read = (pattern: RegExp) => {
    const [, number = '0', unit = ''] = pattern.exec(text) ?? []
    return Math.round(Number(number.replaceAll(',', '')) * 1000 ** ['', 'k', 'M', 'G'].indexOf(unit))
  }
  return {
    downloadBytes: read(/Need to get ([\d.,]+) ([kMG]?)B/),
    diskBytes: read(/After this operation, ([\d.,]+) ([kMG]?)B of additional/),
  }
}

/** Held packages that apt's message names: the message appears without held packages, too. */
async function heldAmong(words: readonly string[], host: HostReader): Promise<readonly string[]> {
  const held = (await host.ask(['apt-mark', 'showhold'])).stdout.split('\n').filter(Boolean)
  const named = new Set(words.flatMap((line) => line.split(/[\s(),:]+/)))
  return held.filter((name) => named.has(name))
}

function lockedBy(path: string): Diagnostic | undefined {
  const holder = lockHolder(path)
  return (
    holder && problems.PACKAGES_LOCKED.at('', `${path} is held by ${holder.command} (process ${holder.pid})`)
  )
}
