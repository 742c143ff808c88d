/**
 * QEMU's source packages in the archives of the distribution: lists of their own, so that neither the system's sources
 * nor its lists change. apt checks the signature of each archive with the distribution's keyring, and by its index the
 * digest of every file. Source: apt-get(8), sources.list(5), apt-secure(8).
 */
import { createHash } from 'node:crypto'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { readDistribution } from '../../host/distribution.ts'
import { OWN_FILE } from '../../own-files.ts'
import { withLock } from '../../processes/file-lock.ts'
import { startGuard } from '../../processes/guard.ts'
import { compareVersions } from '../installed.ts'
import { type AptCopy, openAptCopy } from '../packages/apt-copy.ts'
import { type Archive, readArchive, upstreamOf } from '../packages/archive.ts'

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
  /** Only this suite. Default: those of the distribution. */
  readonly suite?: string
  /** Folder that stands for `/`; other than `/` in tests. */
  readonly root?: string
}

/** Lists that are older are fetched anew. */
const LISTS_LAST_MS = 24 * 3600 * 1000

/**
 * All source packages of QEMU that the suites of the distribution have, newest first.
 *
 * @throws BringupError QEMU_NO_APT, and what AptCopy throws
 */
export const sourcePackages = (context: AptContext): Promise<readonly SourcePackage[]> =>
  withApt(context, async (apt) => packagesIn((await apt.madison('qemu')).join('\n')))

/** Newest first, of lines of `apt-cache madison`: `qemu | 1:7.2+dfsg-7 | http://… bookworm/main Sources`. Pure. */
export function packagesIn(madison: string): readonly SourcePackage[] {
  return madison
    .split('\n')
    .flatMap((line) => {
      const [, version, suite] = /^\s*qemu \| (\S+) \| \S+ ([^/\s]+)\/\S+ Sources\s*$/.exec(line) ?? []
      if (version === undefined || suite === undefined) return []
      return [{ version, upstream: upstreamOf(version), suite }]
    })
    .toSorted((a, b) => compareVersions(b.upstream, a.upstream))
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
 * @throws BringupError QEMU_SOURCE_FAILED, and what AptCopy throws
 */
export async function downloadSource({ version }: SourcePackage, context: AptContext): Promise<string> {
  const folder = join(context.folder, 'downloads')
  const fetch = () => withApt(context, (apt) => apt.source({ name: 'qemu', version }, folder))
  await withLock(join(folder, '.lock'), fetch, context.signal)
  const name = `qemu_${version.replace(/^\d+:/, '')}.dsc`
  const dsc = join(folder, name)
  if (existsSync(dsc)) return dsc
  throw new BringupError([problems.QEMU_SOURCE_FAILED.at('', `apt downloaded no ${name}`)])
}

/** One process at a time uses the lists, which are fetched if they are missing or old. */
async function withApt<T>(context: AptContext, work: (apt: AptCopy) => Promise<T>): Promise<T> {
  const { root, suite, signal } = context
  const sources = sourceLines(root, suite)
  const key = createHash('sha256').update(sources.join('\n')).digest('hex').slice(0, 16)
  const folder = join(context.folder, 'apt', key)
  return withLock(
    join(folder, 'lock'),
    async () => {
      // apt's methods download on when apt alone is killed: the guard ends them with this process.
      using guard = startGuard({ graceMs: 0 })
      const tool = { environment: guard.environment, signal }
      const apt = await openAptCopy({ sources, suite: suite ?? 'the distribution', folder, context: tool })
      await refresh(apt, join(folder, 'updated'), context)
      return work(apt)
    },
    signal,
  )
}

async function refresh(apt: AptCopy, stamp: string, { progress, suite }: AptContext): Promise<void> {
  if (Date.now() - (statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0) < LISTS_LAST_MS) return
  progress('fetching the lists of source packages')
  // A suite that the mirror does not have is no reason to do without the others.
  await apt.update(suite === undefined)
  writeFileSync(stamp, '', { mode: OWN_FILE })
}

/**
 * One line a suite: one that is missing does not take the others with it.
 *
 * @param suite Only this one
 * @throws BringupError QEMU_NO_APT
 */
export function sourceLines(root = '/', suite?: string): readonly string[] {
  const { id, codename = '' } = readDistribution(root)
  const archive = readArchive(id, codename, root)
  if (archive === undefined)
    throw new BringupError([
      problems.QEMU_NO_APT.at('', `${id} has no source packages in the form of Debian`),
    ])
  const { distribution, mirror, components, keyring } = archive
  const options = keyring === undefined ? '' : `[signed-by=${keyring}] `
  const suites = suite === undefined ? SUITES[distribution](codename) : [suite]
  return suites.map((name) => `deb-src ${options}${mirror} ${name} ${components.join(' ')}`)
}

/** Names that follow the releases, so that newer ones are found too. */
const SUITES: Readonly<Record<Archive['distribution'], (codename: string) => readonly string[]>> = {
  debian: (own) => [own, `${own}-backports`, 'oldoldstable', 'oldstable', 'stable', 'testing', 'unstable'],
  ubuntu: (own) => [own, `${own}-updates`, `${own}-backports`, 'devel'],
}
