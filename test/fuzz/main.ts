/**
 * `npm run fuzz [-- --cases N] [--seed S] [--only KIND] [--resume]`: hostile input against the code that reads it.
 * `--resume` continues where an interrupted run of the same seed stopped; `--only KIND --case N` runs one case again.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { KINDS, type Kind, problemWith } from './kinds.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    case: { type: 'string' },
    resume: { type: 'boolean', default: false },
  },
})

/** Progress by kind: how many cases are done, and how many had problems. */
type Progress = Record<string, { done: number; bad: number }>

const progressFile = fileURLToPath(
  new URL(`../../node_modules/.cache/fuzz-${values.seed}.json`, import.meta.url),
)
const progress: Progress = values.resume ? readProgress() : {}

function readProgress(): Progress {
  try {
    return JSON.parse(readFileSync(progressFile, 'utf8')) as Progress
  } catch {
    return {}
  }
}

async function runKind(kind: Kind): Promise<number> {
  if (values.case !== undefined) {
    const problem = await problemWith(kind, Number(values.case))
    console.log(problem ?? `${kind.name}, case ${values.case}: no problem`)
    return problem === undefined ? 0 : 1
  }
  const cases = values.cases === undefined ? kind.cases : Number(values.cases)
  const state = progress[kind.name] ?? { done: 0, bad: 0 }
  progress[kind.name] = state
  for (; state.done < cases; state.done++) {
    const problem = await problemWith(kind, Number(values.seed) * 1_000_000 + state.done)
    if (problem !== undefined) {
      state.bad += 1
      if (state.bad <= 5) console.log(problem)
    }
    if (state.done % 100 === 0) writeFileSync(progressFile, JSON.stringify(progress))
  }
  console.log(`${kind.name}: ${cases} cases, ${state.bad} problems (seed ${values.seed})`)
  return state.bad
}

const chosen = KINDS.filter(({ name }) => values.only === undefined || values.only === name)
if (chosen.length === 0) throw new Error(`kinds are ${KINDS.map((k) => k.name).join(', ')}`)
mkdirSync(dirname(progressFile), { recursive: true })
let found = 0
for (const kind of chosen) found += await runKind(kind)
rmSync(progressFile, { force: true })
process.exitCode = found === 0 ? 0 : 1
