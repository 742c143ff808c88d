import { expect, test } from 'vitest'
import { toldFork, watchForks } from './fork-watch.ts'

test('the watch of a guest is told of its forks, and of theirs', () => {
  const [guest, fork, later, other] = [{}, {}, {}, {}]
  const told: object[] = []
  watchForks(guest, (one) => told.push(one))
  expect(toldFork(guest, fork)).toBe(fork)
  toldFork(fork, later)
  toldFork(other, {})
  expect(told).toEqual([fork, later])
  expect(told[1]).toBe(later)
})
