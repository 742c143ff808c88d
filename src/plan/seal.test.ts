import { expect, test } from 'vitest'
import type { RunPlan } from './run-plan.ts'
import { sealPlan, unsealPlan } from './seal.ts'

const plan = { name: 'a', isRack: false, guests: [{ guest: 'a', note: undefined }] } as unknown as RunPlan
const printed = () => JSON.parse(JSON.stringify(sealPlan(plan), null, 2))

test('a plan that was printed and read again is the plan', () => {
  expect(unsealPlan(printed())).toEqual(JSON.parse(JSON.stringify(plan)))
})

test.each([
  [null],
  ['text'],
  [[]],
  [{}],
  [{ ...printed(), name: 'b' }],
  [{ ...printed(), sha256: undefined }],
  [{ ...printed(), more: 1 }],
  [{ ...printed(), guests: [] }],
])('anything else is not: %j', (value) => {
  expect(unsealPlan(value)).toBeUndefined()
})
