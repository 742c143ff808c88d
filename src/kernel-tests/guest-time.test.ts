import { expect, it } from 'vitest'
import { GuestTime } from './guest-time.ts'

it('counts what a guest computed, and what passed while it waited', () => {
  let now = 0
  let activity = { isBusy: false, ticks: 100 }
  const time = new GuestTime(
    1,
    () => now,
    () => activity,
  )
  now = 1000
  expect(time.passed()).toBe(1000)
  // Busy, on a computer that gave it a fifth of a second.
  now = 2000
  activity = { isBusy: true, ticks: 120 }
  expect(time.passed()).toBe(1200)
  // It wants to run, and does not get a processor.
  now = 9000
  expect(time.passed()).toBe(1200)
  // Four CPUs compute more than the clock shows.
  now = 10_000
  activity = { isBusy: true, ticks: 520 }
  expect(time.passed()).toBe(2200)
})
