/** `bringup qemu install --from source|apt-source|PATH`: dependencies, source, build, and the QEMU that comes of it. */
import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { EXIT_CODES } from '../guest/verdict.ts'
import { readDistribution } from '../host/distribution.ts'
import { cacheFolder } from '../project/cache-folder.ts'
import { refuseInstalled } from '../qemus/installed.ts'
import type { InstalledQemu } from '../qemus/record.ts'
import type { SourceBuildEvent } from '../qemus/source/build.ts'
import { type SourceWish, versionProblems } from '../qemus/source/configure-words.ts'
import { sourceDependencies } from '../qemus/source/dependencies.ts'
import { installSource } from '../qemus/source/install-source.ts'
import { releaseSite } from '../qemus/source/release.ts'
import { type FoundSource, findSource, type SourceContext } from '../qemus/source/source.ts'
import { examine } from '../setup/examine.ts'
import { setupSteps } from '../setup/setup-steps.ts'
import { createHostReader } from '../steps/host-reader.ts'
import type { Invocation } from './command.ts'
import { formatDiagnostics } from './errors.ts'
import { prepareHost } from './operation.ts'
import { createStatusLine, type StatusLine } from './status-line.ts'
import { usageError } from './usage.ts'

/** What is to be installed, and from where. */
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
  checkOptions(options, install.from)
  const jobs = jobsOf(options.jobs)
  if (install.name !== undefined && !install.replaces) refuseInstalled(install.name)
  const status = createStatusLine(output)
  const folder = join(cacheFolder(), 'qemu')
  const context: SourceContext = {
    folder,
    signal,
    progress: (what) => status.phase(what),
    site: releaseSite(...(typeof options.mirror === 'string' ? [options.mirror] : [])),
    ...(typeof options.sha256 === 'string' ? { sha256: options.sha256 } : {}),
    ...(typeof options.suite === 'string' ? { suite: options.suite } : {}),
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

/** Which sources an option applies to. */
const APPLIES = {
  suite: ['apt-source'],
  mirror: ['source'],
  sha256: ['source', 'tarball'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** An option that would have no effect is refused: a digest that is not compared proves nothing. */
function checkOptions(options: Invocation['options'], from: string): void {
  const isFolder = statSync(from, { throwIfNoEntry: false })?.isDirectory() === true
  const kind = from === 'source' || from === 'apt-source' ? from : isFolder ? 'folder' : 'tarball'
  for (const [name, kinds] of Object.entries(APPLIES))
    if (options[name] !== undefined && !kinds.some((one) => one === kind))
      throw usageError(`--${name} does not apply to --from ${from}`, `omit --${name}`)
  if (options.tools === true && options.targets !== undefined)
    throw usageError('--targets does not apply to --tools, which builds no emulator', 'omit one of them')
  const { sha256 } = options
  if (typeof sha256 === 'string' && !/^[0-9a-f]{64}$/i.test(sha256))
    throw usageError(`--sha256 "${sha256}" is not 64 hexadecimal digits`, 'see `sha256sum FILE`')
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
    if (done !== true && options.dryRun !== true) return done
  }
  if (options.dryRun !== true) return true
  const what = wish.isToolsOnly ? 'the tools' : wish.architectures.map((a) => `qemu-system-${a}`).join(', ')
  output.json({ isDryRun: true, from: found.name, version: found.version, steps: steps.length })
  output.print(`Would build ${what} of QEMU ${found.version} from ${found.name}.`)
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
