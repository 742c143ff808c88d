/** What it costs to read a screen, in text mode and from pixels, beside a bare `screendump`; and how long it holds up this process. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import type { Guest } from '../src/guest/guest.ts'
import type { MachineInput } from '../src/machine/machine.ts'
import { planGuest } from '../src/project/planning.ts'
import { launchAlone } from '../src/runs/run.ts'
import { buildDrawingKernel } from '../test/support/drawing-kernel.ts'
import { measure } from './measure.ts'
import { FOLDER, projectOf } from './setting.ts'

const ROUNDS = 30

export async function screen(): Promise<void> {
  const kernel = join(FOLDER, 'screen.elf')
  buildDrawingKernel(kernel)
  await measureMode('text mode, 80 × 25', kernel, { append: 'text', words: 'red on blue' })
  // Each picture is another one: nothing is known of it from the last reading.
  await measureMode('pixels, 1024 × 768, full of text', kernel, { append: 'counter', words: 'line 46' })
}

async function measureMode(
  mode: string,
  kernel: string,
  { append, words }: { readonly append: string; readonly words: string },
): Promise<void> {
  const machine: MachineInput = {
    cpu: 1,
    memory: '64M',
    display: 'std',
    boot: { kernel, append },
    timeout: '30m',
  }
  const planned = await planGuest({ project: projectOf(machine) })
  await using guest = await launchAlone(planned, { stateFolder: join(FOLDER, '.screen'), verify: false })
  const firstHold = await holdsUp(async () => void (await guest.screen.expect(words, { timeoutMs: 600_000 })))
  await measure({
    title: `Reading a screen, ${mode}`,
    rounds: ROUNDS,
    contenders: [
      { name: 'screendump and its file', run: () => dump(guest) },
      { name: 'its text', run: () => undefinedAfter(guest.screen.expect(words)) },
      { name: 'its text and picture', run: () => undefinedAfter(guest.screen()) },
    ],
  })
  const text = await holdsUp(async () => {
    for (let round = 0; round < ROUNDS; round++) await guest.screen.expect(words)
  })
  const picture = await holdsUp(async () => {
    for (let round = 0; round < ROUNDS; round++) await guest.screen()
  })
  // A loaded computer holds up a process that does nothing, too.
  const idle = await holdsUp(() => setTimeout(3000))
  console.log(
    `this process did nothing else for at most ${text} ms while text was read, ${picture} ms with the picture, ${firstHold} ms until the words were first there; ${idle} ms while it waited`,
  )
}

const undefinedAfter = async (work: Promise<unknown>) => void (await work)

async function dump(guest: Guest): Promise<undefined> {
  const path = join(FOLDER, 'screen.ppm')
  await guest.qemu.qmp.execute('screendump', { filename: path })
  await readFile(path)
}

/** The longest time for which the event loop stood still, in ms. */
async function holdsUp(work: () => Promise<void>): Promise<string> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work()
  delay.disable()
  return (delay.max / 1e6).toFixed(0)
}
