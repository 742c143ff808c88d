/** Guests of a rack, from start to the end of all, beside the same QEMU commands that a shell starts in the background. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pasteArgv } from '../src/plan/plan.ts'
import { parseRack } from '../src/project/rack.ts'
import { planRun } from '../src/project/run-planning.ts'
import { quoteCommand } from '../src/quote.ts'
import { startRun } from '../src/runs/run.ts'
import { measure, spawned } from './measure.ts'
import { CLI, FOLDER, projectOf } from './setting.ts'

const SIZES = [1, 4, 16]
const ROUNDS = 7

const rackOf = (count: number) => ({
  guests: { node: { machine: { cpu: 1, memory: '64M', accel: 'tcg' as const }, count } },
})

export async function racks(): Promise<void> {
  const all = Object.fromEntries(SIZES.map((count) => [`of-${count}`, rackOf(count)]))
  writeFileSync(join(FOLDER, 'bringup.config.json'), JSON.stringify({ racks: all }))
  for (const count of SIZES) await one(count)
}

async function one(count: number): Promise<void> {
  const name = `of-${count}`
  const project = { ...projectOf(), racks: { [name]: parseRack(rackOf(count), ['racks', name]) } }
  const planned = await planRun({ project, rack: name })
  const commands = planned.plan.guests.map((guest) => quoteCommand(quiet(pasteArgv(guest))).join(' '))
  const loop = `${commands.map((command) => `${command} < /dev/null > /dev/null &`).join('\n')}\nwait`
  await measure({
    title: `A rack of ${count}, probe kernel, start to the end of all`,
    rounds: ROUNDS,
    contenders: [
      { name: 'shell, QEMU &, wait', run: () => spawned(['sh', '-c', loop], FOLDER) },
      {
        name: 'library, warm',
        run: async () => {
          const run = startRun(planned, { stateFolder: join(FOLDER, '.racks') })
          const { verdict, meaning } = await run.done
          if (verdict !== 'passed') throw new Error(meaning)
          return undefined
        },
      },
      {
        name: `bringup run --rack ${name}`,
        run: () => spawned([process.execPath, CLI, 'run', '--rack', name], FOLDER),
      },
    ],
  })
}

/** The console goes to standard output, without QEMU's monitor. */
function quiet(argv: readonly string[]): readonly string[] {
  return argv
    .map((word) => word.replace(/^stdio,id=console,mux=on$/, 'stdio,id=console,signal=off'))
    .filter((word, index, all) => word !== '-mon' && all[index - 1] !== '-mon')
}
