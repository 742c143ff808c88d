/** A small dose of `npm run kills`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { problemAfterKill } from './kills.ts'

const cache = mkdtempSync(join(tmpdir(), 'bringup-kills-cache-'))
afterAll(() => rmSync(cache, { recursive: true, force: true }))

test('thirty kills leave nothing', async () => {
  const problems: string[] = []
  for (let seed = 0; seed < 30; seed++) {
    const problem = await problemAfterKill(seed, cache)
    if (problem !== undefined) problems.push(problem)
  }
  expect(problems).toEqual([])
})
