/** The recipe that reads the screen of an ISO, with its files as they are written and an ISO made here. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { iso, TEXT } from '../support/media.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-iso-'))
const page = readFileSync(join(root, 'docs/recipes/boot-an-iso.md'), 'utf8')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(() => {
  const files = [...page.matchAll(/^```\w+ \[(.+)\]\n([\s\S]*?)^```$/gm)]
  expect(files.map(([, name]) => name)).toEqual(['bringup.config.ts', 'iso.test.ts'])
  // The pictures stay in the project, where this test looks at them.
  for (const [, name = '', text = ''] of files) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'my.iso'), iso())
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/bringup'))
  symlinkSync(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
})

/** The pixels of an 8-bit RGB picture, unfiltered as the PNG specification (section 9) says. */
function pixels(png: Buffer): { readonly width: number; readonly height: number; readonly rows: Buffer } {
  expect(png.subarray(0, 8)).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)]
  expect([...png.subarray(24, 26)]).toEqual([8, 2])
  const parts: Buffer[] = []
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
  const data = inflateSync(Buffer.concat(parts))
  const stride = width * 3
  const rows = Buffer.alloc(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = data[y * (stride + 1)]
    for (let x = 0; x < stride; x++) {
      const left = x >= 3 ? (rows[y * stride + x - 3] ?? 0) : 0
      const up = y > 0 ? (rows[(y - 1) * stride + x] ?? 0) : 0
      const corner = x >= 3 && y > 0 ? (rows[(y - 1) * stride + x - 3] ?? 0) : 0
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0
      rows[y * stride + x] = (data[y * (stride + 1) + 1 + x] ?? 0) + guess
    }
  }
  return { width, height, rows }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(left + up - corner - value))
  if ((a ?? 0) <= (b ?? 0) && (a ?? 0) <= (c ?? 0)) return left
  return (b ?? 0) <= (c ?? 0) ? up : corner
}

test('the recipe reads the text and takes a picture that shows it', { timeout: 1_200_000 }, () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run'],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', CI: '1' } },
  )
  expect(stdout + stderr).toMatch(/Tests\s+1 passed/)
  expect(status).toBe(0)
  const { width, height, rows } = pixels(readFileSync(join(folder, 'iso.png')))
  expect({ width, height }).toEqual({ width: 720, height: 400 })
  // White letters on blue (6 bits a color: 0x2a is shown as 0xa8) in the first row of text, black further down.
  const color = (x: number, y: number) => rows.toString('hex', (y * width + x) * 3, (y * width + x) * 3 + 3)
  const colors = new Set(
    Array.from({ length: TEXT.length * 9 * 16 }, (_, i) =>
      color(i % (TEXT.length * 9), Math.floor(i / (TEXT.length * 9))),
    ),
  )
  expect(colors).toEqual(new Set(['0000a8', 'ffffff']))
  expect(color(5, 390)).toBe('000000')
})
