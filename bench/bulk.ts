/** Data from a guest through a virtio-serial port, with a wait for its last line, compared with a bare reader. */
import { join } from 'node:path'
import { openShell } from '../src/guest/shell.ts'
import type { MachineInput } from '../src/machine/machine.ts'
import { planGuest } from '../src/project/planning.ts'
import { startQemu } from '../src/qemu/process.ts'
import { launchAlone } from '../src/runs/run.ts'
import { MiB } from '../src/units.ts'
import { measure } from './measure.ts'
import { FOLDER, projectOf } from './setting.ts'

/** Megabytes; `BRINGUP_BENCH_MB` sets another number. */
const MEGABYTES = Number(process.env.BRINGUP_BENCH_MB ?? 50)
const LAST_LINE = 'the last line'

const MACHINE: MachineInput = {
  cpu: 1,
  memory: '512M',
  devices: [{ kind: 'virtio-console', id: 'data', name: 'data', purpose: 'bulk' }],
}

/** Lines of text, made before the clock starts so that only the way through the port is measured. */
const MAKE = [
  'sh',
  '-c',
  `yes 'a line of text, as logs and traces have them, of sixty-four letters!' | head -c ${MEGABYTES * MiB} > /tmp/data; echo; echo '${LAST_LINE}' >> /tmp/data`,
]
const SEND = ['sh', '-c', 'cat /tmp/data > /dev/virtio-ports/data']

export async function bulk(): Promise<void> {
  const planned = await planGuest({ project: projectOf(MACHINE), profile: 'linux', command: ['sh', 'cat'] })
  await measure({
    title: 'Bulk data, virtio-serial port, until the last line',
    note: `${MEGABYTES} MiB`,
    rounds: 5,
    contenders: [
      { name: 'bare reader', run: () => readBare(planned) },
      { name: 'bringup, expect', run: () => expectLast(planned) },
    ],
  })
}

type Planned = Awaited<ReturnType<typeof planGuest>>

async function expectLast({ plan, facts, profile }: Planned): Promise<number> {
  await using guest = await launchAlone({ plan, facts, profile }, { stateFolder: join(FOLDER, '.bulk') })
  await guest.run(MAKE)
  const began = performance.now()
  const sent = guest.run(SEND)
  await guest.channel('data').expect(LAST_LINE, { timeoutMs: 120_000 })
  const took = performance.now() - began
  await sent
  return took
}

/** The same guest and the same socket; the reader only looks whether a chunk's end has the line. */
async function readBare({ plan }: Planned): Promise<number> {
  await using qemu = await startQemu({ plan })
  await qemu.ready
  qemu.console.output.resume()
  const [control, data] = [qemu.channels.get('shell'), qemu.channels.get('data')]
  if (!control || !data) throw new Error('the plan has no such channels')
  const shell = openShell(control)
  await qemu.qmp.execute('cont')
  await shell.run(MAKE)
  const began = performance.now()
  let tail = ''
  const seen = new Promise<void>((resolve) => {
    data.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - 64))).slice(-64)
      if (tail.includes(LAST_LINE)) resolve()
    })
  })
  const sent = shell.run(SEND)
  await seen
  const took = performance.now() - began
  await sent
  return took
}
