import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startPatience } from './patience.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** When a program is given up that is busy until then. */
function givenUpAfter(busyUntilMs: number): number | undefined {
  let after: number | undefined
  const from = Date.now()
  const activity = () => ({ isBusy: Date.now() - from < busyUntilMs, ticks: 0 })
  startPatience({ group: 1, withinMs: 3000, mostMs: 20_000 }, (ms) => (after = ms), activity)
  vi.advanceTimersByTime(60_000)
  return after
}

test('a program that waits is given up at the deadline', () => {
  expect(givenUpAfter(0)).toBe(3500)
})

test('a program that is at work is given more time, and not forever', () => {
  expect(givenUpAfter(10_000)).toBe(10_500)
  expect(givenUpAfter(Number.POSITIVE_INFINITY)).toBe(20_000)
})

test('CPU time counts where it is limited: a program that gets little of it has more time', () => {
  const after = (ticksPerSecond: number) => {
    let given: number | undefined
    const from = Date.now()
    const activity = () => ({ isBusy: true, ticks: 900 + ((Date.now() - from) / 1000) * ticksPerSecond })
    startPatience({ group: 1, withinMs: 2500, mostMs: 20_000, cpuMs: 2500 }, (ms) => (given = ms), activity)
    vi.advanceTimersByTime(60_000)
    return given
  }
  expect(after(100)).toBe(2500)
  expect(after(50)).toBe(5000)
  expect(after(1)).toBe(20_000)
})

test('nothing is called back once it is cleared', () => {
  const onSilent = vi.fn()
  startPatience({ group: 1, withinMs: 1, mostMs: 2 }, onSilent, () => ({ isBusy: false, ticks: 0 })).clear()
  vi.advanceTimersByTime(60_000)
  expect(onSilent).not.toHaveBeenCalled()
})
