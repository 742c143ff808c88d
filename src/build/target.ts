/** Builds one target: looks whether there is anything to do, does its actions, looks whether its outputs are there. */
import { closeSync, existsSync, openSync, statfsSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { makeFolder, OWN_FILE } from '../own-files.ts'
import { act, inputsOf, outputsOf } from './actions.ts'
import type { BuildEvent } from './build.ts'
import type { CommandEnd, Executor, ExecutorCommand } from './executor.ts'
import type { BuildTarget } from './graph.ts'
import type { BuildCommandResult, TargetResult } from './record.ts'
import {
  definitionHash,
  isSame,
  isWhole,
  readStamps,
  type Stamp,
  type Stamps,
  takeSnapshot,
  writeStamps,
} from './stamps.ts'

export const problems = defineDiagnostics({
  BUILD_OUTPUT_MISSING: {
    title: 'A target was built, but one of its outputs is missing.',
    why: 'targets and machines that use the file would fail later with an unclear error',
    remedy: 'correct `outputs` (or `image`, `disk`, `esp` of `kernel`), or the command that creates the file',
  },
  BUILD_WRITE_FAILED: {
    title: 'bringup could not write the output of a target.',
    why: 'the target was not built',
    remedy: 'let this user write there; for `.bringup`, --state keeps it elsewhere',
    source: 'errno(3)',
  },
  BUILD_DISK_FULL: {
    title: 'The disk is full.',
    why: 'the build could not write its output',
    remedy: 'free space and build again; finished targets are not rebuilt',
    source: 'ENOSPC, EDQUOT in errno(3)',
  },
})

export interface StampStore {
  readonly get: (id: string) => Stamp | undefined
  readonly set: (id: string, stamp: Stamp) => void
}

/** The stamps of a project, written after every target: what was built stays known whatever comes. */
export function stampStore(file: string): StampStore {
  let stamps: Stamps = readStamps(file)
  return {
    get: (id) => stamps[id],
    set: (id, stamp) => {
      stamps = { ...stamps, [id]: stamp }
      writeStamps(file, stamps)
    },
  }
}

export interface TargetMeans {
  /** Folder of the project. */
  readonly folder: string
  readonly buildFolder: string
  readonly executor: Executor
  readonly signal: AbortSignal
  readonly store: StampStore
  readonly env: Readonly<Record<string, string>>
  readonly onEvent: (event: BuildEvent) => void
}

interface Built {
  readonly result: TargetResult
  /** What went wrong. */
  readonly found: readonly Diagnostic[]
}

/** Builds one target. What goes wrong is in `found`; only bugs throw. */
export async function buildTarget(target: BuildTarget, means: TargetMeans): Promise<Built> {
  const startedAt = performance.now()
  const log = commandLog(target, means)
  const done = (state: TargetResult['state'], found: readonly Diagnostic[] = []): Built => ({
    result: { ...emptyResult(target, means.folder), state, ms: since(startedAt), ...log.end() },
    found,
  })
  try {
    const before = means.store.get(target.id)
    const isComplete = target.isComplete ?? target.actions.every((a) => a.kind !== 'command')
    const stamp: Stamp = {
      definition: definitionHash(target),
      inputs: isComplete ? takeSnapshot(means.folder, inputsOf(target), before?.inputs) : {},
      outputs: {},
    }
    if (isComplete && before && isCurrent(target, before, stamp, means.folder)) return done('current')
    for (const action of target.actions) {
      means.signal.throwIfAborted()
      await act(action, { ...means, ...log, made: Object.keys(before?.outputs ?? {}) })
    }
    const missing = outputsOf(target).filter((path) => !existsSync(resolve(means.folder, path)))
    if (missing.length > 0)
      return done(
        'failed',
        missing.map((path) => missingOutput(target, path)),
      )
    // A tree has to know the next time which files are its own.
    if (isComplete || target.actions.some((a) => a.kind === 'tree')) {
      const outputs = takeSnapshot(means.folder, outputsOf(target), before?.outputs)
      means.store.set(target.id, { ...stamp, outputs })
    }
    return done('built')
  } catch (error) {
    if (means.signal.aborted) return done('interrupted')
    return done('failed', explain(target, error, means.folder))
  }
}

/** Whether nothing would be done for a target that says all that it reads. */
export function isCurrentTarget(target: BuildTarget, before: Stamp, folder: string): boolean {
  const inputs = takeSnapshot(folder, inputsOf(target), before.inputs)
  return isCurrent(target, before, { definition: definitionHash(target), inputs, outputs: {} }, folder)
}

function isCurrent(target: BuildTarget, before: Stamp, now: Stamp, folder: string): boolean {
  if (before.definition !== now.definition || !isSame(before.inputs, now.inputs)) return false
  const outputs = takeSnapshot(folder, outputsOf(target), before.outputs)
  return isWhole(outputs) && isSame(before.outputs, outputs)
}

function missingOutput(target: BuildTarget, path: string): Diagnostic {
  return problems.BUILD_OUTPUT_MISSING.at(target.id, `${target.id} did not make ${path}`)
}

/** What went wrong, as findings that name the target; a bug is thrown on. */
function explain(target: BuildTarget, error: unknown, folder: string): readonly Diagnostic[] {
  if (!(error instanceof BringupError)) return [fileProblem(error, target.id, folder)]
  const isFull = error.diagnostics.some((d) =>
    d.evidence?.some((line) => /No space left on device|Disk quota exceeded|\bENOSPC\b/.test(line)),
  )
  const found = error.diagnostics.map((d) => ({
    ...d,
    path: d.path === '' ? target.id : `${target.id}: ${d.path}`,
  }))
  return isFull ? [...found, diskFull(target.id, folder)] : found
}

/**
 * What the file system said, as a finding.
 *
 * @throws the error itself where it does not come from the file system
 */
export function fileProblem(error: unknown, path: string, folder: string): Diagnostic {
  const { code, message, syscall } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, folder, [message])
  if (code === undefined || syscall === undefined) throw error
  return problems.BUILD_WRITE_FAILED.at(path, message)
}

function diskFull(path: string, folder: string, evidence?: readonly string[]): Diagnostic {
  const { bavail, bsize } = statfsSync(folder)
  const what = `${Math.floor((bavail * bsize) / 1024 / 1024)} MiB are free where ${folder} lies`
  return problems.BUILD_DISK_FULL.at(path, what, evidence ? { evidence } : {})
}

/** The result of a target that was not begun. */
export function emptyResult(target: BuildTarget, folder: string): TargetResult {
  return {
    id: target.id,
    summary: target.summary,
    state: 'skipped',
    ms: 0,
    commands: [],
    outputs: outputsOf(target).map((path) => resolve(folder, path)),
  }
}

/** Notes a target's commands, and keeps their whole output in a file. A full disk cuts that short, and ends nothing. */
function commandLog(target: BuildTarget, { buildFolder, onEvent }: TargetMeans) {
  const path = join(buildFolder, 'log', `${target.id.replaceAll('/', '-')}.log`)
  const commands: BuildCommandResult[] = []
  let startedAt = 0
  let fd: number | undefined
  return {
    onCommand: ({ argv, cwd, env }: ExecutorCommand, end?: CommandEnd) => {
      const command = { argv: [...argv], cwd, env }
      if (end === undefined) {
        startedAt = performance.now()
        onEvent({ kind: 'command', target: target.id, command })
      } else commands.push({ ...command, exitCode: end.exitCode, signal: end.signal, ms: since(startedAt) })
    },
    onOutput: (chunk: Buffer) => {
      unlessFull(() => {
        fd ??= openLog(path)
        writeSync(fd, chunk)
      })
      onEvent({ kind: 'output', target: target.id, chunk })
    },
    end: () => {
      if (fd !== undefined) closeSync(fd)
      return { commands, ...(fd === undefined ? {} : { log: path }) }
    },
  }
}

function openLog(path: string): number {
  makeFolder(join(path, '..'))
  return openSync(path, 'w', OWN_FILE)
}

function unlessFull(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** Whole milliseconds since then. */
export function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}
