import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deadlineSignal, startTimer } from './timer.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test.each([1, 2 ** 31 - 1, 2 ** 31, 600 * 3_600_000, 2 ** 33 + 7])('a timer of %d ms ends then', (ms) => {
  let ends = 0
  startTimer(ms, () => ends++)
  vi.advanceTimersByTime(ms - 1)
  expect(ends).toBe(0)
  vi.advanceTimersByTime(1)
  expect(ends).toBe(1)
})

test('a timer that was cleared never ends, nor does one without an end', () => {
  let ends = 0
  const timer = startTimer(2 ** 32, () => ends++)
  startTimer(Number.POSITIVE_INFINITY, () => ends++).clear()
  vi.advanceTimersByTime(2 ** 31)
  timer.clear()
  vi.advanceTimersByTime(2 ** 33)
  expect(ends).toBe(0)
})

test('a deadline aborts its signal', () => {
  const { signal } = deadlineSignal(2 ** 32)
  vi.advanceTimersByTime(2 ** 32 - 1)
  expect(signal.aborted).toBe(false)
  vi.advanceTimersByTime(1)
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
})
