import { describe, expect, it } from 'vitest'
import { adjust, estimate, rankTest, shiftBetween, wilson } from './statistics.ts'

describe('the rank test', () => {
  it('gives the values of R’s wilcox.test and fisher.test', () => {
    expect(rankTest([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(0.007937, 6)
    expect(rankTest([1, 2, 3], [4, 5, 6])).toBeCloseTo(0.1, 6)
    expect(rankTest([1.1, 3.3, 5.5, 7.7], [2.2, 4.4, 6.6, 8.8])).toBeCloseTo(0.6857, 4)
    expect(rankTest([0, 0, 0, 0, 0], [1, 1, 1, 1, 1])).toBeCloseTo(0.007937, 6)
    expect(rankTest([0, 1, 1, 1], [0, 0, 0, 1])).toBeCloseTo(0.4857, 4)
  })

  it('finds nothing in equal samples, and none where a sample is empty', () => {
    expect(rankTest([1, 1, 1], [1, 1, 1])).toBe(1)
    expect(rankTest([], [1])).toBe(1)
  })

  it('is continuous where the exact count ends', () => {
    const a = Array.from({ length: 25 }, (_, i) => i * 2)
    const b = Array.from({ length: 25 }, (_, i) => i * 2 + 9)
    const exact = rankTest(a, b)
    const normal = rankTest([...a, 1000], b)
    expect(Math.abs(exact - normal)).toBeLessThan(0.1)
    expect(rankTest([1, 1, ...a, ...a], [1, ...b, ...b])).toBeLessThan(exact)
  })
})

it('the interval of a median is the range of few values, and says how sure that is', () => {
  expect(estimate([5])).toEqual({ n: 1, median: 5, low: 5, high: 5, confidence: 0 })
  expect(estimate([1, 2, 3, 4, 100])).toMatchObject({ median: 3, low: 1, high: 100, confidence: 0.9375 })
  expect(estimate([1, 2, 3, 4, 5, 6])).toMatchObject({ median: 3.5, low: 1, high: 6 })
  // The table of order statistics: 9 values, ranks 2 and 8, 96.1 %.
  expect(estimate([9, 8, 7, 6, 5, 4, 3, 2, 1])).toMatchObject({ low: 2, high: 8 })
  expect(estimate([9, 8, 7, 6, 5, 4, 3, 2, 1])?.confidence).toBeCloseTo(0.961, 3)
  expect(estimate([])).toBeUndefined()
})

it('Wilson’s interval holds none, all and few', () => {
  expect(wilson(0, 5)).toMatchObject({ low: 0 })
  expect(wilson(0, 5).high).toBeCloseTo(0.4345, 4)
  expect(wilson(5, 5).low).toBeCloseTo(0.5655, 4)
  expect(wilson(8, 10).low).toBeCloseTo(0.4902, 4)
  expect(wilson(8, 10).high).toBeCloseTo(0.9433, 4)
  expect(wilson(0, 0)).toEqual({ low: 0, high: 1 })
})

it('the shift is the median difference, and many tests are corrected for', () => {
  expect(shiftBetween([1, 2, 3], [11, 12, 13])).toBe(10)
  expect(adjust([0.01, 0.04, 0.03, 0.5]).map((p) => p.toFixed(3))).toEqual([
    '0.040',
    '0.053',
    '0.053',
    '0.500',
  ])
  expect(adjust([])).toEqual([])
})
