/** Kernels of many kinds, on every medium: their words are in the evidence of `bringup run` and of `bringup test`. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testJson } from '../../src/cli/shapes.ts'
import { literalPattern } from '../../src/pattern.ts'
import { buildDrawingKernel } from '../support/drawing-kernel.ts'
import { buildFrameIso, buildUefiApplication, buildUefiMedia } from '../support/frame-kernels.ts'
import { bootImage, iso, TEXT } from '../support/media.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-kinds-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(() => {
  buildDrawingKernel(join(folder, 'draw.elf'))
  buildFrameIso(folder)
  buildUefiApplication(folder)
  buildUefiMedia(folder)
  writeFileSync(join(folder, 'bios.iso'), iso())
  writeFileSync(join(folder, 'disk.img'), bootImage(1024 * 1024))
  writeFileSync(join(folder, 'floppy.img'), bootImage(512))
})

interface Kind {
  readonly kernel: object
  readonly boot?: object
  readonly words: string
  readonly where?: 'console' | 'screen'
  /** Another line that the evidence has. */
  readonly also?: string
}

const drawing = (append: string) => ({ kernel: { image: 'draw.elf' }, boot: { append } })
const uefi = {
  boot: { firmware: 'uefi' },
  words: 'drawn by the application itself',
  also: 'Graphics output of UEFI',
}

const KINDS: readonly (readonly [string, Kind])[] = [
  ['text at 0xb8000', { ...drawing('text'), words: 'Kernel of a stranger', also: 'red on blue' }],
  [
    'a framebuffer by multiboot, drawn with a font of its own',
    {
      kernel: { iso: 'frame.iso' },
      words: 'drawn with a font of its own: 0123456789',
      also: 'Framebuffer by multiboot',
    },
  ],
  ['UEFI graphics from a folder', { ...uefi, kernel: { esp: 'esp' } }],
  ['UEFI graphics from an ISO', { ...uefi, kernel: { iso: 'uefi.iso' } }],
  ['UEFI graphics from a stick', { ...uefi, kernel: { disk: 'stick.img', bus: 'usb' } }],
  ['VGA mode 13h', { ...drawing('mode13'), words: '320 by 200, 40 columns', also: 'Mode 13h' }],
  [
    'COM1 beside a VGA card that has to be there',
    { ...drawing('card'), words: 'the card is there', where: 'console', also: 'Kernel of a stranger' },
  ],
  ['port 0xe9', { ...drawing('debugcon'), words: 'words on port 0xe9', where: 'console' }],
  ['an ISO by BIOS, on AHCI', { kernel: { iso: 'bios.iso' }, words: TEXT }],
  ['an ISO by BIOS, on SCSI', { kernel: { iso: 'bios.iso', bus: 'scsi' }, words: TEXT }],
  ['a floppy', { kernel: { floppy: 'floppy.img' }, words: TEXT }],
  ['a disk on IDE', { kernel: { disk: 'disk.img' }, words: TEXT }],
  ['a disk on SCSI', { kernel: { disk: 'disk.img', bus: 'scsi' }, words: TEXT }],
  ['a stick by BIOS', { kernel: { disk: 'disk.img', bus: 'usb' }, words: TEXT }],
]

const cli = (...words: readonly string[]) =>
  spawnSync(process.execPath, [BIN, ...words], { cwd: folder, encoding: 'utf8' })

function write({ kernel, boot = {} }: Kind, test: readonly object[]): void {
  const machines = { default: { memory: '128M', timeout: '20m', boot } }
  writeFileSync(
    join(folder, 'bringup.config.json'),
    JSON.stringify({ kernel: { ...kernel, test }, machines }),
  )
}

describe.each(KINDS)('%s', (_, kind) => {
  const { words, where = 'screen', also } = kind

  it('is a pass by its words, and the verdict says where they were', () => {
    write(kind, [{ expect: words }])
    const { stdout, stderr, status } = cli('run', '--until', words)
    const shown = where === 'screen' ? `the screen showed "${words}"` : `the console showed "${words}"`
    expect(stderr).toContain(`passed ${shown}`)
    expect(status).toBe(0)
    if (where === 'screen') expect(stdout).toMatch(new RegExp(`^screen │ *${literalPattern(words)}$`, 'm'))
  })

  it('is tested, and what it shows is evidence of what it does not', () => {
    write(kind, [
      { expect: words, timeout: '5m' },
      { expect: 'nonsense', timeout: '1s' },
    ])
    const { stdout, status } = cli('test', '--json')
    const { steps } = testJson.parse(JSON.parse(stdout))
    expect(steps[0]).toMatchObject({ result: 'passed', where })
    expect(steps[1]?.result).toBe('failed')
    const evidence = steps[1]?.evidence?.map((line) => line.trim())
    expect(evidence).toContain(words)
    if (also !== undefined) expect(evidence).toContain(also)
    expect(status).toBe(1)
  })
})
