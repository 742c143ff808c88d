/** Whether bringup's console, with a wait on it, keeps up with a reader that does nothing. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { MachineInput } from '../src/machine/machine.ts'
import { planGuest } from '../src/project/planning.ts'
import { launchAlone } from '../src/runs/run.ts'
import { MiB } from '../src/units.ts'
import { measure } from './measure.ts'
import { bareArgv, FOLDER, projectOf } from './setting.ts'

/** Megabytes; `BRINGUP_BENCH_MB` sets another number. */
const MEGABYTES = Number(process.env.BRINGUP_BENCH_MB ?? 4)
const LAST_LINE = 'flood done'

export async function console(): Promise<void> {
  const machine: MachineInput = {
    cpu: 1,
    memory: '64M',
    boot: { append: `flood=${MEGABYTES * MiB}` },
    timeout: '120s',
  }
  const argv = await bareArgv(machine)
  const planned = await planGuest({ project: projectOf(machine) })
  await measure({
    title: 'Console, first serial port, until the last line',
    note: `${MEGABYTES} MiB`,
    rounds: 2,
    contenders: [
      { name: 'bare reader', run: () => readBare(argv) },
      { name: 'bringup, expect', run: () => expectLast(planned) },
    ],
  })
}

async function expectLast({
  plan,
  facts,
  profile,
}: Awaited<ReturnType<typeof planGuest>>): Promise<undefined> {
  await using guest = await launchAlone({ plan, facts, profile }, { stateFolder: join(FOLDER, '.console') })
  await guest.console.expect(LAST_LINE, { timeoutMs: 120_000 })
  return undefined
}

/** Only looks whether a chunk's end has the line. */
function readBare(argv: readonly string[]): Promise<undefined> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let tail = ''
    let isDone = false
    child.stdout.on('data', (chunk: Buffer) => {
      tail = tail.slice(-LAST_LINE.length) + chunk.toString('latin1')
      if (!isDone && tail.includes(LAST_LINE)) {
        isDone = true
        child.kill('SIGKILL')
      }
    })
    child.on('error', reject)
    child.on('close', () => (isDone ? resolve(undefined) : reject(new Error('the flood ended early'))))
  })
}
