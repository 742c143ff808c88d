import { expect, it } from 'vitest'
import { numbersFrom } from './seeded-numbers.ts'

it('gives the numbers of mulberry32', () => {
  const next = numbersFrom(1)
  const first = Array.from({ length: 3 }, () => Math.floor(next() * 2 ** 32))
  // Of the published C code, started with 1.
  expect(first).toEqual([2693262067, 11749833, 2265367787])
  expect(numbersFrom(1)() * 2 ** 32).toBe(first[0])
})
