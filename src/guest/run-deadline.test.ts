import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RunDeadline } from './run-deadline.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const start = () => {
  const onEnd = vi.fn()
  return { onEnd, deadline: new RunDeadline(1000, onEnd, () => Date.now()) }
}

test('counts from the first run on', () => {
  const { deadline, onEnd } = start()
  vi.advanceTimersByTime(5000)
  expect(onEnd).not.toHaveBeenCalled()
  deadline.run()
  deadline.run()
  vi.advanceTimersByTime(999)
  expect(onEnd).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(onEnd).toHaveBeenCalledTimes(1)
})

test('stands still while the machine does', () => {
  const { deadline, onEnd } = start()
  deadline.run()
  vi.advanceTimersByTime(600)
  deadline.pause()
  deadline.pause()
  vi.advanceTimersByTime(60_000)
  deadline.run()
  vi.advanceTimersByTime(399)
  expect(onEnd).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(onEnd).toHaveBeenCalledTimes(1)
})

test('never ends a run that is over', () => {
  const { deadline, onEnd } = start()
  deadline.run()
  deadline.clear()
  deadline.run()
  vi.advanceTimersByTime(5000)
  expect(onEnd).not.toHaveBeenCalled()
})
