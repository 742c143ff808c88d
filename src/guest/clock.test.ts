import { expect, test } from 'vitest'
import { startClock } from './clock.ts'

test('tells the time before the machine ran from the time that it ran', () => {
  let now = 1000
  const clock = startClock(7, () => now)
  now = 1020.04
  expect(clock.hasRun).toBe(false)
  clock.run()
  expect(clock.hasRun).toBe(true)
  now = 1100.26
  expect(clock.stop()).toEqual({ buildMs: 7, startMs: 20, runMs: 80.2, totalMs: 100.3 })
})

test('a machine that never ran has run for no time', () => {
  let now = 5
  const clock = startClock(undefined, () => now)
  now = 9
  expect(clock.stop()).toEqual({ startMs: 4, runMs: 0, totalMs: 4 })
})

test('tells when the guest answered for the first time', () => {
  let now = 0
  const clock = startClock(undefined, () => now)
  clock.run()
  now = 30
  clock.answer()
  now = 50
  clock.answer()
  expect(clock.stop()).toEqual({ startMs: 0, bootMs: 30, runMs: 50, totalMs: 50 })
})
