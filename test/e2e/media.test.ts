/** Media that firmware boots: CD-ROM, floppy, disks and sticks on every bus, by the machine and by the short form. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { bootImage, iso, TEXT } from '../support/media.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-media-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(() => {
  writeFileSync(join(folder, 'kernel.iso'), iso())
  writeFileSync(join(folder, 'disk.img'), bootImage(1024 * 1024))
  writeFileSync(join(folder, 'floppy.img'), bootImage(512))
})

const boot = (machine: MachineInput) =>
  launch({ timeout: '10m', memory: '64M', ...machine }, { profile: 'bare', folder })

type Device = NonNullable<MachineInput['devices']>[number]

describe.each(['q35', 'pc'] as const)('%s boots from', (type) => {
  it.each<readonly [string, Device]>([
    ['a CD-ROM on IDE', { kind: 'cdrom', file: 'kernel.iso', bootindex: 0 }],
    ['a CD-ROM on SCSI', { kind: 'cdrom', file: 'kernel.iso', bus: 'scsi', bootindex: 0 }],
    ['a CD-ROM on USB', { kind: 'cdrom', file: 'kernel.iso', bus: 'usb', bootindex: 0 }],
    ['a floppy', { kind: 'floppy', file: 'floppy.img', bootindex: 0 }],
    ['a disk on IDE', { kind: 'disk', file: 'disk.img', bus: 'ide', bootindex: 0 }],
    ['a disk on SCSI', { kind: 'disk', file: 'disk.img', bus: 'scsi', bootindex: 0 }],
    ['a stick', { kind: 'disk', file: 'disk.img', bus: 'usb', bootindex: 0 }],
  ])('%s', async (_, device) => {
    await using guest = await boot({ type, devices: [device] })
    expect((await guest.screen.expect(TEXT)).mode).toBe('text')
  })
})

it('takes disks and CD-ROMs on the ports of IDE in turn', async () => {
  const devices: readonly Device[] = [
    { kind: 'cdrom', file: 'kernel.iso', bootindex: 0 },
    { kind: 'disk', file: 'disk.img', bus: 'ide' },
    { kind: 'cdrom', file: 'kernel.iso' },
  ]
  for (const type of ['q35', 'pc'] as const) {
    await using guest = await boot({ type, devices: [...devices] })
    await guest.screen.expect(TEXT)
  }
})

it.each<readonly [string, Device, string]>([
  ['a medium that is missing', { kind: 'cdrom', file: 'none.iso' }, 'MEDIUM_MISSING'],
  ['a folder', { kind: 'floppy', file: '.' }, 'MEDIUM_UNFIT'],
])('says what is wrong with %s', async (_, device, code) => {
  await expect(boot({ boot: { firmware: 'bios' }, devices: [device] })).rejects.toMatchObject({ code })
})

it('has two floppy drives', async () => {
  const drive: Device = { kind: 'floppy', file: 'floppy.img' }
  await expect(boot({ devices: [drive, drive, drive] })).rejects.toMatchObject({ code: 'FLOPPY_DRIVES_FULL' })
  await using guest = await boot({ devices: [drive, { ...drive, bootindex: 0 }] })
  await guest.screen.expect(TEXT)
})

it('boots an ISO of the command line, and says so', async () => {
  const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
  const run = (...argv: readonly string[]) =>
    execa(process.execPath, [bin, 'run', '--cdrom', 'kernel.iso', ...argv], { cwd: folder, stdin: 'ignore' })
  const booted = await run('--until', TEXT)
  expect(booted.stderr).toContain('booting kernel.iso by BIOS; for the bundled kernel, add --profile probe')
  expect(booted.stdout).toContain(TEXT)
  const bundled = await run('--profile', 'probe')
  expect(bundled.stderr).not.toContain('booting')
  expect(bundled.stdout).toContain('cdrom cdrom0')
})
