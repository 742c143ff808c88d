/** Installs a QEMU from the binary packages of another suite of the distribution: unpacked, with all that it needs. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import coerce from 'semver/functions/coerce.js'
import satisfies from 'semver/functions/satisfies.js'
import validRange from 'semver/ranges/valid.js'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { readDistribution } from '../../host/distribution.ts'
import { makeFolder } from '../../own-files.ts'
import { addQemu } from '../add.ts'
import { askStaged } from '../ask-staged.ts'
import { digestOf } from '../digests.ts'
import { findInstalled } from '../installed.ts'
import { problems as roomProblems } from '../problems.ts'
import type { InstalledQemu, QemuRecord } from '../record.ts'
import { runTool, type ToolContext } from '../run-tool.ts'
import { type Staging, stageQemu } from '../staging.ts'
import { type AptCopy, openAptCopy, type Package } from './apt-copy.ts'
import { type Archive, readArchive, sourcesFor, suitesOf } from './archive.ts'
import { interpreterOf, librariesOf } from './libraries.ts'
import { closeModuleFolder } from './module-folder.ts'
import { bringLibraries } from './own-libraries.ts'

export const problems = defineDiagnostics({
  QEMU_VERSION_NOT_PACKAGED: {
    title: 'No suite of the distribution has packages of that QEMU.',
    why: 'packages exist for the versions that the suites of the distribution have',
    remedy: 'choose one of the versions below, or build it from source: `bringup qemu install VERSION`',
  },
  QEMU_VERSION_UNREADABLE: {
    title: 'A version of QEMU that is neither a version nor a range.',
    why: 'versions are compared as semver does: 10.0, 7.2.22, ">=10", "^9.1"',
    remedy: 'give a version such as 10.0',
  },
  QEMU_PACKAGES_UNSUPPORTED: {
    title: 'This distribution has no packages that bringup can install beside the system.',
    why: 'packages of Debian and Ubuntu are supported',
    remedy: 'build it from source: `bringup qemu install 10.0`',
  },
  QEMU_LIBRARIES_MISSING: {
    title: 'A packaged QEMU needs libraries that neither the system nor its suite has.',
    why: 'the program cannot be loaded without them',
    remedy: 'choose another suite with --suite, or build it from source: `bringup qemu install VERSION`',
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
 * Installs it and asks it what it can do.
 *
 * @example
 * const qemu = await installFromPackages({ spec: '10.0' })
 *
 * @throws BringupError with a code of this file, of `apt-copy.ts`, QEMU_INSTALLED_ALREADY, QEMU_NOT_QEMU; the signal's
 * reason when aborted
 */
export async function installFromPackages(request: PackagesRequest): Promise<InstalledQemu> {
  const { signal, onLine, onPhase = () => {}, name: wanted, replaces = false } = request
  if (validRange(request.spec) === null)
    throw new BringupError([
      problems.QEMU_VERSION_UNREADABLE.at('', `"${request.spec}" is neither a version nor a range`),
    ])
  if (wanted !== undefined && !replaces) refuseInstalled(wanted)
  await using staging = await stageQemu(undefined, signal)
  const context: ToolContext = {
    environment: staging.environment,
    ...(signal ? { signal } : {}),
    ...(onLine ? { onLine } : {}),
  }
  const found = await findSuite(request, staging.work, context)
  const name = wanted ?? `${found.upstream}-packages`
  if (!replaces) refuseInstalled(name)
  const brought = await unpack(found, staging, context, onPhase)
  onPhase('asking QEMU what it can do')
  const about: Omit<QemuRecord, 'format' | 'files' | 'installedAt'> = {
    name,
    version: found.upstream,
    from: {
      kind: 'packages',
      distribution: found.archive.distribution,
      suite: found.suite,
      mirror: found.archive.mirror,
      packages: brought.packages,
    },
    programs: { x86_64: PROGRAM },
    start: brought.start,
    tools: {},
    features: [],
  }
  const { version, features } = await askStaged(staging, about, signal)
  return await addQemu(
    staging,
    { ...about, version, features: [...features] },
    { replaces, ...(signal ? { signal } : {}) },
  )
}

function refuseInstalled(name: string): void {
  if (findInstalled(name) !== undefined)
    throw new BringupError([roomProblems.QEMU_INSTALLED_ALREADY.at('', `${name} is installed`)])
}

interface FoundSuite {
  readonly archive: Archive
  readonly suite: string
  readonly apt: AptCopy
  /** `10.0.2` of `1:10.0.2+ds-2`. */
  readonly upstream: string
}

/** The first suite with a version that fits. One that cannot be read is passed over, and named if none fits. */
async function findSuite(
  { spec, suite: only, onPhase = () => {}, signal }: PackagesRequest,
  work: string,
  context: ToolContext,
): Promise<FoundSuite> {
  const archive = hostArchive()
  const seen: string[] = []
  const failures: BringupError[] = []
  for (const suite of only === undefined ? suitesOf(archive, spec) : [only]) {
    onPhase(`reading the packages of ${suite}`)
    const folder = join(work, `apt-${suite}`)
    makeFolder(folder)
    try {
      const apt = await openAptCopy({ sources: sourcesFor(archive, suite), suite, folder, context })
      await apt.update()
      const candidate = await apt.candidate(EMULATOR)
      const upstream = coerce(candidate?.replace(/^\d+:/, ''))?.version
      if (upstream !== undefined && satisfies(upstream, spec)) return { archive, suite, apt, upstream }
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
      remedy: `choose one of the versions below, or build it from source: \`bringup qemu install ${spec}\``,
    }),
  ])
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
  const packages = [...(await fetchInto(home, own, { apt, staging, context }))]
  for (const path of USELESS) rmSync(join(home, path), { recursive: true, force: true })
  const program = join(home, PROGRAM)
  const modules = await closeModuleFolder(program)
  const loader = await loaderFor(
    { home, program, modules },
    async (root) => {
      const others = closure.filter(({ name }) => !OF_QEMU.test(name))
      onPhase(`fetching ${others.length} packages of libraries from ${suite}`)
      packages.push(...(await fetchInto(root, others, { apt, staging, context })))
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
  { apt, staging, context }: { apt: AptCopy; staging: Staging; context: ToolContext },
): Promise<readonly { name: string; version: string; sha256: string }[]> {
  const archives = join(staging.work, `archives-${packages.length}`)
  await apt.fetch(packages, archives)
  makeFolder(folder)
  const files = readdirSync(archives).filter((file) => file.endsWith('.deb'))
  const digests = new Map<string, string>()
  for (const file of files) {
    const path = join(archives, file)
    digests.set(file.split('_')[0] ?? '', await digestOf(path, context.signal))
    const { status, lines } = await runTool(['dpkg-deb', '--extract', path, folder], context)
    if (status !== 0) throw new Error(`dpkg-deb --extract ${file} ended with ${status}: ${lines.at(-1)}`)
  }
  rmSync(archives, { recursive: true })
  return packages.map((one) => ({ ...one, sha256: digests.get(one.name) ?? '' }))
}
