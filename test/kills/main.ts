/** `npm run kills [-- --cases N] [--seed S] [--states]`: SIGKILL at random moments over all commands that write, or while guests are saved and restored. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { problemAfterKill, SCENES, STATE_SCENES } from './kills.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    states: { type: 'boolean', default: false },
  },
})
const cache = mkdtempSync(join(tmpdir(), 'bringup-kills-cache-'))
const scenes = values.states ? STATE_SCENES : SCENES
let bad = 0
try {
  for (let i = 0; i < Number(values.cases); i++) {
    const problem = await problemAfterKill(Number(values.seed) * 100_000 + i, cache, scenes)
    if (problem !== undefined) {
      bad += 1
      console.log(problem)
    }
    if ((i + 1) % 25 === 0) console.log(`${i + 1} of ${values.cases} kills, ${bad} bad`)
  }
} finally {
  rmSync(cache, { recursive: true, force: true })
}
console.log(`${values.cases} kills, ${bad} with something left or broken (seed ${values.seed})`)
process.exitCode = bad === 0 ? 0 : 1
