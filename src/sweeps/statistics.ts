/** Intervals and tests for few and noisy numbers: nothing here assumes a normal distribution. Pure. */
import {
  binomialDistribution,
  cumulativeStdNormalProbability,
  median,
  medianSorted,
  wilcoxonRankSum,
} from 'simple-statistics'

/** Of intervals; a test with a smaller chance of error than 1 minus that is called sure. */
export const CONFIDENCE = 0.95

/** The normal deviate of a two-sided interval of 95 %. */
const Z = 1.959964

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Wilson's interval for the rate behind `count` of `total`: it holds for few tries, and for none or all. */
export function wilson(count: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 }
  const rate = count / total
  const scale = 1 + Z ** 2 / total
  const middle = (rate + Z ** 2 / (2 * total)) / scale
  const half = (Z / scale) * Math.sqrt((rate * (1 - rate)) / total + Z ** 2 / (4 * total ** 2))
  return {
    low: count === 0 ? 0 : Math.max(0, middle - half),
    high: count === total ? 1 : Math.min(1, middle + half),
  }
}

/** A median, and the interval that holds the true one. */
export interface Estimate extends Interval {
  readonly n: number
  readonly median: number
  /** How sure the interval is: below 0.95 for fewer than 6 values, of which it is the whole range. */
  readonly confidence: number
}

/** The interval is that of order statistics: between values whose ranks hold the median with the wanted probability. */
export function estimate(values: readonly number[]): Estimate | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  if (n === 0) return undefined
  const chances = (n === 1 ? undefined : binomialDistribution(n, 0.5)) ?? []
  let left = 0
  let tail = chances[0] ?? 0.5
  while (left + 1 < n / 2 && 1 - 2 * (tail + (chances[left + 1] ?? 0)) >= CONFIDENCE) {
    left += 1
    tail += chances[left] ?? 0
  }
  return {
    n,
    median: medianSorted(sorted),
    low: sorted[left] as number,
    high: sorted[n - 1 - left] as number,
    confidence: n === 1 ? 0 : 1 - 2 * tail,
  }
}

/** Above that many values the distribution of the rank sum is as good as normal. */
const MOST_EXACT = 50

/**
 * The two-sided chance that both samples come from one distribution and differ as much as they do (Wilcoxon, Mann and
 * Whitney). Exact for up to 50 values, with ties too. Of zeros and ones it is Fisher's exact test.
 */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return 1
  const ranks = rankAll([...a, ...b])
  const sum = wilcoxonRankSum([...a], [...b])
  const expected = (a.length * (a.length + b.length + 1)) / 2
  const distance = Math.abs(sum - expected)
  if (distance === 0) return 1
  const p =
    a.length + b.length <= MOST_EXACT
      ? exactChance(ranks, a.length, distance)
      : normalChance(ranks, a.length, distance)
  return Math.min(1, p)
}

/** Ranks from 1, ties share the middle of theirs. */
function rankAll(values: readonly number[]): readonly number[] {
  const sorted = values.toSorted((x, y) => x - y)
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2 + 1)
}

/** Share of all choices of `size` ranks whose sum is as far from the middle: counted by doubled ranks, which are whole. */
function exactChance(ranks: readonly number[], size: number, distance: number): number {
  const doubled = ranks.map((rank) => Math.round(rank * 2))
  const ways: Map<number, number>[] = Array.from({ length: size + 1 }, () => new Map())
  ways[0]?.set(0, 1)
  for (const rank of doubled)
    for (let taken = size - 1; taken >= 0; taken--)
      for (const [sum, count] of ways[taken] ?? []) {
        const more = ways[taken + 1] as Map<number, number>
        more.set(sum + rank, (more.get(sum + rank) ?? 0) + count)
      }
  const middle = size * (ranks.length + 1)
  let [all, far] = [0, 0]
  for (const [sum, count] of ways[size] ?? []) {
    all += count
    if (Math.abs(sum - middle) >= distance * 2 - 1e-9) far += count
  }
  return far / all
}

/** With the corrections for ties and for continuity. */
function normalChance(ranks: readonly number[], size: number, distance: number): number {
  const n = ranks.length
  const tied = new Map<number, number>()
  for (const rank of ranks) tied.set(rank, (tied.get(rank) ?? 0) + 1)
  const ties = [...tied.values()].reduce((sum, t) => sum + t ** 3 - t, 0)
  const variance = ((size * (n - size)) / 12) * (n + 1 - ties / (n * (n - 1)))
  if (variance === 0) return 1
  return 2 * (1 - cumulativeStdNormalProbability((distance - 0.5) / Math.sqrt(variance)))
}

/** How far `b` lies above `a`: the median of all differences (Hodges and Lehmann). */
export function shiftBetween(a: readonly number[], b: readonly number[]): number {
  return a.length === 0 || b.length === 0 ? 0 : median(b.flatMap((y) => a.map((x) => y - x)))
}

/**
 * Chances of error corrected for how many tests were made: the share of false alarms among those below a limit stays below
 * it (Benjamini and Hochberg).
 */
export function adjust(chances: readonly number[]): readonly number[] {
  const order = chances.map((p, index) => ({ p, index })).toSorted((x, y) => y.p - x.p)
  const adjusted = new Array<number>(chances.length)
  let least = 1
  order.forEach(({ p, index }, place) => {
    least = Math.min(least, (p * chances.length) / (chances.length - place))
    adjusted[index] = least
  })
  return adjusted
}
