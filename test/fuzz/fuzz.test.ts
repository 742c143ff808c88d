/** A small dose of `npm run fuzz`. */
import { expect, test } from 'vitest'
import { KINDS, problemWith } from './kinds.ts'

test.each(KINDS)('$name', { timeout: 1_200_000 }, async (kind) => {
  const problems: string[] = []
  for (let seed = 0; seed < kind.dose; seed++) {
    const problem = await problemWith(kind, seed)
    if (problem !== undefined) problems.push(problem)
  }
  expect(problems).toEqual([])
})
