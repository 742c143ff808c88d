import { expect, test } from 'vitest'
import { distinct } from './distinct.ts'

test('items with equal content are kept once, in their order', () => {
  expect(distinct([{ a: 1 }, { b: 2 }, { a: 1 }])).toEqual([{ a: 1 }, { b: 2 }])
  expect(distinct([])).toEqual([])
})
