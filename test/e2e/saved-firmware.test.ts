/** Guests that firmware starts, and kernels that draw: saved at a text of console or screen, and forked. */
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { type Guest, saveState } from '../../src/index.ts'
import { ovmf } from '../../src/machine/devices/boot-options.ts'
import { type MachineInput, parseMachine } from '../../src/machine/machine.ts'
import { gatherFacts } from '../../src/plan/gather.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { buildDrawingKernel, buildReadingDisk } from '../support/drawing-kernel.ts'
import { expect, test } from '../support/guests.ts'
import { ownStates } from '../support/own-states.ts'

const profile = 'bare'
ownStates()
const folder = mkdtempSync(join(tmpdir(), 'bringup-firmware,'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const kernel = join(folder, 'draw.elf')
beforeAll(() => buildDrawingKernel(kernel))

const shows = async (guest: Guest, text: string) =>
  expect((await guest.screen.expect(text)).text).toContain(text)

describe('a kernel that draws is saved at a text of its screen', () => {
  test.for<readonly [string, MachineInput]>([
    ['std on q35', { display: 'std' }],
    ['cirrus on pc', { type: 'pc', display: 'cirrus' }],
    ['virtio-vga, with no more RAM than the card has', { display: 'virtio-vga', memory: '16M' }],
  ])('%s', async ([, more], { launch }) => {
    const machine: MachineInput = { memory: '64M', ...more, boot: { kernel, append: 'keys' } }
    const guest = await launch(machine, { profile })
    await guest.screen.expect('red on blue')
    await guest.keys('before')
    await shows(guest, '> before')
    await using ready = await saveState(guest)
    await guest.keys('x')
    const [first, second] = [await ready.fork(), await ready.fork()]
    for (const [fork, key] of [
      [first, '1'],
      [second, '2'],
    ] as const) {
      await shows(fork, '> before')
      await fork.keys(key)
      await shows(fork, `> before${key}`)
    }
    // A state of a fork, whose RAM is mapped from a file and whose card has memory of its own.
    await using again = await saveState(first)
    await using below = await again.fork()
    await below.keys('y')
    await shows(below, '> before1y')
    await shows(second, '> before2')
    await shows(guest, '> beforex')
  })
})

describe('SeaBIOS', () => {
  test.for<readonly [string, MachineInput]>([
    ['a disk on IDE of a pc', { type: 'pc', devices: [{ kind: 'disk', file: 'disk.img', bus: 'ide' }] }],
    ['a disk on virtio', { devices: [{ kind: 'disk', file: 'disk.img' }] }],
    ['a floppy', { devices: [{ kind: 'floppy', file: 'disk.img', bootindex: 0 }] }],
  ])('boots %s, which forks go on reading', async ([, more], { launch }) => {
    buildReadingDisk(join(folder, 'disk.img'), ['one. ', 'two. ', 'three. '])
    const devices = more.devices?.map((device) => ({ ...device, file: join(folder, 'disk.img') }))
    const machine = { ...more, devices, memory: '64M', display: 'std' } as MachineInput
    const guest = await launch(machine, { profile })
    await guest.screen.expect('Press a key.')
    await guest.keys('a')
    await shows(guest, 'Press a key. one.')
    await using ready = await saveState(guest)
    await using fork = await ready.fork()
    await fork.keys('b')
    await shows(fork, 'Press a key. one. two.')
    await using again = await saveState(fork)
    await using below = await again.fork()
    await below.keys('c')
    await shows(below, 'Press a key. one. two. three.')
    writeFileSync(join(folder, 'disk.img'), 'x', { flag: 'r+' })
    await expect(ready.fork()).rejects.toMatchObject({ code: 'STATE_NOT_LOADED' })
  })
})

describe('UEFI', () => {
  const esp = join(folder, 'esp')
  const file = join(folder, 'variables.fd')
  const digest = () => createHash('sha256').update(readFileSync(file)).digest('hex')
  const prompt = 'FS0:\\> '
  let lines = 0
  /** What its shell answers to a line. The number in its comment is not in the text of before the save. */
  const answer = async (guest: Guest, line: string, wanted = '') => {
    lines += 1
    guest.console.write(`${line} # line ${lines}\r`)
    // The answer alone: a match on a console that draws uses up what was drawn by then, which may be all of it.
    if (wanted !== '') return void (await guest.console.expect(wanted))
    await guest.console.expect(`# line ${lines}`)
    await guest.console.expect(prompt)
  }
  const set = 'setvar BringupTest -guid 11111111-2222-3333-4444-555555555555'

  test('is saved in its shell with its variables, and reads on from the folder that it booted', async ({
    launch,
  }) => {
    const path = findQemu('x86_64')
    const qemu = await readCapabilities(path, 'x86_64', cacheFolder())
    const { variables = '' } = ovmf(
      parseMachine('uefi', {}).boot,
      gatherFacts([], { qemu, accelerators: [] }),
    )
    copyFileSync(variables, file)
    mkdirSync(esp)
    writeFileSync(join(esp, 'startup.nsh'), '@echo -off\r\nfs0:\r\n')
    writeFileSync(join(esp, 'file.txt'), 'from the folder\r\n')
    const guest = await launch({ boot: { esp, variables: file }, memory: '128M' }, { profile })
    await guest.console.expect(prompt)
    await answer(guest, `${set} -bs -nv =0b`)
    await using ready = await saveState(guest)
    const before = digest()

    await using fork = await ready.fork()
    await answer(fork, 'type file.txt', 'from the folder')
    await answer(fork, set, '0B')
    await answer(fork, `${set} -bs -nv =0c`)
    await using again = await saveState(fork)
    await using below = await again.fork()
    await answer(below, set, '0C')
    expect(digest()).toBe(before)
    await answer(guest, set, '0B')

    writeFileSync(join(esp, 'later.txt'), 'not there when it was saved')
    await expect(ready.fork()).rejects.toMatchObject({
      code: 'STATE_NOT_LOADED',
      diagnostics: [{ evidence: [expect.stringMatching(/esp was changed after the guest was saved/)] }],
    })
  })
})
