import { expect, test } from 'vitest'
import { atOnce, inSlices, type Sliced } from './slices.ts'

function* counting(parts: number): Sliced<number> {
  for (let part = 0; part < parts; part++) {
    const until = performance.now() + 2
    while (performance.now() < until);
    yield
  }
  return parts
}

test('other work goes on between slices', async () => {
  let turns = 0
  let isOver = false
  const turn = () => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  expect(await inSlices(counting(40))).toBe(40)
  isOver = true
  // 80 ms of work in slices of 8 ms: some turns at least, however busy this computer is.
  expect(turns).toBeGreaterThanOrEqual(4)
})

test('at once it is the same work', () => {
  expect(atOnce(counting(2))).toBe(2)
})
