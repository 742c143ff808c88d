/** `npm run soak -- --cases 2000 [--seed N] [--first N] [--jobs 2] [--qemu 10.0]`: bringup against QEMU on random machines. */
import { parseArgs } from 'node:util'
import { seedFrom, tally } from './agreement/tally.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '2' },
    /** A version, a path, or the name of a QEMU that `bringup qemu install` has installed. */
    qemu: { type: 'string' },
  },
})
const seed = seedFrom(values.seed, Date.now() % 1_000_000_000)
const cases = Number(values.cases)
const began = performance.now()
console.log(`seed ${seed}, ${cases} machines${values.qemu === undefined ? '' : `, QEMU ${values.qemu}`}`)

const { counts, codes, disagreements } = await tally({
  seed,
  cases,
  first: Number(values.first),
  jobs: Number(values.jobs),
  ...(values.qemu === undefined ? {} : { qemu: values.qemu }),
  onCase(done, one, { disagreement }) {
    if (disagreement !== undefined)
      console.log(`DISAGREE case ${one.index} ${one.spoilt ?? ''}: ${disagreement}`)
    if (done % 50 === 0)
      console.log(`${done} of ${cases}, ${Math.round((performance.now() - began) / done)} ms each`)
  },
})

for (const text of disagreements) console.log(`\n${text}`)
console.log(`\nfound: ${[...codes].map(([code, n]) => `${code} ${n}`).join(', ')}`)
const parts = Object.entries(counts).map(([category, n]) => `${n} ${category}`)
console.log(`${cases} machines: ${parts.join(', ')}; ${disagreements.length} disagreements (seed ${seed})`)
process.exitCode = disagreements.length === 0 ? 0 : 1
