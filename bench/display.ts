/** What a display costs: the start of a kernel with and without one, and the work of a guest while its screen is read. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MachineInput } from '../src/machine/machine.ts'
import { planGuest } from '../src/project/planning.ts'
import { launchAlone } from '../src/runs/run.ts'
import { buildDrawingKernel } from '../test/support/drawing-kernel.ts'
import { testKernel } from '../test/support/test-kernel.ts'
import { measure, spawned } from './measure.ts'
import { FOLDER, projectOf } from './setting.ts'

export async function display(): Promise<void> {
  const kernel = join(FOLDER, 'display.elf')
  writeFileSync(kernel, testKernel('ok\n', { exit: 16 }))
  const launchOne = async (card: 'none' | 'std') => {
    const machine: MachineInput = { cpu: 1, memory: '64M', display: card, boot: { kernel } }
    const planned = await planGuest({ project: projectOf(machine) })
    await using guest = await launchAlone(planned, { stateFolder: join(FOLDER, '.display'), verify: false })
    const { verdict, meaning } = await guest.done
    if (verdict !== 'passed') throw new Error(`the kernel ended otherwise: ${meaning}`)
    return undefined
  }
  await measure({
    title: 'Tiny kernel, start to exit, q35: without a display (qboot) and with one (SeaBIOS)',
    rounds: 15,
    contenders: [
      { name: 'display none', run: () => launchOne('none') },
      { name: 'display std', run: () => launchOne('std') },
    ],
  })
  await measureReading()
}

/** The same work with nothing that reads the screen, and with a watch that reads it four times a second. */
async function measureReading(): Promise<void> {
  const kernel = join(FOLDER, 'draw.elf')
  buildDrawingKernel(kernel)
  const machine: MachineInput = {
    cpu: 1,
    memory: '64M',
    display: 'std',
    boot: { kernel, append: 'work' },
    timeout: '10m',
  }
  const planned = await planGuest({ project: projectOf(machine) })
  const qemu = 'qemu-system-x86_64 -accel tcg -M q35 -m 64M -nodefaults -display none -device VGA'
  await measure({
    title: 'A kernel that draws for some seconds, q35',
    rounds: 5,
    contenders: [
      {
        name: 'QEMU alone',
        run: () => spawned([...qemu.split(' '), '-kernel', kernel, '-append', 'work'], FOLDER, [0]),
      },
      {
        name: 'bringup reads its screen',
        run: async () => {
          await using guest = await launchAlone(planned, {
            stateFolder: join(FOLDER, '.display'),
            verify: false,
          })
          await guest.done
          return undefined
        },
      },
    ],
  })
}
