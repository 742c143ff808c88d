/** Runs a build: targets that do not need one another side by side, each after what it needs. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type * as z from 'zod'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { makeFolder as makeOwnFolder } from '../own-files.ts'
import { programsOf } from './actions.ts'
import { type Executor, LOCAL, localExecutor } from './executor.ts'
import { type BuildGraph, type BuildTarget, selectTargets } from './graph.ts'
import { type Guardian, startGuardian } from './guardian.ts'
import type { BuildCommandResult, buildResultSchema, TargetResult } from './record.ts'
import { stampsIn } from './stamps.ts'
import { buildTarget, emptyResult, fileProblem, since, stampStore } from './target.ts'
import { missingTools } from './tools.ts'

/** What happens while a build runs, for progress displays. */
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
  /** Path of the reaper of commands on this computer. */
  readonly reaper?: string
  /** Where commands run. Default: on this computer. */
  readonly executor?: (guardian: Guardian) => Executor
  /** Command that installs what the build needs: `bringup setup build`. */
  readonly setupCommand?: string
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
  makeFolder(request)
  await using guardian = await startGuardian(join(request.buildFolder, 'lock'), {
    signal: request.signal,
    onWait: (holder) => request.onEvent?.({ kind: 'waiting', holder }),
  })
  const executor = request.executor?.(guardian) ?? localExecutor(guardian, request.reaper)
  const missing = await missingFor(targets, executor, request)
  if (missing.length > 0) throw new BringupError(missing)
  const { results, diagnostics } = await buildAll(targets, executor, request)
  return {
    result: request.signal.aborted ? 'interrupted' : diagnostics.length > 0 ? 'failed' : 'built',
    executor: executor.name,
    totalMs: since(startedAt),
    targets: targets.map((t) => results.get(t.id) ?? emptyResult(t, request.folder)),
    diagnostics,
  }
}

/** Programs that the commands name, and what the graph requires beyond them. */
async function missingFor(
  targets: readonly BuildTarget[],
  executor: Executor,
  { graph, setupCommand }: BuildRequest,
): Promise<readonly Diagnostic[]> {
  const requires = targets.length === 0 ? [] : (graph.requires ?? [])
  const programs = requires.flatMap((r) => ('program' in r ? [r.program] : []))
  // An image for builds has the files: it is made from the dependency set.
  const files = executor.name === LOCAL ? requires.flatMap((r) => ('file' in r ? [r.file] : [])) : []
  return missingTools(
    [
      ...(await executor.missing([...new Set([...targets.flatMap(programsOf), ...programs])])),
      ...files.filter((file) => !existsSync(file)),
    ],
    graph,
    setupCommand,
  )
}

async function buildAll(targets: readonly BuildTarget[], executor: Executor, request: BuildRequest) {
  const { jobs, keepsGoing = false, onEvent = () => {} } = request
  const results = new Map<string, TargetResult>()
  const diagnostics: Diagnostic[] = []
  const failure = new AbortController()
  const signal = AbortSignal.any([request.signal, failure.signal])
  const { folder, buildFolder, env = {} } = request
  const store = stampStore(stampsIn(buildFolder))
  const means = { folder, buildFolder, executor, signal, store, env, onEvent }
  const running = new Map<string, Promise<void>>()
  const isReady = (t: BuildTarget) =>
    (t.needs ?? []).every((id) => ['built', 'current'].includes(results.get(id)?.state ?? ''))
  const start = async (target: BuildTarget) => {
    onEvent({ kind: 'start', target: target.id })
    const { result, found } = await buildTarget(target, means)
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

/** @throws BringupError BUILD_WRITE_FAILED, BUILD_DISK_FULL */
function makeFolder({ buildFolder, folder }: BuildRequest): void {
  try {
    makeOwnFolder(buildFolder)
  } catch (error) {
    throw new BringupError([fileProblem(error, '', folder)], { cause: error })
  }
}
