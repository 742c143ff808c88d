/** Programs that draw on the serial console by moving the cursor: what a terminal would show is read, and is the evidence. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { missingPackages, unpackedPackages } from '../../src/project/profiles/linux/packages.ts'
import { packageContext } from '../support/apt-program.ts'
import { isoOf } from '../support/grub-iso.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-console-screens-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(async () => {
  mkdirSync(join(folder, 'empty'))
  const context = packageContext()
  const folders = await unpackedPackages((await missingPackages('memtest86+', context)) ?? [], context)
  for (const [place, name] of [
    ['boot', 'memtest86+x64.bin'],
    ['usr/lib/memtest86+', 'memtest86+x64.iso'],
  ] as const) {
    const path = folders.map((one) => join(one, place, name)).find(existsSync)
    if (path === undefined) throw new Error(`the package memtest86+ has no ${name}`)
    copyFileSync(path, join(folder, name))
  }
})

const boot = (machine: MachineInput) =>
  launch({ timeout: '10m', memory: '128M', ...machine }, { profile: 'bare', folder })

const HEADER = /^ *Memtest86\+ v\d.*[|│] .*CPU/

it('memtest86+ on the serial console', async () => {
  await using guest = await boot({ boot: { kernel: 'memtest86+x64.bin', append: 'console=ttyS0,115200' } })
  expect((await guest.console.expect(HEADER, { timeoutMs: 120_000 })).text).toContain('Memtest86+ v')
  await guest.console.expect(/Memory +: +\d+MB .*\| Pattern:/, { timeoutMs: 120_000 })
  const error = await guest.console.expect('nonsense', { timeoutMs: 1000 }).catch((e: unknown) => e)
  const [finding] = (error as { diagnostics: { evidence: readonly string[] }[] }).diagnostics
  expect(finding?.evidence).toContainEqual(expect.stringMatching(HEADER))
  expect(finding?.evidence.join('')).not.toContain('\\x1b')
})

it('memtest86+ from its ISO, on the screen', async () => {
  await using guest = await boot({
    boot: { firmware: 'bios' },
    devices: [{ kind: 'cdrom', file: 'memtest86+x64.iso', bootindex: 0 }],
  })
  const { text } = await guest.screen.expect(/Memory +: +\d+MB +│ Pattern:/, { timeoutMs: 120_000 })
  expect(text.split('\n')[0]).toMatch(HEADER)
})

it('the menu of UEFI', async () => {
  await using guest = await boot({ boot: { firmware: 'uefi', esp: 'empty' }, display: 'none' })
  // A key at the start comes too early or too late; the end of its shell opens the menu too.
  await guest.console.expect('Shell>', { timeoutMs: 240_000 })
  guest.console.write('exit\r')
  await guest.console.expect('Select Entry', { timeoutMs: 240_000 })
  await guest.console.settled()
  expect(guest.console.tail()).toContainEqual(expect.stringMatching(/Boot Manager/))
  expect(guest.console.tail().join('')).not.toContain('\\x1b')
})

it('the menu of GRUB on its serial terminal', async () => {
  const iso = isoOf(folder, 'serial', [
    'serial --unit=0 --speed=115200',
    'terminal_input serial',
    'terminal_output serial',
    'set timeout=-1',
    'menuentry "first entry" { echo "the first was chosen"; sleep 1000; }',
    'menuentry "second entry" { echo "the second was chosen"; sleep 1000; }',
  ])
  const cdrom = { kind: 'cdrom', file: iso, bus: 'ide', bootindex: 0 } as const
  await using guest = await boot({ type: 'pc', boot: { firmware: 'bios' }, devices: [cdrom] })
  await guest.console.expect('second entry', { timeoutMs: 120_000 })
  const menu = async () => {
    await guest.console.settled()
    return guest.console.tail()
  }
  expect(await menu()).toContainEqual(expect.stringMatching(/^ *\|\*first entry *\|$/))
  guest.console.write('\x1b[B')
  await guest.console.expect(/\*second entry/)
  expect(await menu()).toContainEqual(expect.stringMatching(/^ *\| first entry *\|$/))
  expect((await menu()).join('')).not.toContain('\\x1b')
  guest.console.write('\r')
  await guest.console.expect('the second was chosen')
  expect((await menu()).join('')).not.toContain('entry')
})
