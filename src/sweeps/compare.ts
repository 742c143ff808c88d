/** Two sweeps side by side: what changed in which cell, and how sure that is. Pure. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { distinct } from '../distinct.ts'
import { plural } from '../plural.ts'
import type { Attempt, Axis, Metric, SweepRecord } from './record.ts'
import { adjust, CONFIDENCE, type Estimate, rankTest, shiftBetween } from './statistics.ts'
import { type CellState, type CellSummary, summarizeSweep } from './summary.ts'

export const problems = defineDiagnostics({
  SWEEP_SAME: {
    title: 'A sweep cannot be compared with itself.',
    why: 'its numbers are equal, whatever changed in the project since',
    remedy: 'start a new sweep and compare that, or name another one; `bringup sweep list` lists them',
  },
})

/**
 * - `regression`, `improvement`: the difference is sure and the metric says which direction is better.
 * - `changed`: the difference is sure, and which direction is better is unknown.
 * - `suspected`: sure alone, but not among as many tests as were made.
 * - `unclear`: the difference may be noise.
 * - `too-few`: even fully separate values could not be sure: 4 on each side are needed.
 */
export type Finding = 'regression' | 'improvement' | 'changed' | 'suspected' | 'unclear' | 'too-few'

/** One metric of one cell, before and after. */
export interface MetricChange {
  readonly cell: string
  readonly label: string
  readonly metric: string
  readonly before: Estimate
  readonly after: Estimate
  /** How far the values moved, in their unit, and as a share of the median before. */
  readonly shift: number
  readonly ratio: number
  /** Chance of such a difference by noise alone, and corrected for all tests of the comparison. */
  readonly p: number
  readonly adjustedP: number
  readonly finding: Finding
}

/** A cell whose verdicts differ. `p` is that of Fisher's exact test on the passes. */
export interface VerdictChange {
  readonly cell: string
  readonly label: string
  readonly before: CellState
  readonly after: CellState
  readonly p: number
  readonly isSure: boolean
}

/** What of a cell was not compared. */
export interface Uncompared {
  readonly cell: string
  readonly label: string
  /** `verdict`, or the name of a metric. */
  readonly what: string
  /** Ids of the sweeps without a result or a value. */
  readonly missingIn: readonly string[]
}

/** One side of a comparison. */
export interface Side {
  /** Of the sweep, or `qemu=7.2` where values of an axis are compared. */
  readonly id: string
  readonly name: string
  readonly startedAt: string
}

export interface Comparison {
  readonly before: Side
  readonly after: Side
  readonly axes: readonly Axis[]
  readonly verdicts: readonly VerdictChange[]
  readonly metrics: readonly MetricChange[]
  /** Number of cells whose verdicts were compared. */
  readonly cells: number
  /** Cells that failed in both, and are not compared: their labels. That they are equal says nothing. */
  readonly failedInBoth: readonly string[]
  readonly uncompared: readonly Uncompared[]
  /** Cells that only one of them has: their labels. */
  readonly onlyBefore: readonly string[]
  readonly onlyAfter: readonly string[]
}

/** Cells that are named in a line. */
const MOST_LABELS = 5

/** A sweep with its attempts. */
export interface Swept {
  readonly record: SweepRecord
  readonly attempts: readonly Attempt[]
}

/** @throws BringupError SWEEP_SAME */
export function refuseSame({ id, name }: SweepRecord, after: Pick<SweepRecord, 'id'>): void {
  if (id !== after.id) return
  throw new BringupError([
    problems.SWEEP_SAME.at('', `both are sweep ${id}`, {
      remedy: `start a new sweep and compare that: bringup sweep ${name}; \`bringup sweep list\` lists others`,
    }),
  ])
}

export function compareSweeps(before: Swept, after: Swept): Comparison {
  const [old, now] = [before, after].map(({ record, attempts }) => summarizeSweep(record, attempts).cells)
  const earlier = new Map((old ?? []).map((cell) => [cell.key, cell]))
  const later = new Set((now ?? []).map(({ key }) => key))
  const pairs = (now ?? []).flatMap((cell) => {
    const was = earlier.get(cell.key)
    const { key, label } = cell
    return was ? [{ cell: key, label, was, is: cell, from: before.record.id, to: after.record.id }] : []
  })
  const metrics = new Set([before, after].flatMap(({ record }) => record.metrics.map(({ name }) => name)))
  return {
    before: aboutOf(before.record),
    after: aboutOf(after.record),
    axes: after.record.axes,
    ...comparePairs(pairs, after.record.metrics, [...metrics]),
    onlyBefore: (old ?? []).flatMap(({ key, label }) => (later.has(key) ? [] : label)),
    onlyAfter: (now ?? []).flatMap(({ key, label }) => (earlier.has(key) ? [] : label)),
  }
}

const aboutOf = ({ id, name, startedAt }: SweepRecord) => ({ id, name, startedAt })

/** Two cells that are compared. */
export interface Pair {
  /** Of the pair in the comparison. */
  readonly cell: string
  readonly label: string
  readonly was: CellSummary
  readonly is: CellSummary
  /** Names of the two sides, for what only one of them has. */
  readonly from: string
  readonly to: string
}

/**
 * All tests of a comparison, corrected together.
 *
 * @param metrics names of what both sides may have measured, also of what is listed as not compared
 */
export function comparePairs(
  pairs: readonly Pair[],
  known: readonly Metric[],
  metrics: readonly string[],
): Pick<Comparison, 'verdicts' | 'metrics' | 'cells' | 'failedInBoth' | 'uncompared'> {
  const compared = pairs.filter((pair) => !haveFailed(pair))
  return {
    verdicts: compared.flatMap(verdictChange),
    metrics: metricChanges(compared, known),
    cells: compared.filter(({ was, is }) => was.state !== 'open' && is.state !== 'open').length,
    failedInBoth: pairs.filter(haveFailed).map(({ label }) => label),
    uncompared: compared.flatMap((pair) => uncomparedOf(pair, metrics)),
  }
}

const haveFailed = ({ was, is }: Pair) => was.state === 'failed' && is.state === 'failed'

/** A cell without a result has no values either. Whether a machine can be planned is a result without values. */
function uncomparedOf(
  { cell, label, was, is, from, to }: Pair,
  metrics: readonly string[],
): readonly Uncompared[] {
  const about = (what: string, has: (side: CellSummary) => boolean): readonly Uncompared[] => {
    const missingIn = [...(has(was) ? [] : [from]), ...(has(is) ? [] : [to])]
    return missingIn.length === 0 ? [] : [{ cell, label, what, missingIn }]
  }
  const open = about('verdict', ({ state }) => state !== 'open')
  if (open.length > 0 || was.state === 'impossible' || is.state === 'impossible') return open
  return metrics.flatMap((name) => about(name, (side) => side.metrics.some((metric) => metric.name === name)))
}

function verdictChange({ cell, label, was, is }: Pair): readonly VerdictChange[] {
  if (was.state === is.state || was.state === 'open' || is.state === 'open') return []
  const p = rankTest(outcomes(was), outcomes(is))
  // Whether a machine can be planned is no matter of chance.
  const isSure = was.state === 'impossible' || is.state === 'impossible' || p < 1 - CONFIDENCE
  return [{ cell, label, before: was.state, after: is.state, p, isSure }]
}

const outcomes = ({ passed, failed }: CellSummary) => [
  ...new Array<number>(passed).fill(1),
  ...new Array<number>(failed).fill(0),
]

function metricChanges(pairs: readonly Pair[], metrics: readonly Metric[]): readonly MetricChange[] {
  const found = pairs.flatMap(({ cell, label, was, is }) =>
    metrics.flatMap((metric) => {
      const [old, now] = [was, is].map((side) => side.metrics.find(({ name }) => name === metric.name))
      return old && now ? [{ cell, label, metric, old, now, p: rankTest(old.values, now.values) }] : []
    }),
  )
  const adjusted = adjust(found.map(({ p }) => p))
  return found.map(({ cell, label, metric, old, now, p }, index) => {
    const shift = shiftBetween(old.values, now.values)
    const adjustedP = adjusted[index] ?? 1
    return {
      cell,
      label,
      metric: metric.name,
      before: old.estimate,
      after: now.estimate,
      shift,
      ratio: old.estimate.median === 0 ? 0 : shift / old.estimate.median,
      p,
      adjustedP,
      finding: findingOf({ p, adjustedP, shift }, metric, [old.values, now.values]),
    }
  })
}

function findingOf(
  { p, adjustedP, shift }: Pick<MetricChange, 'p' | 'adjustedP' | 'shift'>,
  { better }: Metric,
  samples: readonly (readonly number[])[],
): Finding {
  const limit = 1 - CONFIDENCE
  const [a = 0, b = 0] = samples.map(({ length }) => length)
  if (leastChance(a, b) >= limit) return 'too-few'
  if (p >= limit) return 'unclear'
  if (adjustedP >= limit) return 'suspected'
  if (better === undefined || shift === 0) return 'changed'
  return shift < 0 === (better === 'lower') ? 'improvement' : 'regression'
}

/** The chance for samples that do not overlap at all: two of all ways to choose. */
function leastChance(a: number, b: number): number {
  let ways = 1
  for (let i = 1; i <= Math.min(a, b); i++) ways = (ways * (a + b - Math.min(a, b) + i)) / i
  return 2 / ways
}

/** What was not compared, a line for each thing and reason. */
export function uncomparedText({
  uncompared,
  failedInBoth,
}: Pick<Comparison, 'uncompared' | 'failedInBoth'>): readonly string[] {
  const reasons = distinct(uncompared.map(({ what, missingIn }) => ({ what, missingIn })))
  const missing = reasons.map(({ what, missingIn }) => {
    const cells = uncompared.filter((one) => one.what === what && `${one.missingIn}` === `${missingIn}`)
    const lacks = what === 'verdict' ? 'no result' : 'no value'
    return `${what} of ${plural(cells.length, 'cell')}: ${lacks} in ${missingIn.join(' and ')} (${someOf(cells.map(({ label }) => label))})`
  })
  const failed =
    failedInBoth.length === 0
      ? []
      : [`${plural(failedInBoth.length, 'cell')}: failed in both (${someOf(failedInBoth)})`]
  return [...failed, ...missing]
}

const someOf = (labels: readonly string[]) =>
  `${labels.slice(0, MOST_LABELS).join('; ')}${labels.length > MOST_LABELS ? '; …' : ''}`
