import { expect, test } from 'vitest'
import { atOnce, inSlices, type Sliced } from './slices.ts'

/** Each part takes 2 ms by its clock. */
function counting(parts: number) {
  let ms = 0
  function* work(): Sliced<number> {
    for (let part = 0; part < parts; part++) {
      ms += 2
      yield
    }
    return parts
  }
  return { work: work(), now: () => ms }
}

test('other work goes on between slices of 8 ms', async () => {
  const { work, now } = counting(40)
  const seen: number[] = []
  const turn = () => {
    seen.push(now())
    if (now() < 80) setImmediate(turn)
  }
  setImmediate(turn)
  expect(await inSlices(work, now)).toBe(40)
  expect(seen.slice(0, 3)).toEqual([8, 16, 24])
})

test('at once it is the same work', () => {
  expect(atOnce(counting(2).work)).toBe(2)
})
