/** From the attempts of a sweep to what is said of each cell. Pure. */
import type { Attempt, AttemptVerdict, AxisValue, Cell, Metric, SweepRecord } from './record.ts'
import { type Estimate, estimate, type Interval, wilson } from './statistics.ts'

/**
 * - `passed`: every counted attempt passed.
 * - `failed`: every counted attempt failed.
 * - `flaky`: some passed and some failed, with equal input.
 * - `impossible`: its plan has errors, it cannot be run.
 * - `open`: nothing is known yet.
 */
export type CellState = 'passed' | 'failed' | 'flaky' | 'impossible' | 'open'

/** Measured values of a metric in one cell. */
export interface MetricSummary {
  readonly name: string
  /** Of attempts that passed, in the order of the repeats. */
  readonly values: readonly number[]
  readonly estimate: Estimate
}

export interface CellSummary {
  readonly key: string
  readonly label: string
  readonly values: Readonly<Record<string, AxisValue>>
  readonly state: CellState
  /** The worst verdict of its counted attempts. */
  readonly worst?: AttemptVerdict
  readonly passed: number
  readonly failed: number
  /** Repeats that are still to be run. */
  readonly missing: number
  /** Attempts that say nothing about the guest: interrupted, preempted, lost, or with another input. */
  readonly uncounted: number
  /** The share of passes that the counted attempts support, with 95 % confidence. */
  readonly passRate: Interval
  readonly metrics: readonly MetricSummary[]
  readonly attempts: readonly Attempt[]
}

export interface SweepSummary {
  readonly cells: readonly CellSummary[]
  /** Number of cells by state. */
  readonly counts: Readonly<Record<CellState, number>>
  /** Repeats of all cells that can be run, and those that are done. */
  readonly wanted: number
  readonly done: number
}

/** Verdicts that say something about the guest or its machine, the worst first. */
const COUNTED: readonly AttemptVerdict[] = ['machine-failed', 'crashed', 'timed-out', 'failed', 'passed']

export const isCounted = ({ verdict }: Pick<Attempt, 'verdict'>): boolean => COUNTED.includes(verdict)

export function summarizeSweep(record: SweepRecord, attempts: readonly Attempt[]): SweepSummary {
  const byCell = new Map<string, Attempt[]>()
  for (const one of attempts) byCell.set(one.cell, [...(byCell.get(one.cell) ?? []), one])
  const cells = record.cells.map((cell) => summarizeCell(cell, byCell.get(cell.key) ?? [], record))
  const counts = { passed: 0, failed: 0, flaky: 0, impossible: 0, open: 0 }
  for (const { state } of cells) counts[state] += 1
  const wanted = (record.cells.length - counts.impossible) * record.repeat
  return { cells, counts, wanted, done: wanted - cells.reduce((sum, { missing }) => sum + missing, 0) }
}

function summarizeCell(
  cell: Cell,
  attempts: readonly Attempt[],
  { metrics, repeat }: Pick<SweepRecord, 'metrics' | 'repeat'>,
): CellSummary {
  const counted = attempts.filter((one) => one.input === cell.input && isCounted(one))
  const passes = counted.filter(({ verdict }) => verdict === 'passed')
  const [passed, failed] = [passes.length, counted.length - passes.length]
  const worst = COUNTED.find((verdict) => counted.some((one) => one.verdict === verdict))
  const done = new Set(counted.map((one) => one.repeat))
  const isImpossible = cell.impossible.length > 0
  return {
    key: cell.key,
    label: cell.label,
    values: cell.values,
    state: isImpossible ? 'impossible' : stateOf(passed, failed),
    ...(worst === undefined ? {} : { worst }),
    passed,
    failed,
    missing: isImpossible ? 0 : Math.max(0, repeat - done.size),
    uncounted: attempts.length - counted.length,
    passRate: wilson(passed, counted.length),
    metrics: metrics.flatMap((metric) => measured(metric, passes)),
    attempts,
  }
}

function stateOf(passed: number, failed: number): CellState {
  if (passed + failed === 0) return 'open'
  if (passed > 0 && failed > 0) return 'flaky'
  return passed > 0 ? 'passed' : 'failed'
}

function measured({ name }: Metric, passes: readonly Attempt[]): readonly MetricSummary[] {
  const values = passes.flatMap(({ metrics }) => metrics[name] ?? [])
  const known = estimate(values)
  return known ? [{ name, values, estimate: known }] : []
}
