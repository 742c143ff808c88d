/** Installs a QEMU from the binary packages of another suite of the distribution: unpacked, with all that it needs. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import coerce from 'semver/functions/coerce.js'
import satisfies from 'semver/functions/satisfies.js'
import intersects from 'semver/ranges/intersects.js'
import minVersion from 'semver/ranges/min-version.js'
import validRange from 'semver/ranges/valid.js'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { readDistribution } from '../../host/distribution.ts'
import { makeFolder } from '../../own-files.ts'
import { startGuard } from '../../processes/guard.ts'
import { addQemu } from '../add.ts'
import { askStaged } from '../ask-staged.ts'
import { digestOf } from '../digests.ts'
import { refuseInstalled } from '../installed.ts'
import type { InstalledQemu, QemuRecord } from '../record.ts'
import type { ToolContext } from '../run-tool.ts'
import { type Staging, stageQemu } from '../staging.ts'
import { type AptCopy, problems as aptProblems, openAptCopy, type Package } from './apt-copy.ts'
import { type Archive, readArchive, sourcesFor, suitesOf, upstreamOf } from './archive.ts'
import { interpreterOf, librariesOf } from './libraries.ts'
import { closeModuleFolder } from './module-folder.ts'
import { bringLibraries } from './own-libraries.ts'
import { unpackPackage } from './unpack-package.ts'

export const problems = defineDiagnostics({
  QEMU_VERSION_NOT_PACKAGED: {
    title: 'No suite of the distribution has packages of that QEMU.',
    why: 'packages exist for the versions that the suites of the distribution have',
    remedy:
      'choose one of the versions below, or build it from source: `bringup qemu install VERSION --from source`',
  },
  QEMU_VERSION_UNREADABLE: {
    title: 'A version of QEMU that is neither a version nor a range.',
    why: 'versions are compared as semver does: 10.0, 7.2.22, ">=10", "^9.1"',
    remedy: 'give a version such as 10.0',
  },
  QEMU_PACKAGES_UNSUPPORTED: {
    title: 'This distribution has no packages that bringup can install beside the system.',
    why: 'packages of Debian and Ubuntu are supported',
    remedy: 'build it from source: `bringup qemu install 10.0 --from source`',
  },
  QEMU_LIBRARIES_MISSING: {
    title: 'A packaged QEMU needs libraries that neither the system nor its suite has.',
    why: 'the program cannot be loaded without them',
    remedy:
      'choose another suite with --suite, or build it from source: `bringup qemu install VERSION --from source`',
  },
})

export interface PackagesRequest {
  /** A version or a range: `10.0`, `>=10`. */
  readonly spec: string
  /** Only this suite. Default: the first that has it. */
  readonly suite?: string
  /** Default: its version and `-packages`. */
  readonly name?: string
  readonly replaces?: boolean
  readonly signal?: AbortSignal
  readonly onPhase?: (what: string) => void
  readonly onLine?: (line: string) => void
}

const EMULATOR = 'qemu-system-x86'
const PROGRAM = 'usr/bin/qemu-system-x86_64'
/** Those that belong to one QEMU: the emulator, its modules, data and firmware. */
const OF_QEMU = /^(qemu-system-|seabios$|ipxe-qemu|ovmf(-generic)?$|edk2-)/
const FIRMWARE = ['ovmf']
/** Searched for firmware and data, as Debian's and Ubuntu's builds do, and then for UEFI. */
const DATA = ['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu', 'usr/share/OVMF']
/** Of no use to a QEMU that is started by bringup. */
const USELESS = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/lintian',
  'usr/share/bug',
  'etc',
  'var',
  'usr/lib/debug',
]

/**
 * Installs it and reads its capabilities over QMP.
 *
 * @example
 * const qemu = await installFromPackages({ spec: '10.0' })
 *
 * @throws BringupError with a code of this file, of `apt-copy.ts`, QEMU_INSTALLED_ALREADY, QEMU_NOT_QEMU; the signal's
 * reason when aborted
 */
export async function installFromPackages(request: PackagesRequest): Promise<InstalledQemu> {
  const { spec, signal, onLine, onPhase = () => {}, name: wanted, replaces = false } = request
  checkRequest(request)
  await using staging = await stageQemu(undefined, signal)
  const context: ToolContext = {
    environment: staging.environment,
    ...(signal ? { signal } : {}),
    ...(onLine ? { onLine } : {}),
  }
  const rejected = new Map<string, string>()
  for (;;) {
    const found = await findSuite(request, staging.work, { context, rejected })
    if (wanted === undefined && !replaces && !isSeries(found.upstream))
      refuseInstalled(nameOf(found.upstream))
    const about = aboutOf(found, await unpack(found, staging, context, onPhase))
    onPhase('reading the capabilities over QMP')
    const { version, features } = await askStaged(staging, about, signal)
    if (satisfies(version, spec)) {
      const name = wanted ?? nameOf(version)
      return await addQemu(
        staging,
        { ...about, name, version, features: [...features] },
        { replaces, ...(signal ? { signal } : {}) },
      )
    }
    // A package of a series, such as 7.2+dfsg, does not say which of its versions it holds.
    rejected.set(found.suite, version)
    for (const path of [staging.folder, join(staging.work, 'root'), join(staging.work, 'cache')])
      rmSync(path, { recursive: true, force: true })
    makeFolder(staging.folder)
  }
}

/** What an installation would take. */
export interface PackagedQemu {
  readonly suite: string
  /** As far as the package says it: `7.2` of a series. */
  readonly version: string
}

/**
 * Finds the suite that an installation would take, and installs nothing.
 *
 * @throws BringupError as `installFromPackages` does
 */
export async function findPackaged(request: PackagesRequest): Promise<PackagedQemu> {
  const { signal, onLine } = request
  checkRequest(request)
  const work = mkdtempSync(join(tmpdir(), 'bringup-packages-'))
  using guard = startGuard({ graceMs: 0, remove: work })
  try {
    const context: ToolContext = {
      environment: guard.environment,
      ...(signal ? { signal } : {}),
      ...(onLine ? { onLine } : {}),
    }
    const { suite, upstream } = await findSuite(request, work, { context, rejected: new Map() })
    return { suite, version: upstream }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const nameOf = (version: string) => `${version}-packages`

function checkRequest({ spec, name, replaces = false }: PackagesRequest): void {
  if (validRange(spec) === null)
    throw new BringupError([
      problems.QEMU_VERSION_UNREADABLE.at('', `"${spec}" is neither a version nor a range`),
    ])
  if (name !== undefined && !replaces) refuseInstalled(name)
}

/** Its name and version are those of the package, until the binary has answered. */
function aboutOf(
  { archive, suite, upstream }: FoundSuite,
  { packages, start }: Brought,
): Omit<QemuRecord, 'format' | 'files' | 'installedAt'> {
  const { distribution, mirror } = archive
  return {
    name: nameOf(upstream),
    version: upstream,
    from: { kind: 'packages', distribution, suite, mirror, packages },
    programs: { x86_64: PROGRAM },
    start,
    tools: {},
    features: [],
  }
}

interface FoundSuite {
  readonly archive: Archive
  readonly suite: string
  readonly apt: AptCopy
  /** `10.0.2` of `1:10.0.2+ds-2`, `7.2` of `1:7.2+dfsg-7`. */
  readonly upstream: string
}

/**
 * The first suite with a version that fits. One that cannot be read is passed over, and named if none fits.
 *
 * @param rejected Suites whose QEMU turned out to be of another version
 */
async function findSuite(
  { spec, suite: only, onPhase = () => {}, signal }: PackagesRequest,
  work: string,
  { context, rejected }: { context: ToolContext; rejected: ReadonlyMap<string, string> },
): Promise<FoundSuite> {
  const archive = hostArchive()
  const seen: string[] = []
  const failures: BringupError[] = []
  for (const suite of only === undefined ? suitesOf(archive, spec) : [only]) {
    const other = rejected.get(suite)
    if (other !== undefined) {
      seen.push(`${suite}: ${other}`)
      continue
    }
    onPhase(`reading the packages of ${suite}`)
    const folder = join(work, `apt-${suite}`)
    makeFolder(folder)
    try {
      const apt = await openAptCopy({ sources: sourcesFor(archive, suite), suite, folder, context })
      await apt.update()
      const candidate = await apt.candidate(EMULATOR)
      const upstream = candidate === undefined ? undefined : upstreamOf(candidate)
      if (upstream !== undefined && mayFit(upstream, spec)) return { archive, suite, apt, upstream }
      seen.push(`${suite}: ${upstream ?? 'no QEMU'}`)
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof BringupError)) throw error
      failures.push(error)
      seen.push(`${suite}: ${error.diagnostics[0]?.code} ${error.diagnostics[0]?.what}`)
    }
  }
  const [failure] = failures
  // Where nothing could be read the reason is that, not the version.
  if (failure !== undefined && failures.length === seen.length) throw failure
  throw new BringupError([
    problems.QEMU_VERSION_NOT_PACKAGED.at('', `no suite of ${archive.distribution} has QEMU ${spec}`, {
      evidence: seen,
      remedy: `choose one of the versions below, or build it from source: \`${sourceCommand(spec)}\``,
    }),
  ])
}

const isSeries = (upstream: string) => /^\d+\.\d+$/.test(upstream)

/** Releases are named by a version, not by a range. */
function sourceCommand(spec: string): string {
  const least = minVersion(spec)
  // A range without a lower end, such as <8, starts at 0.0.0.
  const { major, minor, patch } = least && least.major > 0 ? least : { major: 7, minor: 2, patch: 0 }
  const version = /^\d+\.\d+\.\d+$/.test(spec) ? `${major}.${minor}.${patch}` : `${major}.${minor}`
  return `bringup qemu install ${version} --from source`
}

/** A package of a series holds one of its versions, and does not say which. Pure. */
export function mayFit(upstream: string, spec: string): boolean {
  if (isSeries(upstream)) return intersects(`~${upstream}.0`, spec)
  const version = coerce(upstream)
  return version !== null && satisfies(version, spec)
}

function hostArchive(): Archive {
  const { id, name, codename } = readDistribution()
  const archive = readArchive(id, codename ?? '')
  if (archive) return archive
  throw new BringupError([problems.QEMU_PACKAGES_UNSUPPORTED.at('', `this is ${name}`)])
}

interface Brought {
  readonly packages: { name: string; version: string; sha256: string }[]
  readonly start: QemuRecord['start']
}

/** Fetches and unpacks QEMU's own packages; the libraries of the suite only where the system's do not fit. */
async function unpack(
  { apt, suite }: FoundSuite,
  staging: Staging,
  context: ToolContext,
  onPhase: (what: string) => void,
): Promise<Brought> {
  onPhase('choosing the packages')
  const closure = await apt.closure([EMULATOR, ...FIRMWARE])
  const own = closure.filter(({ name }) => OF_QEMU.test(name))
  const home = staging.folder
  onPhase(`fetching ${own.length} packages of QEMU from ${suite}`)
  const packages = [...(await fetchInto(home, own, { apt, suite, staging, context }))]
  for (const path of USELESS) rmSync(join(home, path), { recursive: true, force: true })
  const program = join(home, PROGRAM)
  const modules = await closeModuleFolder(program)
  const loader = await loaderFor(
    { home, program, modules },
    async (root) => {
      const others = closure.filter(({ name }) => !OF_QEMU.test(name))
      onPhase(`fetching ${others.length} packages of libraries from ${suite}`)
      packages.push(...(await fetchInto(root, others, { apt, suite, staging, context })))
    },
    { staging, context },
  )
  return {
    packages,
    start: {
      loader: [...loader],
      environment: modules === undefined ? {} : { QEMU_MODULE_DIR: `{folder}${modules}` },
      args: DATA.filter((path) => existsSync(join(home, path))).flatMap((path) => ['-L', `{folder}/${path}`]),
    },
  }
}

/** Words before the program: none where the system's libraries will do. */
async function loaderFor(
  { home, program, modules }: { home: string; program: string; modules: string | undefined },
  bring: (root: string) => Promise<void>,
  { staging, context }: { staging: Staging; context: ToolContext },
): Promise<readonly string[]> {
  const interpreter = interpreterOf(program) ?? '/lib64/ld-linux-x86-64.so.2'
  const here = existsSync(interpreter)
    ? await librariesOf(program, { loader: interpreter, searched: [] }, context)
    : { missing: [interpreter] }
  if (here.missing.length === 0) return []
  const root = join(staging.work, 'root')
  await bring(root)
  const folder = modules === undefined ? undefined : join(home, modules)
  const files = folder !== undefined && existsSync(folder) ? readdirSync(folder) : []
  const all = [program, ...files.map((file) => join(folder ?? '', file))]
  const brought = await bringLibraries({ root, home, interpreter }, all, context)
  if (brought.missing.length === 0) return brought.loader
  throw new BringupError([
    problems.QEMU_LIBRARIES_MISSING.at('', `missing: ${brought.missing.join(', ')}`, {
      evidence: [`missing on this system: ${here.missing.join(', ')}`],
    }),
  ])
}

async function fetchInto(
  folder: string,
  packages: readonly Package[],
  { apt, suite, staging, context }: { apt: AptCopy; suite: string; staging: Staging; context: ToolContext },
): Promise<readonly { name: string; version: string; sha256: string }[]> {
  const archives = join(staging.work, `archives-${packages.length}`)
  await apt.fetch(packages, archives)
  makeFolder(folder)
  const files = readdirSync(archives).filter((file) => file.endsWith('.deb'))
  const digests = new Map<string, string>()
  for (const file of files) {
    const path = join(archives, file)
    digests.set(file.split('_')[0] ?? '', await digestOf(path, context.signal))
    await unpackPackage(path, { folder, suite }, context)
  }
  rmSync(archives, { recursive: true })
  return packages.map((one) => {
    const sha256 = digests.get(one.name)
    if (sha256 !== undefined) return { ...one, sha256 }
    throw new BringupError([aptProblems.QEMU_APT_FAILED.at('', `apt fetched no file of ${one.name}`)])
  })
}
