/** Linux's console on a framebuffer, and UEFI's menu: what is read from pixels is what was written. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { cpio } from '../../src/project/images/cpio.ts'
import { ModuleFolder } from '../../src/project/profiles/linux/modules.ts'
import { kernelPackages, unpackedPackages } from '../../src/project/profiles/linux/packages.ts'
import { aptProgram, packageContext } from '../support/apt-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-linux-screens-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let kernel = ''
let modules = ''
beforeAll(async () => {
  const context = packageContext()
  const folders = await unpackedPackages(await kernelPackages('linux-image-amd64', context), context)
  const boot = folders.map((one) => join(one, 'boot')).find(existsSync) ?? ''
  kernel = join(boot, readdirSync(boot).find((name) => name.startsWith('vmlinuz-')) ?? '')
  const all = folders.map((one) => join(one, 'lib/modules')).find(existsSync) ?? ''
  modules = join(all, readdirSync(all)[0] ?? '')
})

/** Its first process loads a driver of graphics, shows the kernel's log, and waits. */
async function initrdWith(driver: string): Promise<string> {
  const busybox = await aptProgram('busybox', 'busybox-static')
  const { modules: drivers } = await new ModuleFolder(modules).inLoadOrder(['virtio_pci', driver])
  const script = [
    '#!/busybox sh',
    ...['devtmpfs /dev', 'proc /proc', 'sysfs /sys'].map(
      (what) => `/busybox mount -t ${what.replace(' ', ' none ')}`,
    ),
    ...drivers.map(({ name }) => `/busybox insmod /modules/${name}.ko`),
    'echo "said by its first process" >/dev/tty0',
    'echo "said by its first process" >/dev/ttyS0',
    'while :; do /busybox sleep 1000; done',
  ]
  const initrd = join(folder, `${driver}.cpio`)
  writeFileSync(
    initrd,
    cpio([
      { kind: 'file', path: 'busybox', mode: 0o755, content: readFileSync(busybox.path) },
      { kind: 'file', path: 'init', mode: 0o755, content: Buffer.from(`${script.join('\n')}\n`) },
      { kind: 'folder', path: 'dev' },
      { kind: 'folder', path: 'proc' },
      { kind: 'folder', path: 'sys' },
      ...drivers.map(({ name, content }) => ({
        kind: 'file' as const,
        path: `modules/${name}.ko`,
        mode: 0o644,
        content,
      })),
    ]),
  )
  return initrd
}

const boot = (machine: MachineInput) =>
  launch({ timeout: '20m', memory: '256M', ...machine }, { profile: 'bare', folder })

const ink = (lines: readonly string[]) => lines.join('').replaceAll(/\s/g, '').length

const TEXT_COLUMNS = 80

/** How many cells that are not blank are right, where the same lines are on the serial console. */
function compare(screen: readonly string[], serial: readonly string[], columns: number) {
  // What was written before the driver took over stays as it was wrapped then.
  const wrapped = new Set(
    [TEXT_COLUMNS, columns].flatMap((width) =>
      serial.flatMap((line) =>
        Array.from({ length: Math.ceil(line.length / width) || 1 }, (_, i) =>
          line.slice(i * width, (i + 1) * width).trimEnd(),
        ),
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

it.each([
  ['bochs', { display: 'std' }, 'display', 'bochs-drm'],
  ['bochs', { display: 'bochs' }, 'display', 'bochs-drm'],
  ['cirrus', { display: 'cirrus' }, 'display', 'cirrus'],
  ['virtio_gpu', { display: 'virtio-gpu' }, 'display', 'virtio_gpu'],
  ['virtio_gpu', { display: 'std', qemuArgs: ['-device', 'virtio-gpu-pci,id=gpu'] }, 'gpu', 'virtio_gpu'],
] as const)('the console of Linux with the driver %s, %o', async (driver, machine, display, driverSays) => {
  const initrd = await initrdWith(driver)
  await using guest = await boot({
    ...machine,
    qemuArgs: [...('qemuArgs' in machine ? machine.qemuArgs : [])],
    boot: { kernel, initrd, append: 'console=ttyS0 console=tty0' },
  })
  await guest.console.expect('said by its first process', { timeoutMs: 600_000 })
  const { text, mode, columns } = await guest.screen.expect('said by its first process', {
    display,
    timeoutMs: 120_000,
  })
  expect(mode).toBe('graphics')
  const serial = readFileSync(guest.folder.consoleLog, 'utf8').split(/\r?\n/)
  expect(serial.join('\n')).toContain(driverSays)
  const screen = text.split('\n').map((line) => line.trimEnd())
  expectAlike(screen, [...serial, 'said by its first process'], columns)
})

it('the menu of UEFI', async () => {
  mkdirSync(join(folder, 'empty'))
  await using guest = await boot({ boot: { firmware: 'uefi', esp: 'empty' } })
  await guest.console.expect('Shell>', { timeoutMs: 240_000 })
  guest.console.write('exit\r')
  const { text, unread } = await guest.screen.expect('Boot Manager', { timeoutMs: 240_000 })
  expect(text).toContain('Standard PC (Q35 + ICH9, 2009)')
  expect(unread).toBeLessThanOrEqual(4)
})
