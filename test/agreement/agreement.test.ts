/** bringup and QEMU agree on random machines. `npm run soak` tries more of them. */
import { expect, it } from 'vitest'
import { seedFrom, tally } from './tally.ts'

const SEED = seedFrom(process.env.BRINGUP_SEED, 20_261_124)
const CASES = 60

it(`what bringup accepts QEMU starts and the guest sees; what it says QEMU refuses QEMU refuses (BRINGUP_SEED=${SEED}, ${CASES} machines)`, async () => {
  const { counts, disagreements } = await tally({ seed: SEED, cases: CASES, jobs: 2 })
  expect(disagreements).toEqual([])
  expect(counts.accepted).toBeGreaterThan(CASES / 4)
  expect(counts.refuses).toBeGreaterThan(5)
})
