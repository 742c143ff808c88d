import { expect, it } from 'vitest'
import { timedName } from './random-name.ts'

it('names what starts later by a later name, also within a second', () => {
  const second = Date.UTC(2026, 10, 27, 4, 21, 26)
  const names = [0, 1, 15, 16, 255, 256, 999, 1000].map((ms) => timedName(new Date(second + ms)))
  expect(names.toSorted()).toEqual(names)
  for (const name of names) expect(name).toMatch(/^2026-11-27T04-21-2[67]-[0-9a-f]{8}$/)
})
