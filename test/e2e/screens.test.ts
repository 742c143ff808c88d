/** Kernels that draw on the screen: read as text, judged, kept, typed into. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Guest } from '../../src/guest/guest.ts'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { buildDrawingKernel } from '../support/drawing-kernel.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-screens-'))
const kernel = join(folder, 'draw.elf')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(() => buildDrawingKernel(kernel))

const draw = (how: string, machine: MachineInput = {}) =>
  launch(
    { timeout: '10m', memory: '128M', ...machine, boot: { kernel, append: how } },
    { profile: 'bare', folder },
  )

const STRANGER = 'Kernel of a stranger\nred on blue\n\n│ ↑ ß █'

describe('text', () => {
  it.each(['q35', 'pc'] as const)('of VGA on %s, with its colours', async (type) => {
    await using guest = await draw('text', { type })
    await guest.screen.expect('red on blue')
    const { mode, text, colored, columns, rows, png } = await guest.screen()
    expect({ mode, text, columns, rows }).toEqual({ mode: 'text', text: STRANGER, columns: 80, rows: 25 })
    expect(colored).toContain('\x1b[0;91;44mred on blue')
    expect(png?.subarray(1, 4).toString()).toBe('PNG')
  })

  it('without a display lies in plain memory', async () => {
    await using guest = await draw('text', { display: 'none' })
    await guest.screen.expect(/^│ ↑ ß █$/)
    expect(await guest.screen()).toMatchObject({ mode: 'none', unread: 0 })
  })

  it('that scrolled by moving the begin of the screen', async () => {
    await using guest = await draw('scrolled')
    const { text } = await guest.screen.expect('line 59')
    const lines = Array.from({ length: 25 }, (_, i) => `line ${i + 35}`)
    expect(text).toBe(lines.join('\n'))
  })

  it('of a card among the user’s own arguments', async () => {
    await using guest = await draw('text', { qemuArgs: ['-vga', 'cirrus'] })
    expect(guest.plan.machine).toMatchObject({ display: 'cirrus', qemuArgs: [] })
    expect((await guest.screen.expect('stranger')).mode).toBe('text')
  })
})

describe('two displays', () => {
  it.each(['secondary-vga', 'bochs-display'])('VGA and %s, each by its id', async (driver) => {
    await using guest = await draw('two', { display: 'std', qemuArgs: ['-device', `${driver},id=second`] })
    await guest.screen.expect('its words alone', { display: 'second' })
    expect(await guest.screen({ display: 'second' })).toMatchObject({
      mode: 'graphics',
      text: 'Second display\n\nits words alone',
      unread: 0,
    })
    const main = { mode: 'text', text: STRANGER }
    expect(await guest.screen()).toMatchObject(main)
    expect(await guest.screen({ display: 'display' })).toMatchObject(main)
    await expect(guest.screen({ display: 'second:1' })).rejects.toMatchObject({
      diagnostics: [{ code: 'SCREEN_DISPLAY_UNKNOWN', evidence: ['displays: display, second'] }],
    })
  })

  it('the main one is that with VGA, wherever it stands', async () => {
    const qemuArgs = ['-device', 'virtio-gpu-pci,id=gpu,max_outputs=2', '-device', 'VGA,id=text']
    await using guest = await draw('text', { qemuArgs })
    expect(await guest.screen.expect('red on blue')).toMatchObject({ mode: 'text' })
    const { png } = await guest.screen()
    expect(png).toEqual((await guest.screen({ display: 'text' })).png)
    for (const display of ['gpu', 'gpu:1'])
      expect(await guest.screen({ display })).toMatchObject({ mode: 'graphics', isBlank: true })
  })
})

describe('pixels', () => {
  const words = (indent: string) =>
    `${indent}Linear framebuffer\n${indent}green words {[(#)]}\n\n${indent}          indented`

  it.each([
    ['drawn with the font of the card', 'linear', ''],
    ['anywhere on the screen', 'margin', ' '],
    ['drawn with a font of the kernel', 'bold', ''],
  ])('%s', async (_, how, indent) => {
    await using guest = await draw(how)
    await guest.screen.expect('indented')
    expect(await guest.screen()).toMatchObject({ mode: 'graphics', text: words(indent), unread: 0 })
  })

  it('of mode 13h, which are shown twice', async () => {
    await using guest = await draw('mode13')
    const { text, columns, rows } = await guest.screen.expect('columns')
    expect({ text, columns, rows }).toEqual({
      text: 'Mode 13h\n\n 320 by 200, 40 columns',
      columns: 40,
      rows: 25,
    })
  })
})

const kept = ({ folder: { path } }: Guest) => readFileSync(join(path, 'screen.txt'), 'utf8')

describe('verdicts', () => {
  it.each(['BLACK ON BLACK', 'RED ON RED'])('text that is not seen proves nothing: %s', (text) => {
    const words = ['run', '--kernel', kernel, '--profile', 'bare', '--append', 'hidden', '--until', text]
    const { stderr, status } = spawnSync(process.execPath, [BIN, ...words], { cwd: folder, encoding: 'utf8' })
    expect(stderr).toContain('the guest halted with interrupts off, but neither console nor screen showed')
    expect(stderr).not.toContain(`  │   ${text}`)
    expect(status).toBe(1)
  })

  it('a panic on the screen is a crash, also if the guest powers off at once', async () => {
    await using guest = await draw('panic-off')
    const { verdict, meaning } = await guest.done
    expect({ verdict, meaning }).toEqual({
      verdict: 'crashed',
      meaning: 'the guest panicked on its screen: Kernel panic: no root',
    })
  })

  it('a panic on the screen is a crash', async () => {
    await using guest = await draw('panic')
    const { verdict, meaning, diagnostics } = await guest.done
    expect(verdict).toBe('crashed')
    expect(meaning).toBe('the guest panicked on its screen: Kernel panic: no root')
    expect(diagnostics[0]?.evidence).toContain('  Kernel of a stranger')
  })

  it('a panic right before isa-debug-exit is one where QEMU waits, else the result says that it was not looked for', async () => {
    await using guest = await draw('panic-exit', { debugExit: true })
    const { verdict, notCompared = [] } = await guest.done
    const [major = 0, minor = 0] = guest.plan.qemu.version.split('.').map(Number)
    if (major > 9 || (major === 9 && minor > 0)) expect(verdict).toBe('crashed')
    else
      expect({ verdict, notCompared }).toEqual({
        verdict: 'passed',
        notCompared: [expect.objectContaining({ device: 'display', aspect: 'last screen' })],
      })
  })

  it('the end of a guest does not take its screen away', async () => {
    await using guest = await draw('off')
    const { verdict, meaning } = await guest.done
    expect({ verdict, meaning }).toEqual({ verdict: 'passed', meaning: 'the guest powered off' })
    expect(kept(guest)).toBe(`${STRANGER}\n`)
    expect(existsSync(join(guest.folder.path, 'screen.png'))).toBe(true)
  })

  it('a guest that resets itself shows what it drew last', async () => {
    await using guest = await draw('reset')
    const { verdict, diagnostics } = await guest.done
    expect(verdict).toBe('crashed')
    expect(diagnostics[0]?.evidence).toEqual([
      'nothing came on the console; the screen shows:',
      ...STRANGER.split('\n').map((line) => `  ${line}`),
    ])
  })

  it.each([
    ['jumps to the entry of the BIOS', [0xea, 0, 0, 0xff, 0xff], 'the guest reset itself'],
    ['writes to the keyboard controller', [0xb0, 0xfe, 0xe6, 0x64, 0xf4], 'the guest reset itself'],
    // lidt [0x7c10]; int 3
    [
      'has no table of interrupts',
      [0xfa, 0x0f, 0x01, 0x1e, 0x10, 0x7c, 0xcd, 3, 0xf4],
      'the guest triple-faulted',
    ],
  ])('a boot sector that %s is told from others', async (_, code, meaning) => {
    const file = join(folder, 'sector.img')
    const image = Buffer.alloc(1_474_560)
    image.set(code)
    image.set([0x55, 0xaa], 510)
    writeFileSync(file, image)
    const machine = { memory: '64M', timeout: '10m', devices: [{ kind: 'floppy', file } as const] }
    await using guest = await launch(machine, { profile: 'bare', folder })
    expect(await guest.done).toMatchObject({ verdict: 'crashed', meaning })
  })

  it('a kernel that halts for good is not waited for', () => {
    const words = ['run', '--kernel', kernel, '--profile', 'bare', '--append', 'text', '--timeout', '1h']
    const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...words], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(stdout).toContain('screen │ Kernel of a stranger\nscreen │ red on blue\nscreen │ │ ↑ ß █\n')
    expect(stderr).toContain('error GUEST_HALTED')
    expect(stderr).toContain('│ nothing came on the console; the screen shows:\n  │   Kernel of a stranger')
    expect(status).toBe(1)
    const until = spawnSync(process.execPath, [BIN, ...words, '--until', 'red on blue'], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(until.stderr).toContain('passed the screen showed "red on blue" in line 2')
    expect(until.status).toBe(0)
  })

  it('what the screen does not show is said with what it shows', async () => {
    await using guest = await draw('text')
    await guest.screen.expect('stranger')
    const error = await guest.screen.expect('nonsense', { timeoutMs: 1 }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'SCREEN_NO_MATCH' })
    expect((error as { diagnostics: { evidence: string[] }[] }).diagnostics[0]?.evidence?.[0]).toBe(
      'Kernel of a stranger',
    )
    await guest.close()
    await expect(guest.screen.expect('stranger')).rejects.toMatchObject({ code: 'SCREEN_ENDED' })
  })
})

it('types what a person would type', async () => {
  await using guest = await draw('keys')
  await guest.screen.expect('>')
  await guest.keys('Boot from disk 2\n')
  expect((await guest.screen.expect(/^> Boot from disk 2$/)).text).toContain('> Boot from disk 2')
  await guest.keys(['a', 'enter'])
  await guest.screen.expect(/^> a$/)
  await expect(guest.keys('ü')).rejects.toMatchObject({ code: 'KEY_UNKNOWN' })
})

it('waits for a slow guest to take each key', async () => {
  await using guest = await draw('slow-keys')
  await guest.screen.expect('>', { timeoutMs: 60_000 })
  // The queue of the keyboard has room for 16 codes; each letter sends two, a capital four.
  const words = 'Every key of a Slow guest is there'
  await guest.keys(`${words}<enter>`)
  await guest.screen.expect(new RegExp(`^> ${words}$`), { timeoutMs: 60_000 })
})

it('says which key a guest did not take', async () => {
  await using guest = await draw('text')
  await guest.screen.expect('stranger')
  await expect(guest.keys('ab', { timeoutMs: 300 })).rejects.toMatchObject({
    code: 'KEY_NOT_TAKEN',
    diagnostics: [{ what: 'the guest did not take the key "a" within 300 ms' }],
  })
})

it('leaves a guest stopped that its owner has stopped', async () => {
  await using guest = await draw('text')
  await guest.screen.expect('stranger')
  const reading = guest.screen()
  await guest.qemu.qmp.execute('stop')
  await reading
  await guest.screen()
  expect(await guest.qemu.qmp.execute('query-status')).toMatchObject({ running: false })
  await guest.qemu.qmp.execute('cont')
  expect(await guest.qemu.qmp.execute('query-status')).toMatchObject({ running: true })
})

it('hears what is written to port 0xe9', async () => {
  await using guest = await draw('debugcon')
  await guest.console.expect('words on port 0xe9')
})
