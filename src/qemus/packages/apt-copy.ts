/**
 * The ordinary apt with lists, state and caches of its own: nothing of the system is read but its keys and how it
 * reaches the network, nothing is changed, and no root is needed. Source: apt.conf(5), apt-get(8), apt-cache(8).
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { makeFolder } from '../../own-files.ts'
import { explainApt } from '../../setup/managers/apt-explain.ts'
import { diskFull } from '../problems.ts'
import { runTool, type ToolContext } from '../run-tool.ts'

export const problems = defineDiagnostics({
  QEMU_APT_FAILED: {
    title: 'apt could not read a suite, or fetch or unpack a package of it.',
    why: 'a QEMU from packages is fetched by apt, with lists of its own',
    remedy: 'fix what apt names below, then run `bringup qemu install` again',
  },
  QEMU_SUITE_UNKNOWN: {
    title: 'The mirror does not have a suite.',
    why: 'packages come from the mirror that this computer installs from',
    remedy: 'correct --suite, or omit it',
  },
  QEMU_SUITE_UNSIGNED: {
    title: 'No key of this computer signs a suite.',
    why: 'packages are used only if a key of the distribution signs their list',
    remedy: 'install the newest keys (Debian: apt install debian-archive-keyring; Ubuntu: ubuntu-keyring)',
  },
})

export interface AptCopy {
  /**
   * Brings the lists up to date.
   *
   * @param allowsMissing Suites that the mirror does not have are passed over
   * @throws BringupError
   */
  update(allowsMissing?: boolean): Promise<void>
  /** Version of a package as the suite has it; undefined where it has none. */
  candidate(name: string): Promise<string | undefined>
  /** All packages that an installation on an empty system would take. @throws BringupError */
  closure(names: readonly string[]): Promise<readonly Package[]>
  /** Lines of `apt-cache madison`. @throws BringupError */
  madison(name: string): Promise<readonly string[]>
  /** Downloads and checks the files of a source package, in the given folder. @throws BringupError */
  source(source: Package, folder: string): Promise<void>
  /** Fetches and checks packages: their files, in the given folder. @throws BringupError */
  fetch(packages: readonly Package[], folder: string): Promise<void>
}

export interface Package {
  readonly name: string
  readonly version: string
}

export interface AptOptions {
  readonly sources: readonly string[]
  /** Preferred where others in the sources have the same package. */
  readonly suite: string
  readonly folder: string
  readonly context: ToolContext
}

/** Makes the folders and the configuration. */
export async function openAptCopy({ sources, suite, folder, context }: AptOptions): Promise<AptCopy> {
  for (const path of ['lists/partial', 'cache/archives/partial', 'log']) makeFolder(join(folder, path))
  writeFileSync(join(folder, 'status'), '')
  writeFileSync(join(folder, 'sources.list'), `${sources.join('\n')}\n`)
  const config = join(folder, 'apt.conf')
  writeFileSync(config, `${[...(await networkSettings()), ...ownSettings(folder)].join('\n')}\n`)
  const target = ['--target-release', suite]
  const run = async (
    argv: readonly string[],
    cwd = folder,
    isHarmless?: (errors: readonly string[]) => boolean,
  ) => {
    const { status, lines } = await runTool(argv, { ...context, cwd, env: { APT_CONFIG: config } })
    const errors = lines.filter((line) => /^[EW]: /.test(line))
    if (status !== 0 && !(errors.length > 0 && isHarmless?.(errors))) throw aptFailure(argv, suite, lines)
    return lines
  }
  return {
    update: async (allowsMissing = false) =>
      void (allowsMissing
        ? await run(['apt-get', 'update'], folder, isMissingSuites)
        : await run(['apt-get', 'update', '--error-on=any'])),
    madison: (name) => run(['apt-cache', 'madison', name]),
    async source({ name, version }, into) {
      makeFolder(into)
      await run(['apt-get', 'source', '--download-only', `${name}=${version}`], into)
    },
    async candidate(name) {
      const lines = await run(['apt-cache', ...target, 'policy', name])
      const found = lines.map((line) => /^ {2}Candidate: (.*)$/.exec(line)?.[1]).find(Boolean)
      return found === '(none)' ? undefined : found
    },
    async closure(names) {
      const words = ['install', '--simulate', '--no-install-recommends', ...target, ...names]
      return parseClosure(await run(['apt-get', ...words]))
    },
    async fetch(packages, into) {
      makeFolder(into)
      const named = packages.map(({ name, version }) => `${name}=${version}`)
      await run(['apt-get', 'download', ...named], into)
    },
  }
}

/** `Inst libc6 (2.41-12 Debian:13/stable [amd64])`. Pure. */
export function parseClosure(lines: readonly string[]): readonly Package[] {
  return lines.flatMap((line) => {
    const [, name, version] = /^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/.exec(line) ?? []
    return name === undefined || version === undefined ? [] : [{ name, version }]
  })
}

/** Proxies, credentials' places and time-outs of the system's apt; its hooks run programs as its user, and are left out. */
async function networkSettings(): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('apt-config', ['dump'], {
    env: { ...process.env, LC_ALL: 'C' },
  }).catch(() => ({ stdout: '' }))
  return stdout
    .split('\n')
    .filter((line) => /^(Acquire::(?!IndexTargets|Languages)|Dir::Etc::netrc)/.test(line))
}

function ownSettings(folder: string): readonly string[] {
  const inside = (path: string) => join(folder, path)
  const settings: Readonly<Record<string, string>> = {
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::sourcelist': inside('sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::lists': inside('lists'),
    'Dir::State::status': inside('status'),
    'Dir::Cache': inside('cache'),
    'Dir::Log': inside('log'),
    'Acquire::Languages': 'none',
    'Acquire::GzipIndexes': 'true',
    'APT::Install-Recommends': 'false',
    // Its user could not enter a folder of this user's.
    ...(process.getuid?.() === 0 ? { 'APT::Sandbox::User': 'root' } : {}),
  }
  return Object.entries(settings).map(([name, value]) => `${name} "${value.replaceAll('"', '')}";`)
}

const isMissingSuites = (errors: readonly string[]) =>
  errors.every((line) =>
    /does not have a Release file|404\s+Not Found|index files failed to download/.test(line),
  )

/** What apt's or dpkg's last words mean. */
export function aptFailure(argv: readonly string[], suite: string, lines: readonly string[]): BringupError {
  const evidence = lines.slice(-20)
  const unsigned = lines.find((line) => /NO_PUBKEY|is not signed|signatures? (were|couldn't)/.test(line))
  if (unsigned !== undefined)
    return new BringupError([problems.QEMU_SUITE_UNSIGNED.at('', `${suite}: ${unsigned}`, { evidence })])
  if (lines.some((line) => line.includes('does not have a Release file')))
    return new BringupError([
      problems.QEMU_SUITE_UNKNOWN.at('', `the mirror has no suite ${suite}`, { evidence }),
    ])
  if (lines.some((line) => /No space left on device|Disk quota exceeded/.test(line)))
    return diskFull(`what \`${argv.slice(0, 2).join(' ')}\` fetched for ${suite}`, evidence)
  const known = explainApt(lines)
  if (known.length > 0) return new BringupError(known)
  const what = `\`${argv.slice(0, 2).join(' ')}\` for ${suite} failed`
  return new BringupError([problems.QEMU_APT_FAILED.at('', what, { evidence })])
}
