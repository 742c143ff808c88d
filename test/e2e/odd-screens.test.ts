/** Rare kinds of drawing, and hostile ones: words are read, or it is said that they are not. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { buildDrawingKernel } from '../support/drawing-kernel.ts'
import { isoOf } from '../support/grub-iso.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-odd-'))
const kernel = join(folder, 'draw.elf')
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(() => buildDrawingKernel(kernel))

const draw = (append: string, machine: MachineInput = {}) =>
  launch({ timeout: '10m', memory: '64M', ...machine, boot: { kernel, append } }, { profile: 'bare', folder })

it.each([
  ['monochrome text at 0xb0000', 'mono', 'monochrome text', 'text'],
  ['pages that are turned', 'pages', 'words of page 2', 'text'],
  ['mode X', 'modex', 'its last line', 'graphics'],
  ['UTF-8 on code page 437, as it is shown', 'utf8', 'caf├⌐ é', 'text'],
  ['80 × 50', 'rows50', 'the fiftieth row', 'text'],
  ['40 × 25', 'columns40', 'second row begins\nbehind', 'text'],
  ['2560 × 1600', 'large', 'the last corner', 'graphics'],
] as const)('%s', async (_, how, words, mode) => {
  await using guest = await draw(how)
  expect((await guest.screen.expect(words, { timeoutMs: 60_000 })).mode).toBe(mode)
})

/** An ISO whose GRUB shows a menu in its graphical terminal. */
function isoWithMenu(): string {
  const entries = ['Überraschung', 'second entry', 'αβγ third'].map((name) => `menuentry "${name}" { halt }`)
  const lines = [
    'insmod all_video',
    'insmod gfxterm',
    'loadfont unicode',
    'set gfxmode=1024x768',
    'terminal_output gfxterm',
    'set timeout=-1',
    ...entries,
  ]
  return isoOf(folder, 'menu', lines)
}

it('the menu of GRUB in its graphical terminal, and what a key changes in it', async () => {
  const cdrom = { kind: 'cdrom', file: isoWithMenu(), bus: 'ide', bootindex: 0 } as const
  await using guest = await launch(
    { timeout: '10m', type: 'pc', memory: '128M', boot: { firmware: 'bios' }, devices: [cdrom] },
    { profile: 'bare', folder },
  )
  const { text, mode, unread } = await guest.screen.expect('second entry', { timeoutMs: 120_000 })
  expect(mode).toBe('graphics')
  expect(text).toMatch(/^ *GNU GRUB {2}version [\w.+-]+$/m)
  expect(text).toMatch(/^ *┃ *\*Überraschung *┃$/m)
  expect(text).toContain('αβγ third')
  expect(text).toContain('Use the ↑ and ↓ keys to select which entry is highlighted.')
  expect(unread).toBe(0)
  await guest.keys(['down'])
  await guest.screen.expect(/^ *┃ *\*second entry *┃$/)
  // Letters that were not drawn before.
  await guest.keys('c')
  const prompt = await guest.screen.expect('grub>')
  // The cursor.
  expect(prompt.unread).toBeLessThanOrEqual(1)
})

it('words before a triple fault are its evidence', async () => {
  await using guest = await draw('fault')
  const { verdict, diagnostics } = await guest.done
  expect(verdict).toBe('crashed')
  expect(diagnostics[0]?.evidence).toContain('  the last words')
  expect(readFileSync(join(guest.folder.path, 'screen.txt'), 'utf8')).toContain('the last words')
})

it('a line that is written letter by letter is printed as a whole', async () => {
  const words = `run --profile bare --kernel ${kernel} --append letters --timeout 10m --until another`
  const { stdout, status } = spawnSync(process.execPath, [BIN, ...words.split(' ')], {
    cwd: folder,
    encoding: 'utf8',
  })
  const lines = stdout.split('\n').filter((line) => line.startsWith('screen │ o'))
  expect(lines.at(-1)).toBe('screen │ one letter after another')
  expect(new Set(lines).size).toBe(lines.length)
  expect(status).toBe(0)
})

it('registers that describe no screen are bounded, and nothing is made up', async () => {
  await using guest = await draw('absurd')
  // Firmware's text is there until the registers change.
  for (let tries = 0; tries < 300; tries++) if ((await guest.screen()).text === '') break
  const { text, columns, rows, png } = await guest.screen()
  expect(text).toBe('')
  expect(columns * rows).toBeLessThan(100_000)
  expect(png?.length ?? 0).toBeLessThan(10_000_000)
})
