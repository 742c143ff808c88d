/** The floor: a kernel of a few bytes, from start to exit. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MachineInput } from '../src/machine/machine.ts'
import { planGuest } from '../src/project/planning.ts'
import { launchAlone } from '../src/runs/run.ts'
import { testKernel } from '../test/support/test-kernel.ts'
import { measure, spawned } from './measure.ts'
import { FOLDER, projectOf } from './setting.ts'

export async function tiny(): Promise<void> {
  const kernel = join(FOLDER, 'tiny.elf')
  writeFileSync(kernel, testKernel('ok\n', { exit: 16 }))
  const bare = (...more: readonly string[]) => [
    ...['qemu-system-x86_64', '-accel', 'tcg', '-M', 'q35', '-m', '64M', '-nodefaults', '-display', 'none'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel, ...more],
  ]
  const machine: MachineInput = { cpu: 1, memory: '64M', boot: { kernel } }
  const planned = await planGuest({ project: projectOf(machine) })
  const launchOne = async (one: typeof planned) => {
    await using guest = await launchAlone(one, { stateFolder: join(FOLDER, '.tiny'), verify: false })
    const { verdict, meaning } = await guest.done
    if (verdict !== 'passed') throw new Error(`the tiny kernel ended otherwise: ${meaning}`)
    return undefined
  }
  await measure({
    title: 'Tiny kernel, start to exit, q35',
    rounds: 20,
    contenders: [
      { name: 'QEMU, qboot', run: () => spawned(bare('-bios', 'qboot.rom'), FOLDER, [33]) },
      { name: 'QEMU, SeaBIOS', run: () => spawned(bare(), FOLDER, [33]) },
      { name: 'library, warm: launch', run: () => launchOne(planned) },
      {
        name: 'library, warm: plan and launch',
        run: async () => launchOne(await planGuest({ project: projectOf(machine) })),
      },
    ],
  })
}
