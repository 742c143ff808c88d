/** bringup and QEMU agree on random machines, on this computer's QEMU and on a newer one. `npm run soak` tries more of them. */
import { describe, expect, it } from 'vitest'
import { packagedQemu } from '../support/packaged-qemu.ts'
import { seedFrom, tally } from './tally.ts'

const SEED = seedFrom(process.env.BRINGUP_SEED, 20_261_124)
const CASES = 60
/** What differs between QEMUs is found by the soak; here, that bringup asks each of them. */
const CASES_ON_ANOTHER = 30

describe('what bringup accepts QEMU starts and the guest sees; what it says QEMU refuses QEMU refuses', () => {
  it(`on this computer's QEMU (BRINGUP_SEED=${SEED}, ${CASES} machines)`, async () => {
    const { counts, disagreements } = await tally({ seed: SEED, cases: CASES, jobs: 2 })
    expect(disagreements).toEqual([])
    expect(counts.accepted).toBeGreaterThan(CASES / 4)
    expect(counts.refuses).toBeGreaterThan(5)
  })

  it(`on QEMU 10 (${CASES_ON_ANOTHER} machines)`, async () => {
    const { name } = await packagedQemu('^10.0')
    const { counts, disagreements } = await tally({
      seed: SEED,
      cases: CASES_ON_ANOTHER,
      jobs: 2,
      qemu: name,
    })
    expect(disagreements).toEqual([])
    expect(counts.accepted).toBeGreaterThan(CASES_ON_ANOTHER / 4)
  })
})
