/** Runs a build: targets that do not need one another side by side, each after what it needs. */
import { closeSync, existsSync, mkdirSync, openSync, statfsSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type * as z from 'zod'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { act, inputsOf, outputsOf, programsOf } from './actions.ts'
import { type Executor, localExecutor } from './executor.ts'
import { type BuildGraph, type BuildTarget, selectTargets } from './graph.ts'
import { type Guardian, startGuardian } from './guardian.ts'
import type { BuildCommandResult, buildResultSchema, TargetResult } from './record.ts'
import {
  definitionHash,
  isSame,
  isWhole,
  readStamps,
  type Stamps,
  takeSnapshot,
  writeStamps,
} from './stamps.ts'
import { missingTools } from './tools.ts'

export const problems = defineDiagnostics({
  BUILD_OUTPUT_MISSING: {
    title: 'A target was built, but a file that it should have made is not there.',
    why: 'what needs the file, or boots it, would fail later and less clearly',
    remedy:
      'correct `outputs` (or `image`, `disk`, `esp` of `kernel`), or the command that should make the file',
  },
  BUILD_DISK_FULL: {
    title: 'The disk is full.',
    why: 'the build could not write what it made',
    remedy: 'make room, and build again: what was built stays built',
    source: 'ENOSPC, EDQUOT in errno(3)',
  },
})

/** What happens while a build runs, for whoever shows it. */
export type BuildEvent =
  | { readonly kind: 'waiting'; readonly holder: string }
  | { readonly kind: 'start'; readonly target: string }
  | {
      readonly kind: 'command'
      readonly target: string
      readonly command: Pick<BuildCommandResult, 'argv' | 'cwd' | 'env'>
    }
  | { readonly kind: 'output'; readonly target: string; readonly chunk: Buffer }
  | { readonly kind: 'end'; readonly target: string; readonly result: TargetResult }

export interface BuildRequest {
  readonly graph: BuildGraph
  /** Ids of targets; the default ones when empty. */
  readonly targets?: readonly string[]
  /** Folder of the project. */
  readonly folder: string
  /** `.bringup/build`: stamps, logs, the lock. */
  readonly buildFolder: string
  /** Most targets side by side. */
  readonly jobs: number
  /** Goes on with what does not need a target that failed. Default: the others are ended. */
  readonly keepsGoing?: boolean
  /** Added to the environment of every command. */
  readonly env?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  readonly onEvent?: (event: BuildEvent) => void
  /** Where commands run. Default: on this computer. */
  readonly executor?: (guardian: Guardian) => Executor
}

export type BuildResult = z.output<typeof buildResultSchema> & { readonly diagnostics: readonly Diagnostic[] }

/**
 * Builds targets and what they need.
 *
 * @returns how it went, a failed command included
 * @throws BringupError when nothing was started: a graph that contradicts itself, an unknown target, programs that are
 *   missing (all of them at once), a lock that cannot be taken
 */
export async function runBuild(request: BuildRequest): Promise<BuildResult> {
  const startedAt = performance.now()
  const targets = selectTargets(request.graph, request.targets ?? [])
  mkdirSync(request.buildFolder, { recursive: true })
  await using guardian = await startGuardian(join(request.buildFolder, 'lock'), {
    signal: request.signal,
    onWait: (holder) => request.onEvent?.({ kind: 'waiting', holder }),
  })
  const executor = (request.executor ?? localExecutor)(guardian)
  const missing = await executor.missing([...new Set(targets.flatMap(programsOf))])
  if (missing.length > 0) throw new BringupError(missingTools(missing, request.graph))
  const { results, diagnostics } = await buildAll(targets, executor, request)
  return {
    result: request.signal.aborted ? 'interrupted' : diagnostics.length > 0 ? 'failed' : 'built',
    executor: executor.name,
    totalMs: since(startedAt),
    targets: targets.map((t) => results.get(t.id) ?? untouched(t, request)),
    diagnostics,
  }
}

async function buildAll(targets: readonly BuildTarget[], executor: Executor, request: BuildRequest) {
  const { jobs, keepsGoing = false, onEvent = () => {} } = request
  const results = new Map<string, TargetResult>()
  const diagnostics: Diagnostic[] = []
  const failure = new AbortController()
  const signal = AbortSignal.any([request.signal, failure.signal])
  const store = stampStore(join(request.buildFolder, 'stamps.json'))
  const running = new Map<string, Promise<void>>()
  const isReady = (t: BuildTarget) =>
    (t.needs ?? []).every((id) => ['built', 'current'].includes(results.get(id)?.state ?? ''))
  const start = async (target: BuildTarget) => {
    onEvent({ kind: 'start', target: target.id })
    const { result, found } = await buildTarget(target, { executor, request, signal, store })
    results.set(target.id, result)
    diagnostics.push(...found)
    running.delete(target.id)
    onEvent({ kind: 'end', target: target.id, result })
    if (found.length > 0 && !keepsGoing) failure.abort()
  }
  for (;;) {
    const next = signal.aborted
      ? undefined
      : targets.find((t) => !results.has(t.id) && !running.has(t.id) && isReady(t))
    if (next && running.size < jobs) running.set(next.id, start(next))
    else if (running.size > 0) await Promise.race(running.values())
    else return { results, diagnostics }
  }
}

interface StampStore {
  readonly get: (id: string) => Stamps[string] | undefined
  readonly set: (id: string, stamp: Stamps[string]) => void
}

function stampStore(file: string): StampStore {
  let stamps = readStamps(file)
  return {
    get: (id) => stamps[id],
    set: (id, stamp) => {
      stamps = { ...stamps, [id]: stamp }
      writeStamps(file, stamps)
    },
  }
}

interface TargetMeans {
  readonly executor: Executor
  readonly request: BuildRequest
  readonly signal: AbortSignal
  readonly store: StampStore
}

/** Builds one target. What goes wrong is in `found`; only bugs throw. */
async function buildTarget(
  target: BuildTarget,
  { executor, request, signal, store }: TargetMeans,
): Promise<{ readonly result: TargetResult; readonly found: readonly Diagnostic[] }> {
  const { folder, buildFolder, onEvent = () => {} } = request
  const startedAt = performance.now()
  const before = store.get(target.id)
  const definition = definitionHash(target)
  const isComplete = target.isComplete ?? target.actions.every((a) => a.kind !== 'command')
  const inputs = isComplete ? takeSnapshot(folder, inputsOf(target), before?.inputs) : {}
  const commands: BuildCommandResult[] = []
  const log = commandLog(join(buildFolder, 'log', `${target.id.replaceAll('/', '-')}.log`), target)
  const done = (state: TargetResult['state'], found: readonly Diagnostic[] = []) => ({
    result: { ...untouched(target, request), state, ms: since(startedAt), commands, ...log.end() },
    found,
  })
  if (isComplete && before?.definition === definition && isSame(before.inputs, inputs)) {
    const outputs = takeSnapshot(folder, outputsOf(target), before.outputs)
    if (isWhole(outputs) && isSame(before.outputs, outputs)) return done('current')
  }
  try {
    for (const action of target.actions) {
      signal.throwIfAborted()
      let commandAt = 0
      await act(action, {
        folder,
        executor,
        signal,
        env: request.env ?? {},
        made: Object.keys(before?.outputs ?? {}),
        onOutput: (chunk) => {
          log.write(chunk)
          onEvent({ kind: 'output', target: target.id, chunk })
        },
        onCommand: ({ argv, cwd, env }, end) => {
          if (end === undefined) {
            commandAt = performance.now()
            onEvent({ kind: 'command', target: target.id, command: { argv: [...argv], cwd, env } })
          } else
            commands.push({
              argv: [...argv],
              cwd,
              env,
              exitCode: end.exitCode,
              signal: end.signal,
              ms: since(commandAt),
            })
        },
      })
    }
    const missing = outputsOf(target).filter((path) => !existsSync(resolve(folder, path)))
    if (missing.length > 0)
      return done(
        'failed',
        missing.map((path) =>
          problems.BUILD_OUTPUT_MISSING.at(target.id, `${target.id} did not make ${path}`),
        ),
      )
    // A tree has to know the next time which files are its own.
    if (isComplete || target.actions.some((a) => a.kind === 'tree')) {
      const outputs = takeSnapshot(folder, outputsOf(target), before?.outputs)
      store.set(target.id, { definition, inputs, outputs })
    }
    return done('built')
  } catch (error) {
    if (signal.aborted) return done('interrupted')
    return done('failed', explain(target, error, request))
  }
}

/** What went wrong, as findings that name the target; a bug is thrown on. */
function explain(target: BuildTarget, error: unknown, request: BuildRequest): readonly Diagnostic[] {
  if (!(error instanceof BringupError)) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') return [diskFull(target, request, [message])]
    throw error
  }
  const isFull = error.diagnostics.some((d) =>
    d.evidence?.some((line) => /No space left on device|Disk quota exceeded|\bENOSPC\b/.test(line)),
  )
  const found = error.diagnostics.map((d) => ({
    ...d,
    path: d.path === '' ? target.id : `${target.id}: ${d.path}`,
  }))
  return isFull ? [...found, diskFull(target, request)] : found
}

function diskFull(target: BuildTarget, { folder }: BuildRequest, evidence?: readonly string[]): Diagnostic {
  const { bavail, bsize } = statfsSync(folder)
  const what = `${Math.floor((bavail * bsize) / 1024 / 1024)} MiB are free where ${folder} lies`
  return problems.BUILD_DISK_FULL.at(target.id, what, evidence ? { evidence } : {})
}

function untouched(target: BuildTarget, { folder }: BuildRequest): TargetResult {
  return {
    id: target.id,
    summary: target.summary,
    state: 'skipped',
    ms: 0,
    commands: [],
    outputs: outputsOf(target).map((path) => resolve(folder, path)),
  }
}

/** The whole output of a target's commands in a file. A full disk cuts it short, and ends nothing. */
function commandLog(path: string, target: BuildTarget) {
  if (!target.actions.some((a) => a.kind === 'command')) return { write: () => {}, end: () => ({}) }
  let fd: number | undefined
  const attempt = (write: () => void) => {
    try {
      write()
    } catch (error) {
      if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
  return {
    write: (chunk: Buffer) =>
      attempt(() => {
        if (fd === undefined) {
          mkdirSync(join(path, '..'), { recursive: true })
          fd = openSync(path, 'w')
        }
        writeSync(fd, chunk)
      }),
    end: () => {
      if (fd === undefined) return {}
      closeSync(fd)
      return { log: path }
    },
  }
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}
