/** A process that does something else while its guest prints: nothing of the console is lost. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { testKernel } from '../support/test-kernel.ts'

const folder = mkdtempSync(join(tmpdir(), 'busy process '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Whether a process has ended and was not waited for (proc(5)). */
const hasEnded = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')

const words = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('')
const COM2 = 0x2f8

const booted = async (name: string, kernel: Buffer, machine: MachineInput = {}) => {
  const path = join(folder, `${name}.elf`)
  writeFileSync(path, kernel)
  return launch(
    { accel: 'tcg', cpu: 1, memory: '16M', debugExit: true, ...machine, boot: { kernel: path } },
    { folder, profile: 'bare', verify: false },
  )
}

const SERIAL = { devices: [{ kind: 'serial', id: 'second' }] } as const

it.each([
  ['a console', 0x3f8, {}, 'console.log'],
  ['a second serial port', COM2, SERIAL, 'channels/second.log'],
  ['port 0xe9', 0xe9, { debugcon: true }, 'console.log'],
] as const)(
  '%s that is not read for a while keeps all that the guest prints',
  async (name, port, machine, log) => {
    await using guest = await booted(name.replaceAll(' ', '-'), testKernel(words, { exit: 16 }, port), {
      ...machine,
      devices: [...('devices' in machine ? machine.devices : [])],
    })
    await (port === COM2 ? guest.channel('second') : guest.console).expect('line 0\n')
    // Nothing is read meanwhile: QEMU ends by itself, and is not reaped.
    while (!hasEnded(guest.qemu.pid));
    await guest.done
    expect(readFileSync(join(guest.folder.path, log), 'utf8')).toBe(words)
  },
)

it('what is typed reaches a second serial port', async () => {
  await using guest = await booted('typed', testKernel('type\n', 'typed', COM2), {
    devices: [...SERIAL.devices],
  })
  const channel = guest.channel('second')
  await channel.expect('type\n')
  channel.write('\x10')
  expect(await guest.done).toMatchObject({ guestCode: 16 })
})
