/** A Linux guest, from start to the moment when it takes commands, beside the fastest q35 that is known. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { HELLO } from '../src/guest/shell-frames.ts'
import type { MachineInput } from '../src/machine/machine.ts'
import { planGuest } from '../src/project/planning.ts'
import { launchAlone } from '../src/runs/run.ts'
import { measure, spawned } from './measure.ts'
import { CLI, FOLDER, projectOf } from './setting.ts'

const MACHINE: MachineInput = { cpu: 1, memory: '512M' }

export async function linux(): Promise<void> {
  const planned = await planGuest({ project: projectOf(MACHINE), profile: 'linux', command: ['true'] })
  const { kernel = '', initrd = '' } = planned.plan.machine.boot
  // By hand: uncompressed PVH kernel, quiet, no self tests, qboot, no default devices; the agent speaks on stdout.
  const best = [
    ...['qemu-system-x86_64', '-accel', 'tcg', '-M', 'q35', '-m', '512M', '-nodefaults', '-display', 'none'],
    ...['-bios', 'qboot.rom', '-kernel', kernel, '-initrd', initrd, '-no-user-config', '-cpu', 'max'],
    ...['-append', 'console=ttyS0 quiet cryptomgr.notests panic=-1'],
    ...['-chardev', 'stdio,id=agent,signal=off', '-device', 'virtio-serial-pci', '-serial', 'null'],
    ...['-device', 'virtserialport,chardev=agent,name=org.bringup.shell'],
  ]
  await measure({
    title: 'Linux, start to the first command, q35',
    rounds: 7,
    contenders: [
      { name: 'best bare QEMU: agent greets', run: () => greeting(best) },
      { name: 'library, warm: a command answered', run: () => answer(planned) },
      {
        name: 'bringup run -- true, whole',
        run: () =>
          spawned(
            [process.execPath, CLI, 'run', '--profile', 'linux', '--accel', 'tcg', ...flags(), '--', 'true'],
            FOLDER,
          ),
      },
    ],
  })
}

const flags = () => ['--cores', '1', '--memory', '512M']

async function answer({ plan, facts, profile }: Awaited<ReturnType<typeof planGuest>>): Promise<number> {
  const began = performance.now()
  await using guest = await launchAlone({ plan, facts, profile }, { stateFolder: join(FOLDER, '.linux') })
  await guest.run(['true'])
  return performance.now() - began
}

/** Until the agent's greeting, which is the first thing that comes over its port. */
function greeting([program = '', ...args]: readonly string[]): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    // Its standard input stays open: a port whose other end is at its end is no port to the guest.
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    let took: number | undefined
    child.stdout.on('data', (chunk: Buffer) => {
      if (!chunk.includes(HELLO)) return
      took = performance.now() - began
      child.kill('SIGKILL')
    })
    child.on('error', reject)
    child.on('close', () =>
      took === undefined ? reject(new Error('the guest ended before its agent spoke')) : resolve(took),
    )
  })
}
