/** Linux's console on a framebuffer, and UEFI's menu: what is read from pixels is what was written. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { kernelPackages, unpackedPackages } from '../../src/project/profiles/linux/packages.ts'
import { packageContext } from '../support/apt-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-linux-screens-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let kernel = ''
beforeAll(async () => {
  const context = packageContext()
  const folders = await unpackedPackages(await kernelPackages('linux-image-amd64', context), context)
  const boot = folders.map((one) => join(one, 'boot')).find(existsSync) ?? ''
  kernel = join(boot, readdirSync(boot).find((name) => name.startsWith('vmlinuz-')) ?? '')
})

const boot = (machine: MachineInput) =>
  launch({ timeout: '20m', memory: '256M', ...machine }, { profile: 'bare', folder })

const ink = (lines: readonly string[]) => lines.join('').replaceAll(/\s/g, '').length

/** How many cells that are not blank are right, where the same lines are on the serial console. */
function compare(screen: readonly string[], serial: readonly string[], columns: number) {
  const wrapped = new Set(
    serial.flatMap((line) =>
      Array.from({ length: Math.ceil(line.length / columns) || 1 }, (_, i) =>
        line.slice(i * columns, (i + 1) * columns).trimEnd(),
      ),
    ),
  )
  const other = screen.filter((line) => !wrapped.has(line))
  return { right: ink(screen) - ink(other), all: ink(screen), other }
}

/** All lines but the cursor's are those of the serial console. */
function expectAlike(screen: readonly string[], serial: readonly string[], columns: number): void {
  const { right, all, other } = compare(screen, serial, columns)
  expect(all).toBeGreaterThan(1000)
  expect(other.filter((line) => line !== '\ufffd')).toEqual([])
  expect(right / all).toBeGreaterThan(0.95)
}

it('the console of Linux under vesafb', async () => {
  await using guest = await boot({
    boot: { kernel, append: 'console=ttyS0 console=tty0 vga=791 root=/dev/none' },
  })
  await guest.done
  const screen = readFileSync(join(guest.folder.path, 'screen.txt'), 'utf8').trimEnd().split('\n')
  const serial = readFileSync(guest.folder.consoleLog, 'utf8').split(/\r?\n/)
  expectAlike(screen, serial, 128)
})

it('the console of Linux under efifb, started by UEFI', async () => {
  await using guest = await boot({
    boot: { firmware: 'uefi', kernel, append: 'console=ttyS0 console=tty0 root=/dev/none' },
  })
  await guest.done
  const screen = readFileSync(join(guest.folder.path, 'screen.txt'), 'utf8').trimEnd().split('\n')
  const serial = readFileSync(guest.folder.consoleLog, 'utf8').split(/\r?\n/)
  expect(serial.join('\n')).toContain('efifb: mode is')
  expectAlike(screen, serial, 160)
})

it('the menu of UEFI', async () => {
  mkdirSync(join(folder, 'empty'))
  await using guest = await boot({ boot: { firmware: 'uefi', esp: 'empty' } })
  for (let tries = 0; tries < 300; tries++) {
    guest.console.write('\x1b')
    if (await guest.console.expect('Select Entry', { timeoutMs: 500 }).catch(() => undefined)) break
  }
  const { text, unread } = await guest.screen.expect('Boot Manager', { timeoutMs: 240_000 })
  expect(text).toContain('Standard PC (Q35 + ICH9, 2009)')
  expect(unread).toBeLessThanOrEqual(4)
})
