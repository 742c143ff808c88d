/** `npm run fuzz [-- --cases N] [--seed S] [--first N] [--only KIND]`: hostile input against the code that reads it. */
import { parseArgs } from 'node:util'
import { KINDS, problemWith } from './kinds.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
    only: { type: 'string' },
  },
})
const chosen = KINDS.filter(({ name }) => values.only === undefined || values.only === name)
if (chosen.length === 0) throw new Error(`kinds are ${KINDS.map((k) => k.name).join(', ')}`)
const first = Number(values.seed) * 1_000_000 + Number(values.first)
let found = 0
for (const kind of chosen) {
  const cases = values.cases === undefined ? kind.cases : Number(values.cases)
  let bad = 0
  for (let i = 0; i < cases; i++) {
    const problem = problemWith(kind, first + i)
    if (problem === undefined) continue
    bad += 1
    if (bad <= 5) console.log(problem)
  }
  found += bad
  console.log(`${kind.name}: ${cases} cases, ${bad} problems (seed ${values.seed}, from ${values.first})`)
}
process.exitCode = found === 0 ? 0 : 1
