/** A small dose of `npm run kills:racks`. */
import { expect, test } from 'vitest'
import { makePlace, meet, Supervisors, sideBySide } from './racks.ts'

test('a controller and four clients exchange messages by network and memory, twice', async () => {
  using place = makePlace()
  for (let run = 0; run < 2; run++) expect(await meet('probe', place)).toBeUndefined()
})

test('a Linux controller and two clients exchange messages by network and memory', async () => {
  using place = makePlace()
  expect(await meet('linux', place, { clients: 2 })).toBeUndefined()
})

test('four killed supervisors leave nothing', async () => {
  using place = makePlace()
  const supervisors = new Supervisors(place, { clients: 2 })
  const problems: (string | undefined)[] = []
  for (let seed = 0; seed < 4; seed++) problems.push(await supervisors.killOne(seed))
  expect(problems.filter((problem) => problem !== undefined)).toEqual([])
})

test('four racks run side by side in one folder', async () => {
  using place = makePlace()
  expect(await sideBySide(4, place)).toBeUndefined()
})
