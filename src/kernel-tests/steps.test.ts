import { expect, it } from 'vitest'
import { stepsSchema, sumOfPoints } from './steps.ts'

const messages = (...steps: readonly unknown[]) =>
  stepsSchema.safeParse(steps).error?.issues.map(({ message, path }) => [path.join('.'), message])

it('a step that does two things, or none, is one mistake', () => {
  const kinds = 'a step has one of "expect", "match", "screen", "type" and "keys", and this one has'
  expect(messages({ expect: 'a', type: 'b' })).toEqual([['0', `${kinds} "expect" and "type"`]])
  expect(messages({ expect: 'a' }, { points: 1 })).toEqual([['1', `${kinds} none of them`]])
  expect(messages({ expect: 'a' }, { type: 'b' })).toBeUndefined()
})

it('sums of fractions are as people write them', () => {
  expect(sumOfPoints([0.1, 0.2])).toBe(0.3)
  expect(sumOfPoints([1 / 3, 1 / 3, 1 / 3])).toBe(1)
})
