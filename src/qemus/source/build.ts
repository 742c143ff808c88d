/** Configures and compiles a source tree of QEMU outside itself. What was compiled is kept for a build that goes on. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { execa } from 'execa'
import { type BuildEvent, type BuildResult, runBuild } from '../../build/build.ts'
import type { BuildTarget } from '../../build/graph.ts'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { findProgram } from '../../host/tools.ts'
import { LineSplitter } from '../../line-splitter.ts'
import { makeFolder, writeWhole } from '../../own-files.ts'
import { startGuard } from '../../processes/guard.ts'
import { buildReaper } from '../../processes/reaper.ts'
import { isAtLeast } from '../../setup/version.ts'
import { readConfigureHelp } from './configure-help.ts'
import { configureWords, type SourceWish } from './configure-words.ts'
import { failuresIn, NINJA_STATUS, progressIn } from './ninja-output.ts'
import type { SourceTree } from './tree.ts'

export const problems = defineDiagnostics({
  QEMU_CONFIGURE_FAILED: {
    title: 'QEMU’s configure failed.',
    why: 'it could not prepare the build; its message is below',
    remedy: 'fix what it names, then run this again',
  },
  QEMU_BUILD_FAILED: {
    title: 'A command of QEMU’s build failed.',
    why: 'QEMU was not built, and no installed QEMU has changed; the compiler’s messages are below',
    remedy: 'fix what they name, then run this again: what is compiled stays compiled',
  },
  QEMU_BUILD_FOLDER_ODD: {
    title: 'QEMU cannot be built in a folder with that name.',
    why: 'configure refuses folders with spaces and colons in their names',
    remedy: 'name another cache: export XDG_CACHE_HOME=/var/tmp/cache-of-$USER',
    source: 'configure: main directory cannot contain spaces nor colons',
  },
  QEMU_BUILD_INCOMPLETE: {
    title: 'A source tree does not build a program that was requested.',
    why: 'it was configured, but its build has no such program',
    remedy: 'choose another version or other features',
  },
  QEMU_MESON_OLD: {
    title: 'The meson of this computer is too old for this version of QEMU.',
    why: 'the source tree names the oldest version that it takes, and brings none along',
    remedy: 'install a newer meson, or build a release, which brings its own: --from source',
  },
})

/** What happens, for progress displays. */
export type SourceBuildEvent =
  | { readonly kind: 'phase'; readonly what: string }
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly what: string }
  | { readonly kind: 'line'; readonly line: string }

export interface SourceBuildRequest {
  readonly tree: SourceTree
  /** Changes when the content of the tree does; of a local tree, its path. */
  readonly treeKey: string
  readonly wish: SourceWish
  /** Folder that QEMU will lie in. */
  readonly prefix: string
  /** Holds one build folder for each tree and wish. */
  readonly builds: string
  readonly cacheFolder: string
  readonly jobs: number
  readonly prefixMap?: string
  readonly signal: AbortSignal
  readonly onEvent: (event: SourceBuildEvent) => void
}

/** A finished build. */
export interface SourceBuild {
  readonly folder: string
  /** Words that configure was given. */
  readonly configure: readonly string[]
  /** Programs by name: `{ 'rdmacm-mux': '/…/build/contrib/rdmacm-mux/rdmacm-mux' }`. */
  readonly programs: Readonly<Record<string, string>>
  /** Data files by their path below the prefix: firmware, keymaps. */
  readonly data: Readonly<Record<string, string>>
}

/** Programs of QEMU that are installed with it, where the version has them. */
const TOOLS = [
  'rdmacm-mux',
  'ivshmem-server',
  'qemu-img',
  'qemu-io',
  'qemu-nbd',
  'qemu-storage-daemon',
] as const
/** ivshmem-server would need all of QEMU's utility library, some 300 files. */
const TOOLS_ONLY: readonly string[] = ['rdmacm-mux']

/** The folder of a build, and the words of its configure. */
export interface PreparedBuild {
  readonly folder: string
  readonly words: readonly string[]
}

/**
 * Asks the tree what its configure offers.
 *
 * @throws BringupError with every problem of the wish, QEMU_BUILD_FOLDER_ODD, QEMU_CONFIGURE_FAILED
 */
export async function prepareBuild(request: SourceBuildRequest): Promise<PreparedBuild> {
  for (const folder of [request.builds, request.tree.folder])
    if (/[\s:]/.test(folder)) throw new BringupError([problems.QEMU_BUILD_FOLDER_ODD.at('', folder)])
  const words = await planConfigure(request)
  return { folder: join(request.builds, keyOf(request, words)), words }
}

/**
 * Builds. One process at a time may do so in the folder. A build that was interrupted or failed before goes on with what it had compiled.
 *
 * @throws BringupError QEMU_CONFIGURE_FAILED, QEMU_BUILD_INCOMPLETE, QEMU_BUILD_FAILED, BUILD_DISK_FULL; the signal's
 *   reason when aborted
 */
export async function buildSource(
  request: SourceBuildRequest,
  { folder, words }: PreparedBuild,
): Promise<SourceBuild> {
  const means = { request, folder, reaper: await buildReaper(request) }
  await configure(words, means)
  const programs = chooseTargets(targetsIn(folder), request.wish, request.tree.version)
  const data = request.wish.isToolsOnly ? {} : dataIn(folder, request.prefix)
  const made = Object.values(data).filter((path) => path.startsWith(`${folder}/`) && !existsSync(path))
  const outputs = [...Object.values(programs), ...made].map((path) => relative(join(folder, 'build'), path))
  await compile(outputs, means)
  return { folder, configure: words, programs, data }
}

/**
 * The programs to build, by name. Tools that a version lacks are passed over; what was requested is not. Pure.
 *
 * @throws BringupError QEMU_BUILD_INCOMPLETE
 */
export function chooseTargets(
  all: Readonly<Record<string, string>>,
  { architectures, isToolsOnly }: Pick<SourceWish, 'architectures' | 'isToolsOnly'>,
  version: string,
): Readonly<Record<string, string>> {
  const required = isToolsOnly ? TOOLS_ONLY : architectures.map((name) => `qemu-system-${name}`)
  const missing = required.filter((name) => all[name] === undefined)
  if (missing.length > 0)
    throw new BringupError(
      missing.map((name) => problems.QEMU_BUILD_INCOMPLETE.at('', `QEMU ${version} does not build ${name}`)),
    )
  const wanted = isToolsOnly ? required : [...required, ...TOOLS]
  return Object.fromEntries(wanted.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])))
}

/** The words of configure. */
async function planConfigure(request: SourceBuildRequest): Promise<readonly string[]> {
  const { tree, wish, prefix, prefixMap } = request
  const offer = readConfigureHelp(await helpOf(request))
  const program = findProgram('meson')
  const old = tree.hasOwnMeson || program === undefined ? [] : checkMeson(tree, await mesonVersion(program))
  const { words, diagnostics } = configureWords(wish, offer, tree.version, {
    prefix,
    python: pythonPath(),
    ...(prefixMap === undefined ? {} : { prefixMap }),
    ...(tree.hasOwnMeson || program === undefined ? {} : { meson: program }),
  })
  const found = [...diagnostics, ...old]
  if (found.some((d) => d.severity === 'error')) throw new BringupError(found)
  return words
}

async function mesonVersion(program: string): Promise<string | undefined> {
  const { stdout, failed } = await execa(program, ['--version'], { reject: false, timeout: 60_000 })
  return failed ? undefined : stdout.trim()
}

/** Whether that meson builds the tree; of one whose version is unknown, configure says it. Pure. */
export function checkMeson(
  { version, minimumMeson }: Pick<SourceTree, 'version' | 'minimumMeson'>,
  meson: string | undefined,
): readonly Diagnostic[] {
  if (meson === undefined || minimumMeson === undefined) return []
  if (isAtLeast(meson, minimumMeson)) return []
  return [
    problems.QEMU_MESON_OLD.at('', `QEMU ${version} needs meson ${minimumMeson}, this computer has ${meson}`),
  ]
}

/** The distribution's: packages such as meson are for its own interpreter, which need not be the first in PATH. */
const pythonPath = () =>
  ['/usr/bin/python3'].find((path) => existsSync(path)) ?? findProgram('python3') ?? 'python3'

async function helpOf({ tree, builds, signal }: Pick<SourceBuildRequest, 'tree' | 'builds' | 'signal'>) {
  // It writes files of its own into the folder in which it is called.
  const cwd = join(builds, 'help')
  makeFolder(cwd)
  using guard = startGuard({ graceMs: 0 })
  const result = await execa(join(tree.folder, 'configure'), ['--help'], {
    cwd,
    env: { LC_ALL: 'C', ...guard.environment },
    reject: false,
    cancelSignal: signal,
    stdin: 'ignore',
    all: true,
  })
  signal.throwIfAborted()
  if (!result.failed) return result.stdout
  const evidence = (result.all ?? result.message).split('\n').slice(-20)
  throw new BringupError([
    problems.QEMU_CONFIGURE_FAILED.at('', `${tree.folder}/configure --help failed`, { evidence }),
  ])
}

/** Compilers and flags of the environment are part of what is built. */
function keyOf({ treeKey }: SourceBuildRequest, words: readonly string[]): string {
  const environment = ['CC', 'CXX', 'CFLAGS', 'LDFLAGS'].map((name) => process.env[name] ?? '')
  return createHash('sha256')
    .update(JSON.stringify([treeKey, words, environment]))
    .digest('hex')
    .slice(0, 16)
}

interface Means {
  readonly request: SourceBuildRequest
  readonly folder: string
  readonly reaper: string | undefined
}

async function configure(words: readonly string[], means: Means): Promise<void> {
  const { request, folder } = means
  const [stamp, build] = [join(folder, 'configured.json'), join(folder, 'build')]
  const isConfigured = existsSync(stamp) && existsSync(join(build, 'build.ninja'))
  if (isConfigured) return
  request.onEvent({ kind: 'phase', what: `configuring QEMU ${request.tree.version}` })
  const target: BuildTarget = {
    id: 'configure',
    summary: 'configure QEMU',
    actions: [{ kind: 'command', argv: [join(request.tree.folder, 'configure'), ...words], cwd: 'build' }],
  }
  // A configure that was cut short leaves a folder that meson refuses to go on with.
  rmSync(build, { recursive: true, force: true })
  makeFolder(build)
  const result = await run(target, means)
  if (result.result !== 'built') throw failure(result, configureFailed)
  writeWhole(stamp, JSON.stringify(words))
}

async function compile(outputs: readonly string[], means: Means): Promise<void> {
  const { request } = means
  if (outputs.length === 0) return
  const what = request.wish.isToolsOnly ? 'the tools of QEMU' : 'QEMU'
  request.onEvent({ kind: 'phase', what: `compiling ${what} ${request.tree.version}` })
  const ninja = ['ninja', 'ninja-build', 'samu'].find((name) => findProgram(name) !== undefined) ?? 'ninja'
  const target: BuildTarget = {
    id: 'compile',
    summary: `compile ${what}`,
    actions: [
      { kind: 'command', argv: [ninja, '-j', `${request.jobs}`, '-C', 'build', ...outputs], cwd: '.' },
    ],
  }
  const result = await run(target, means)
  if (result.result !== 'built') throw failure(result, compileFailed)
}

async function run(target: BuildTarget, { request, folder, reaper }: Means): Promise<BuildResult> {
  const splitter = new LineSplitter((line) => {
    const progress = progressIn(line)
    request.onEvent(progress ? { kind: 'progress', ...progress } : { kind: 'line', line })
  })
  const onEvent = (event: BuildEvent) => {
    if (event.kind === 'waiting')
      request.onEvent({ kind: 'phase', what: `waiting for another build, ${event.holder}` })
    if (event.kind === 'output') splitter.take(event.chunk)
  }
  const result = await runBuild({
    graph: { targets: [target] },
    folder,
    buildFolder: join(folder, 'state'),
    jobs: 1,
    env: { NINJA_STATUS, LC_ALL: 'C' },
    signal: request.signal,
    onEvent,
    ...(reaper === undefined ? {} : { reaper }),
  })
  request.signal.throwIfAborted()
  return result
}

/** Findings of bringup's own, such as a full disk, stay as they are. */
function failure(
  { diagnostics, targets }: BuildResult,
  explain: (lines: readonly string[], log: string) => readonly Diagnostic[],
): BringupError {
  const log = targets[0]?.log ?? ''
  const full = diagnostics.filter((d) => d.code === 'BUILD_DISK_FULL')
  if (full.length > 0) return new BringupError(full.map(({ path: _, ...d }) => ({ ...d, path: '' })))
  const own = diagnostics.filter((d) => d.code !== 'BUILD_COMMAND_FAILED')
  const lines = diagnostics.flatMap((d) => (d.code === 'BUILD_COMMAND_FAILED' ? (d.evidence ?? []) : []))
  return new BringupError([...(lines.length > 0 ? explain(lines, log) : []), ...own])
}

const MOST_LINES = 40

/** Configure says `ERROR: …`, and meson `build.ninja:12:3: ERROR: …`. */
function configureFailed(lines: readonly string[], log: string): readonly Diagnostic[] {
  const errors = lines.filter((l) => /\bERROR\b/.test(l))
  const what = errors[0]?.replace(/^.*?ERROR:?\s*/, '') ?? 'configure ended with an error'
  const evidence = [
    ...(errors.length > 0 ? lines.slice(lines.indexOf(errors[0] ?? '')) : lines.slice(-20)),
    log,
  ]
  return [problems.QEMU_CONFIGURE_FAILED.at('', what, { evidence: evidence.slice(-MOST_LINES) })]
}

function compileFailed(lines: readonly string[], log: string): readonly Diagnostic[] {
  const failures = failuresIn(lines)
  if (failures.length === 0)
    return [problems.QEMU_BUILD_FAILED.at('', 'ninja failed', { evidence: [...lines.slice(-20), log] })]
  return failures.map((f) =>
    problems.QEMU_BUILD_FAILED.at('', `${f.output} could not be made`, {
      evidence: [f.command, ...f.lines.slice(0, MOST_LINES), log],
    }),
  )
}

/** Executables by name, with the paths at which ninja makes them. Source: meson, "IDE integration". */
function targetsIn(folder: string): Readonly<Record<string, string>> {
  const targets = introspect(folder, 'intro-targets.json') as readonly {
    readonly name: string
    readonly type: string
    readonly filename: readonly string[]
  }[]
  return Object.fromEntries(
    targets.flatMap((t) => (t.type === 'executable' && t.filename[0] ? [[t.name, t.filename[0]]] : [])),
  )
}

/** Files that an installation puts below `share/qemu` and `include`, by their path below the prefix. */
function dataIn(folder: string, prefix: string): Readonly<Record<string, string>> {
  const installed = introspect(folder, 'intro-installed.json') as Readonly<Record<string, string>>
  return Object.fromEntries(
    Object.entries(installed).flatMap(([from, to]) => {
      const path = relative(prefix, to)
      return /^(share\/qemu|include)\//.test(path) ? [[path, from]] : []
    }),
  )
}

function introspect(folder: string, name: string): unknown {
  return JSON.parse(readFileSync(join(folder, 'build/meson-info', name), 'utf8'))
}
