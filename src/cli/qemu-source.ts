/** `bringup qemu install --from source|apt-source|PATH`: dependencies, source, build, and the QEMU that comes of it. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { EXIT_CODES } from '../guest/verdict.ts'
import { readDistribution } from '../host/distribution.ts'
import { cacheFolder } from '../project/cache-folder.ts'
import type { InstalledQemu } from '../qemus/record.ts'
import type { SourceBuildEvent } from '../qemus/source/build.ts'
import { type SourceWish, versionProblems } from '../qemus/source/configure-words.ts'
import { sourceDependencies } from '../qemus/source/dependencies.ts'
import { SOURCE_FEATURES } from '../qemus/source/features.ts'
import { installSource } from '../qemus/source/install-source.ts'
import { releaseSite } from '../qemus/source/release.ts'
import { type FoundSource, findSource, type SourceContext } from '../qemus/source/source.ts'
import { examine } from '../setup/examine.ts'
import { setupSteps } from '../setup/setup-steps.ts'
import { createHostReader } from '../steps/host-reader.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { formatDiagnostics } from './errors.ts'
import { prepareHost } from './operation.ts'
import { createStatusLine, type StatusLine } from './status-line.ts'
import { usageError } from './usage.ts'

/** Options of `qemu install` that only a build from source has. */
export const SOURCE_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--with <features>',
    description: `features to build in: ${SOURCE_FEATURES.map((f) => f.name).join(',')}, or any of configure's`,
  },
  { flags: '--targets <architectures>', description: 'architectures to emulate (default: x86_64)' },
  { flags: '--debug', description: 'build without optimisation and with debug information, for gdb' },
  { flags: '--tools', description: 'build only rdmacm-mux, in seconds' },
  { flags: '--jobs <n>', description: 'compilers side by side (default: the CPUs of this process)' },
  { flags: '--sha256 <digest>', description: 'digest that the tarball must have' },
  {
    flags: '--mirror <url>',
    description: 'download releases from here; signatures are checked all the same',
  },
]

/** What a source build is asked for. */
export interface SourceInstall {
  readonly spec: string | undefined
  /** `source`, `apt-source`, or a path. */
  readonly from: string
  readonly name?: string
  readonly replaces: boolean
}

/**
 * @returns the installed QEMU, or the exit code where nothing was to be built
 * @throws BringupError why not
 */
export async function installFromSource(
  invocation: Invocation,
  install: SourceInstall,
): Promise<InstalledQemu | number> {
  const { options, output, signal } = invocation
  const jobs = jobsOf(options.jobs)
  const status = createStatusLine(output)
  const folder = join(cacheFolder(), 'qemu')
  const context: SourceContext = {
    folder,
    signal,
    progress: (what) => status.phase(what),
    site: releaseSite(...(typeof options.mirror === 'string' ? [options.mirror] : [])),
    ...(typeof options.sha256 === 'string' ? { sha256: options.sha256 } : {}),
  }
  try {
    const found = await findSource(install.from, install.spec, context)
    const wish = wishOf(options)
    const wrong = versionProblems(found.version, wish)
    if (wrong.length > 0) throw new BringupError(wrong)
    status.clear()
    const prepared = await prepare(invocation, found, wish)
    if (prepared !== true) return prepared
    const source = await found.fetch(context)
    const installed = await installSource({
      ...install,
      source,
      wish,
      jobs,
      folder,
      cacheFolder: cacheFolder(),
      signal,
      onEvent: (event) => show(event, status),
    })
    status.clear()
    return installed
  } finally {
    status.clear()
  }
}

/** rdmacm-mux takes the libraries of RDMA. */
function wishOf(options: Invocation['options']): SourceWish {
  const isToolsOnly = options.tools === true
  return {
    features: [...new Set([...listOf(options.with), ...(isToolsOnly ? ['rdma'] : [])])],
    architectures: isToolsOnly ? [] : listOf(options.targets ?? 'x86_64'),
    isToolsOnly,
    isDebug: options.debug === true,
  }
}

const listOf = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? value
        .split(',')
        .map((word) => word.trim())
        .filter(Boolean)
    : []

/** Installs what the build needs, as steps that can be undone. */
async function prepare(invocation: Invocation, found: FoundSource, wish: SourceWish): Promise<true | number> {
  const { output, options, signal } = invocation
  const { family } = readDistribution()
  const set = sourceDependencies(found.kind, wish)
  const examined = await examine([set], {
    host: createHostReader(signal),
    family,
    sourceFolder: '/',
    cacheFolder: cacheFolder(),
  })
  const { steps, advice } = setupSteps(examined, family, false)
  if (advice.length > 0) output.note(formatDiagnostics(advice, output.errorPage))
  if (steps.length > 0) {
    const title = `install ${set.summary} ${found.version}`
    const done = await prepareHost(invocation, { name: 'qemu install', title, steps })
    if (done !== true) return done
  }
  if (options.dryRun !== true) return true
  const what = wish.isToolsOnly ? 'the tools' : wish.architectures.map((a) => `qemu-system-${a}`).join(', ')
  output.note(`Would build ${what} of QEMU ${found.version} from ${found.name}.`)
  return EXIT_CODES.passed
}

function show(event: SourceBuildEvent, status: StatusLine): void {
  if (event.kind === 'phase') status.phase(event.what)
  if (event.kind === 'progress') status.detail(`[${event.done}/${event.total}] ${event.what}`)
}

/** @throws BringupError USAGE */
function jobsOf(value: unknown): number {
  if (value === undefined) return availableParallelism()
  if (typeof value === 'string' && /^[1-9]\d{0,3}$/.test(value)) return Number(value)
  throw usageError(`--jobs wants a positive whole number, not "${String(value)}"`)
}
