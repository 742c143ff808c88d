/** One attempt of one cell: an ordinary run with its folder, and what is kept of it. */
import { rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { type PlannedRun, planRun } from '../project/run-planning.ts'
import { savedForCommand } from '../project/saved-guest.ts'
import { startRun } from '../runs/run.ts'
import { inputNow } from './cell-input.ts'
import { requestOfCell, type Swept } from './cell-request.ts'
import { measure } from './metrics.ts'
import { nameOfCell, type PlannedCell } from './plan-sweep.ts'
import type { Attempt, Metric } from './record.ts'

/** What is to be run. */
export interface Task {
  readonly cell: PlannedCell
  readonly repeat: number
  readonly attempt: number
}

export interface AttemptMeans {
  readonly swept: Swept
  readonly metrics: readonly Metric[]
  /** Guests boot, even if there is a saved state of the machine. */
  readonly isFresh: boolean
  readonly signal: AbortSignal
  readonly job?: string
  /** Name of this computer. Default: its host name. */
  readonly host?: string
  /** Moves what the run reads to another place, such as a local disk. */
  readonly stage?: (planned: PlannedRun) => Promise<PlannedRun>
  /** Id of the sweep, for the record of the run: one that is killed is part of no attempt. */
  readonly sweepId: string
}

/** Runs a task to its end. What goes wrong is part of the attempt; only bugs throw. */
export async function runAttempt(task: Task, means: AttemptMeans): Promise<Attempt> {
  const { cell, repeat, attempt } = task
  const startedAt = new Date()
  const from = performance.now()
  const common = {
    cell: cell.cell.key,
    repeat,
    attempt,
    input: cell.cell.input ?? '',
    startedAt: startedAt.toISOString(),
    host: means.host ?? hostname(),
    ...(means.job === undefined ? {} : { job: means.job }),
  }
  const ended = () => Math.round((performance.now() - from) * 10) / 10
  try {
    const planned = await planTask(task, means)
    // Files may have changed since the sweep was planned, or while the guest starts.
    const before = cell.input && inputNow(cell.input)
    const run = startRun(means.stage ? await means.stage(planned) : planned, {
      stateFolder: means.swept.project.stateFolder,
      signal: means.signal,
      endsWhenHalted: true,
      sweep: means.sweepId,
    })
    const result = await run.done
    const after = cell.input && inputNow(cell.input)
    const changed = [...new Set([...(before?.changed ?? []), ...(after?.changed ?? [])])]
    const isMixed = before?.input !== after?.input
    if (cell.hasStores && result.verdict === 'passed') removeStores(planned, means)
    const measured = measure(means.metrics, result, run.folder)
    // What ends bringup may end QEMU first: scancel signals all processes of a job.
    const isEnded = means.signal.aborted && result.verdict === 'machine-failed'
    return {
      ...common,
      ...(before ? { input: isMixed ? `${before.input} to ${after?.input}` : before.input } : {}),
      ...(changed.length > 0 ? { changed } : {}),
      verdict: isEnded ? 'interrupted' : result.verdict,
      exitCode: result.exitCode,
      meaning: result.meaning,
      findings: [...new Set([...result.diagnostics.map(({ code }) => code), ...measured.findings])],
      run: run.folder.id,
      metrics: { ...measured.metrics },
      totalMs: ended(),
    }
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    const isEnded = means.signal.aborted || error.diagnostics.length === 0
    return {
      ...common,
      verdict: isEnded ? 'interrupted' : 'machine-failed',
      meaning: error.diagnostics[0]?.what ?? 'the sweep was ended',
      findings: [...new Set(error.diagnostics.map(({ code }) => code))],
      metrics: {},
      totalMs: ended(),
    }
  }
}

/** The plan of the sweep where it can be run as it is; a plan with stores of this attempt otherwise. */
async function planTask({ cell, repeat, attempt }: Task, means: AttemptMeans): Promise<PlannedRun> {
  const { swept, signal, isFresh } = means
  const isReady = cell.planned?.plan.pending.length === 0 && !cell.hasStores
  const key = nameOfCell(swept.name, cell.cell.key)
  const name = cell.hasStores ? `${key}.${repeat}.${attempt}` : key
  const made =
    isReady && cell.planned
      ? cell.planned
      : await planRun({ ...requestOfCell(swept, cell.combination, name), signal })
  return isFresh ? made : savedForCommand(made)
}

/** Stores of an attempt that failed are kept as evidence. */
function removeStores({ plan }: PlannedRun, { swept }: AttemptMeans): void {
  const own = join(swept.project.stateFolder, 'stores')
  for (const { stores, name } of plan.guests)
    for (const { path } of stores)
      if (dirname(path) === join(own, name)) rmSync(join(own, name), { recursive: true, force: true })
}
