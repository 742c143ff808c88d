/**
 * QEMU's source packages in the archives of the distribution: lists of their own, so that neither the system's sources
 * nor its lists change. apt checks the signature of each archive with the distribution's keyring, and by its index the
 * digest of every file. Source: apt-get(8), sources.list(5), apt-secure(8).
 */
import { createHash } from 'node:crypto'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { readDistribution } from '../../host/distribution.ts'
import { readText } from '../../host/read-file.ts'
import { makeFolder, OWN_FILE } from '../../own-files.ts'
import { withLock } from '../../processes/file-lock.ts'
import { startGuard } from '../../processes/guard.ts'
import { type Archive, readArchive } from '../packages/archive.ts'

export const problems = defineDiagnostics({
  QEMU_NO_APT: {
    title: '--from apt-source needs apt, which this distribution does not have.',
    why: 'source packages of Debian and Ubuntu are fetched with apt',
    remedy: 'use --from source, which downloads a release of QEMU, or name a tarball: --from PATH',
  },
  QEMU_SOURCE_UNKNOWN: {
    title: 'The archives of the distribution have no source package of that version of QEMU.',
    why: 'each suite of the distribution has one version',
    remedy: 'choose one of the listed versions, or use --from source',
  },
  QEMU_SOURCE_FAILED: {
    title: 'A source package could not be downloaded or checked.',
    why: 'apt refused it; its output is the evidence',
    remedy: 'check the network, then run this again; finished downloads are kept',
  },
})

/** A source package of QEMU in one suite. */
export interface SourcePackage {
  /** `1:7.2+dfsg-7+deb12u18`. */
  readonly version: string
  /** Version of QEMU as far as the package's version says it: `7.2`. */
  readonly upstream: string
  readonly suite: string
}

export interface AptContext {
  /** Folder of the cache for lists and downloads. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly progress: (what: string) => void
  /** Folder that stands for `/`; other than `/` in tests. */
  readonly root?: string
}

/** Lists that are older are fetched anew. */
const LISTS_LAST_MS = 24 * 3600 * 1000

const LIST_FILE = 'source.sources'

/**
 * All source packages of QEMU that the suites of the distribution have, newest first.
 *
 * @throws BringupError QEMU_NO_APT, QEMU_SOURCE_FAILED
 */
export async function sourcePackages(context: AptContext): Promise<readonly SourcePackage[]> {
  const { options } = await freshLists(context)
  const { stdout } = await run('apt-cache', [...options, 'madison', 'qemu'], context)
  return packagesIn(stdout)
}

/** Lines of `apt-cache madison`: `qemu | 1:7.2+dfsg-7 | http://… bookworm/main Sources`. Pure. */
export function packagesIn(madison: string): readonly SourcePackage[] {
  return madison.split('\n').flatMap((line) => {
    const [, version, suite] = /^\s*qemu \| (\S+) \| \S+ ([^/\s]+)\/\S+ Sources\s*$/.exec(line) ?? []
    if (version === undefined || suite === undefined) return []
    return [{ version, upstream: upstreamOf(version), suite }]
  })
}

/** `1:10.0.13+ds-0+deb13u1` is QEMU 10.0.13. Pure. */
export function upstreamOf(version: string): string {
  return /^(?:\d+:)?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? version
}

/**
 * The package for a version of QEMU: `10.0` takes the newest 10.0.x. Stable updates of a distribution are not in the
 * version of the package (`7.2+dfsg` holds 7.2.22), so `7.2.22` takes `7.2`: the source says which it is.
 *
 * @throws BringupError QEMU_SOURCE_UNKNOWN
 */
export function choosePackage(spec: string, all: readonly SourcePackage[]): SourcePackage {
  const found =
    all.find((p) => p.upstream === spec || p.upstream.startsWith(`${spec}.`)) ??
    all.find((p) => spec.startsWith(`${p.upstream}.`) && p.upstream.split('.').length === 2)
  if (found) return found
  const known = [...new Set(all.map((p) => `${p.upstream} (${p.suite})`))].join(', ')
  throw new BringupError([
    problems.QEMU_SOURCE_UNKNOWN.at('', `QEMU ${spec}: no source package`, {
      remedy: known === '' ? 'check the network' : `choose one of: ${known}; or use --from source`,
    }),
  ])
}

/**
 * Downloads the files of a source package. A download that was cut off goes on where it stopped.
 *
 * @returns the path of its .dsc
 * @throws BringupError QEMU_SOURCE_FAILED
 */
export async function downloadSource({ version }: SourcePackage, context: AptContext): Promise<string> {
  const { options } = await freshLists(context)
  const folder = join(context.folder, 'downloads')
  makeFolder(folder)
  await withLock(
    join(folder, '.lock'),
    () =>
      run(
        'apt-get',
        [...options, '--quiet', '--download-only', 'source', `qemu=${version}`],
        context,
        folder,
      ),
    context.signal,
  )
  const name = `qemu_${version.replace(/^\d+:/, '')}.dsc`
  const dsc = join(folder, name)
  if (existsSync(dsc)) return dsc
  throw new BringupError([problems.QEMU_SOURCE_FAILED.at('', `apt downloaded no ${name}`)])
}

/** Fetches the lists if there are none or they are old. */
async function freshLists(context: AptContext): Promise<{ readonly options: readonly string[] }> {
  const sources = sourcesText(context.root)
  const folder = join(context.folder, 'apt', createHash('sha256').update(sources).digest('hex').slice(0, 16))
  const options = aptOptions(folder)
  const stamp = join(folder, 'updated')
  const isFresh = () =>
    Date.now() - (statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0) < LISTS_LAST_MS
  if (isFresh()) return { options }
  makeFolder(folder)
  await withLock(
    join(folder, 'lock'),
    async () => {
      if (isFresh()) return
      for (const name of ['lists/partial', 'archives/partial']) makeFolder(join(folder, name))
      writeFileSync(join(folder, LIST_FILE), sources, { mode: OWN_FILE })
      context.progress('fetching the lists of source packages')
      await run('apt-get', [...options, '--quiet', 'update'], context)
      writeFileSync(stamp, '', { mode: OWN_FILE })
    },
    context.signal,
  )
  return { options }
}

/** Settings by which apt touches nothing outside a folder. Proxies and keys of the system still count. */
function aptOptions(folder: string): readonly string[] {
  const settings = {
    'Dir::State': folder,
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    'Dir::Etc::sourcelist': join(folder, LIST_FILE),
    'Dir::Etc::sourceparts': '-',
    // As root apt would download as the user _apt, who cannot write into a user's cache.
    'APT::Sandbox::User': 'root',
    'Acquire::AllowInsecureRepositories': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
    'APT::Get::Update::SourceListWarnings': 'false',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

/**
 * One paragraph a suite, in deb822 form: a suite that is missing does not take the others with it.
 *
 * @throws BringupError QEMU_NO_APT
 */
export function sourcesText(root = '/'): string {
  const { id } = readDistribution(root)
  const codename = /^VERSION_CODENAME=["']?([\w-]+)/m.exec(readText(root, 'etc/os-release') ?? '')?.[1] ?? ''
  const archive = readArchive(id, codename, root)
  if (archive === undefined)
    throw new BringupError([
      problems.QEMU_NO_APT.at('', `${id} has no source packages in the form of Debian`),
    ])
  const { distribution, mirror, components, keyring } = archive
  return SUITES[distribution](codename)
    .map((suite) =>
      [
        'Types: deb-src',
        `URIs: ${mirror}`,
        `Suites: ${suite}`,
        `Components: ${components.join(' ')}`,
        ...(keyring === undefined ? [] : [`Signed-By: ${keyring}`]),
      ]
        .join('\n')
        .concat('\n'),
    )
    .join('\n')
}

/** Names that follow the releases, so that newer ones are found too. */
const SUITES: Readonly<Record<Archive['distribution'], (codename: string) => readonly string[]>> = {
  debian: (own) => [own, `${own}-backports`, 'oldoldstable', 'oldstable', 'stable', 'testing', 'unstable'],
  ubuntu: (own) => [own, `${own}-updates`, `${own}-backports`, 'devel'],
}

/** @throws BringupError QEMU_NO_APT, QEMU_SOURCE_FAILED */
async function run(
  program: 'apt-cache' | 'apt-get',
  args: readonly string[],
  { signal }: AptContext,
  cwd?: string,
): Promise<{ readonly stdout: string }> {
  // apt's methods download on when apt alone is killed: the guard ends them with this process.
  using guard = startGuard({ graceMs: 0 })
  const result = await execa(program, args, {
    env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...guard.environment },
    reject: false,
    cancelSignal: signal,
    stdin: 'ignore',
    ...(cwd === undefined ? {} : { cwd }),
  })
  signal.throwIfAborted()
  if (result.code === 'ENOENT')
    throw new BringupError([problems.QEMU_NO_APT.at('', `there is no ${program} on this computer`)])
  const lines = `${result.stdout}\n${result.stderr}`.split('\n')
  const errors = lines.filter((l) => /^[EW]: /.test(l))
  if (result.failed && !(program === 'apt-get' && args.includes('update') && isPartOnly(errors)))
    throw new BringupError([
      problems.QEMU_SOURCE_FAILED.at('', `${program} ended with code ${result.exitCode ?? 'of a signal'}`, {
        evidence: errors.length > 0 ? errors : lines.slice(-20),
      }),
    ])
  return { stdout: result.stdout }
}

/** A suite that the mirror does not have is no reason to do without the others. */
const isPartOnly = (errors: readonly string[]) =>
  errors.every((l) => /does not have a Release file|404\s+Not Found|index files failed to download/.test(l))
