/** A sweep from its description to its record: expand, plan, check, run what is left. */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { startTimeOf } from '../host/process-start.ts'
import { nearest } from '../nearest.ts'
import { plural } from '../plural.ts'
import type { Project } from '../project/project.ts'
import { timedName } from '../random-name.ts'
import type { Swept } from './cell-request.ts'
import type { ExecutorMeans } from './executor.ts'
import { loadExecutor } from './executors.ts'
import { checkMatrix, expand, problems as matrixProblems } from './expand.ts'
import { onlyCells } from './filter.ts'
import { checkMetrics } from './metric-paths.ts'
import { metricsOf } from './metrics.ts'
import { outdatedCells, tasksLeft } from './order.ts'
import { type PlannedCell, planCells, type SweepPlanning } from './plan-sweep.ts'
import {
  type Attempt,
  type Axis,
  createSweep,
  findSweep,
  isElsewhere,
  isRunning,
  listSweeps,
  type Metric,
  readAttempts,
  readSweep,
  removeSweep,
  type SweepFolder,
  type SweepRecord,
  saveSweep,
} from './record.ts'
import type { Task } from './run-attempt.ts'

export const problems = defineDiagnostics({
  SWEEP_UNKNOWN: {
    title: 'The project has no sweep of that name.',
    why: '`sweeps` in bringup.config defines the names',
    remedy: 'describe it in bringup.config: { sweeps: { NAME: { over: { numa: [1, 2, 4] } } } }',
  },
  SWEEP_RUNS: {
    title: 'The sweep that is to be resumed is running.',
    why: 'two processes would run the same cells',
    remedy: 'wait for its end, or end that process',
  },
  SWEEP_KEPT: {
    title: 'Resuming would replace results of a baseline.',
    why: 'the cells of a baseline have another input now, or are no longer part of the sweep',
    remedy: 'start a new sweep, without --resume',
  },
  SWEEP_CELL_UNKNOWN: {
    title: 'The sweep has no cell of that key.',
    why: 'a key stands for one combination of values',
    remedy:
      '`bringup sweep show NAME --cells` lists the keys once the sweep ran, `bringup sweep NAME --dry-run --json` before',
  },
})

/** @throws BringupError SWEEP_UNKNOWN */
export function findDescription(project: Project, name: string): Swept {
  const sweeps = project.sweeps ?? {}
  const sweep = Object.hasOwn(sweeps, name) ? sweeps[name] : undefined
  if (sweep) return { project, name, sweep }
  const names = Object.keys(sweeps)
  const near = nearest(name, names)
  const what = `no sweep is named "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`
  const remedy = names.length === 0 ? {} : { remedy: `use one of: ${names.join(', ')}` }
  throw new BringupError([problems.SWEEP_UNKNOWN.at('', what, remedy)])
}

export interface SweepSelection {
  /** Conditions that cells have to meet: `numa>=4`. */
  readonly only?: string | undefined
  /** Key of one cell. */
  readonly cell?: string | undefined
  readonly repeat?: number | undefined
}

/** A sweep whose cells are planned. */
export interface PlannedSweep {
  readonly swept: Swept
  readonly axes: readonly Axis[]
  /** Those that are chosen. */
  readonly cells: readonly PlannedCell[]
  /** Keys of all cells of the matrix. */
  readonly keys: ReadonlySet<string>
  readonly metrics: readonly Metric[]
  readonly selection: SweepSelection
}

/**
 * Expands and plans a sweep; runs nothing.
 *
 * @throws BringupError with all that is wrong with the sweep itself; errors of cells are part of the cells
 */
export async function planSweep(
  swept: Swept,
  selection: SweepSelection,
  planning: SweepPlanning = {},
): Promise<PlannedSweep> {
  const at = ['sweeps', swept.name]
  const metrics = metricsOf(swept.sweep)
  const wrong = [...checkMatrix(swept.sweep, at), ...checkMetrics(metrics, at)]
  if (wrong.length > 0) throw new BringupError(wrong)
  const { axes, cells: all } = expand(swept.sweep)
  const { only, cell } = selection
  const limited = only === undefined ? all : onlyCells(only, axes, all)
  const chosen = cell === undefined ? limited : all.filter(({ key }) => key === cell)
  if (cell !== undefined && chosen.length === 0)
    throw new BringupError([
      problems.SWEEP_CELL_UNKNOWN.at(
        '--cell',
        `--cell ${cell}: no cell of sweep "${swept.name}" has that key`,
        {
          remedy: `\`bringup sweep show ${swept.name} --cells\` lists the keys once the sweep ran, \`bringup sweep ${swept.name} --dry-run --json\` before`,
        },
      ),
    ])
  if (chosen.length === 0)
    throw new BringupError([
      matrixProblems.SWEEP_EMPTY.at(
        '',
        `sweep "${swept.name}" has ${plural(all.length, 'cell')}, of which ${only === undefined ? '`except`' : '--only'} leaves none`,
      ),
    ])
  const cells = await planCells(swept, chosen, planning)
  const keys = new Set(all.map(({ key }) => key))
  return { swept, axes, cells, keys, metrics, selection }
}

/** Errors of cells that cannot be run. */
export const impossibleOf = ({ cell }: PlannedCell): readonly Diagnostic[] =>
  cell.impossible as readonly Diagnostic[]

export interface SweepRun extends Pick<ExecutorMeans, 'isFresh' | 'jobs' | 'signal'> {
  readonly executor: string
  /** Goes on with this sweep. */
  readonly resumed?: SweepFolder | undefined
  readonly seed?: number | undefined
  readonly version: string
  readonly onReady?: (state: SweepState) => void
  readonly onStart?: (task: Task) => void
  readonly onEnd?: (task: Task, attempt: Attempt) => void
  readonly onNote?: (text: string) => void
}

/** A sweep that is about to run. */
export interface SweepState {
  readonly folder: SweepFolder
  readonly record: SweepRecord
  /** Attempts of before, where it is resumed. */
  readonly attempts: readonly Attempt[]
  readonly tasks: readonly Task[]
  readonly slots: number
}

/**
 * Runs what is left of a planned sweep; cells that cannot be run are left out.
 *
 * @throws BringupError SWEEP_KEPT
 */
export async function runSweep(planned: PlannedSweep, run: SweepRun): Promise<SweepFolder> {
  const { swept, cells, metrics } = planned
  const executor = await loadExecutor(run.executor)
  await executor.check?.()
  const before = run.resumed ? readAttempts(run.resumed) : []
  if (run.resumed) refuseReplaced(readSweep(run.resumed), planned, before)
  const repeat = planned.selection.repeat ?? swept.sweep.repeat
  const tasks = tasksLeft(cells, before, { repeat, seed: run.seed })
  const slots = await executor.slots(tasks, run)
  const fresh = recordOf(planned, { ...run, slots, repeat })
  const folder = run.resumed ?? createSweep(swept.project.stateFolder, fresh)
  const record = run.resumed ? resumedRecord(readSweep(run.resumed), fresh, planned.keys) : fresh
  if (run.resumed) saveSweep(folder, record)
  run.onReady?.({ folder, record, attempts: before, tasks, slots })
  const running = executor.run(tasks, {
    swept,
    metrics,
    isFresh: run.isFresh || measuresBoot(metrics),
    signal: run.signal,
    folder,
    sweep: swept.sweep,
    jobs: run.jobs,
    onStart: run.onStart ?? (() => {}),
    onEnd: run.onEnd ?? (() => {}),
    onNote: run.onNote ?? (() => {}),
  })
  await running
    .catch((error: unknown) => {
      // A sweep of which nothing has run is no result.
      if (!run.resumed && readAttempts(folder).length === 0) removeSweep(folder)
      throw error
    })
    .finally(() => noteEnd(folder))
  return folder
}

/** A baseline keeps its results: those of another input belong to a new sweep. */
function refuseReplaced(
  { id, name, label, cells: old }: SweepRecord,
  { cells, keys }: PlannedSweep,
  attempts: readonly Attempt[],
): void {
  if (label === undefined) return
  const outdated = outdatedCells(cells, attempts).map(({ cell }) => cell.label)
  const dropped = old.filter(({ key }) => !keys.has(key) && attempts.some(({ cell }) => cell === key))
  const labels = [...outdated, ...dropped.map((cell) => cell.label)]
  if (labels.length === 0) return
  const named = `${labels.slice(0, 3).join('; ')}${labels.length > 3 ? '; …' : ''}`
  throw new BringupError([
    problems.SWEEP_KEPT.at(
      '--resume',
      `sweep ${id} is the baseline "${label}", and ${plural(labels.length, 'cell')} changed since: ${named}`,
      { remedy: `start a new sweep: bringup sweep ${name}` },
    ),
  ])
}

/** For other computers, which cannot see whether this process exists. The sweep may have been deleted. */
function noteEnd(folder: SweepFolder): void {
  if (existsSync(folder.path)) saveSweep(folder, { ...readSweep(folder), endedAt: new Date().toISOString() })
}

/** A guest that is restored from a saved state has not booted: its times say nothing about the boot. */
const measuresBoot = (metrics: readonly Metric[]) =>
  metrics.some(({ kind, source }) => kind === 'path' && source.startsWith('timings.'))

/**
 * The newest sweep of a name that can be resumed.
 *
 * @param isForced also one that another computer ran last, and may run
 * @throws BringupError SWEEP_NOT_FOUND, SWEEP_RUNS
 */
export function resumable(
  project: Project,
  name: string,
  { isForced }: { readonly isForced: boolean },
): SweepFolder {
  const own = listSweeps(project.stateFolder).findLast((folder) => nameIn(folder) === name)
  const folder = own ?? findSweep(project.stateFolder, name)
  const record = readSweep(folder)
  const isAway = isElsewhere(record, hostname())
  if (isRunning(record, hostname()) && !(isAway && isForced))
    throw new BringupError([
      problems.SWEEP_RUNS.at(
        '--resume',
        `sweep ${folder.id} is run by process ${record.owner.pid}${isAway ? ` of computer ${record.owner.host}` : ''}`,
        isAway
          ? { remedy: 'wait for its end, or end it there; if it was killed there: --resume --force' }
          : undefined,
      ),
    ])
  return folder
}

function nameIn(folder: SweepFolder): string | undefined {
  try {
    return readSweep(folder).name
  } catch {
    return undefined
  }
}

function recordOf(
  { swept: { project, name, sweep }, axes, cells, metrics, selection }: PlannedSweep,
  run: SweepRun & { readonly slots: number; readonly repeat: number },
): SweepRecord {
  const now = new Date()
  const { summary, compareWith, rack, machine, command } = sweep
  return {
    format: 1,
    id: timedName(now),
    name,
    ...(summary === undefined ? {} : { summary }),
    target:
      rack === undefined
        ? { kind: 'machine', name: machine ?? project.defaultMachine }
        : { kind: 'rack', name: rack },
    axes: axes.map(({ path, values }) => ({ path, values: [...values] })),
    cells: cells.map(({ cell }) => cell),
    repeat: run.repeat,
    command: [...command],
    metrics: [...metrics],
    ...(compareWith === undefined ? {} : { compareWith }),
    ...(selection.only === undefined ? {} : { only: selection.only }),
    ...(run.seed === undefined ? {} : { seed: run.seed }),
    executor: run.executor,
    jobs: run.slots,
    startedAt: now.toISOString(),
    owner: { host: hostname(), pid: process.pid, startTime: startTimeOf(process.pid) },
    bringup: run.version,
  }
}

/** What was planned now, under the old id. Cells that are not chosen this time stay as they were, if the sweep still has them. */
function resumedRecord(before: SweepRecord, now: SweepRecord, keys: ReadonlySet<string>): SweepRecord {
  const kept = before.cells.filter(({ key }) => keys.has(key))
  const cells = new Map([...kept, ...now.cells].map((cell) => [cell.key, cell]))
  const { id, startedAt, label } = before
  return { ...now, id, startedAt, ...(label === undefined ? {} : { label }), cells: [...cells.values()] }
}
