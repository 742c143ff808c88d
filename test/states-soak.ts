/**
 * `npm run soak:states -- --cases 40 [--seed N] [--first N] [--qemu NAME]`: random machines that boot Linux, are saved,
 * restored, forked twice and compared with their description each time. `npm test` has a small dose.
 */
import { parseArgs } from 'node:util'
import { outcomeOfState } from './agreement/state-case.ts'
import { seedFrom } from './agreement/tally.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '40' },
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    qemu: { type: 'string' },
  },
})
const seed = seedFrom(values.seed, Date.now() % 1_000_000_000)
const counts = new Map<string, number>()
let wrong = 0
for (let index = Number(values.first); index < Number(values.first) + Number(values.cases); index++) {
  const said = await outcomeOfState({ seed, index, qemu: values.qemu })
  if ((index + 1) % 10 === 0) console.log(`${index + 1} machines, ${wrong} wrong`)
  if (said.startsWith('DIFFERS')) {
    wrong += 1
    console.log(`case ${index}: ${said}`)
  } else counts.set(said, (counts.get(said) ?? 0) + 1)
}
for (const [said, count] of counts) console.log(`${count} × ${said}`)
console.log(`${values.cases} machines, ${wrong} wrong (seed ${seed})`)
process.exit(wrong === 0 ? 0 : 1)
