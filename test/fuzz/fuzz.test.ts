/** A small dose of `npm run fuzz`. */
import { expect, test } from 'vitest'
import { KINDS, problemWith } from './kinds.ts'

const CASES = 100

test.each(KINDS)('$name', (kind) => {
  const problems = Array.from({ length: CASES }, (_, seed) => problemWith(kind, seed))
  expect(problems.filter((problem) => problem !== undefined)).toEqual([])
})
