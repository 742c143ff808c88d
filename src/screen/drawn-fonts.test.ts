import { describe, expect, it } from 'vitest'
import { type FontForm, ownFont } from '../../test/support/own-font.ts'
import { fontsOfShapes } from './drawn-fonts.ts'
import { drawnShapes } from './drawn-shapes.ts'
import type { Picture } from './picture.ts'
import { readPicture } from './read-glyphs.ts'
import { atOnce } from './slices.ts'
import { linesOf } from './text-mode.ts'

const noise = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 2654435761) >>> 24))

interface Drawing {
  readonly cell: { readonly width: number; readonly height: number }
  readonly x?: number
  readonly y?: number
}

/** A picture of text, drawn with a plain form of the same font. */
function draw(
  lines: readonly string[],
  { width, height }: FontForm,
  { cell, x = 0, y = 0 }: Drawing,
): Picture {
  const size = { width: 640, height: 200 }
  const font = ownFont({ width, height, bytes: 4 })
  const pixels = new Uint8Array(size.width * size.height * 3)
  for (const [row, line] of lines.entries())
    for (const [column, char] of [...line].entries())
      for (let dy = 0; dy < height; dy++)
        for (let dx = 0; dx < width; dx++) {
          const bits = font.readUInt32BE(((char.charCodeAt(0) - 32) * height + dy) * 4)
          if (((bits >>> (31 - dx)) & 1) === 0) continue
          const at = (y + row * cell.height + dy) * size.width + x + column * cell.width + dx
          pixels.fill(255, at * 3, at * 3 + 3)
        }
  return { ...size, pixels }
}

const LINES = ['Kernel 0.1 of a stranger', 'memory: 128 MiB [ok]', '$ ls -l /etc']

const FORMS: readonly (readonly [string, FontForm, Drawing | undefined])[] = [
  ['8 × 16', { width: 8, height: 16, bytes: 1 }, undefined],
  [
    '8 × 8, the leftmost pixel in the lowest bit',
    { width: 8, height: 8, bytes: 1, isMirrored: true },
    undefined,
  ],
  ['6 × 10 in bytes', { width: 6, height: 10, bytes: 1 }, undefined],
  [
    '10 × 20 in 16-bit numbers',
    { width: 10, height: 20, bytes: 2, isNumber: true, isRight: true },
    undefined,
  ],
  ['12 × 24 in two bytes', { width: 12, height: 24, bytes: 2 }, undefined],
  ['16 × 32 in 16-bit numbers', { width: 16, height: 32, bytes: 2, isNumber: true }, undefined],
  [
    '24 × 48 in 32-bit numbers',
    { width: 24, height: 48, bytes: 4, isNumber: true, isRight: true },
    undefined,
  ],
  [
    '8 × 16 with space between lines, and a margin',
    { width: 8, height: 16, bytes: 1 },
    { cell: { width: 9, height: 18 }, x: 21, y: 13 },
  ],
]

describe('finds the table of', () => {
  it.each(FORMS)('%s', (_, form, drawing) => {
    const lines = form.width > 20 ? LINES.map((line) => line.slice(0, 24)).slice(0, 2) : LINES
    const picture = draw(lines, form, drawing ?? { cell: form })
    const memory = Buffer.concat([noise, ownFont(form), noise])
    const read = atOnce(readPicture(picture, fontsOfShapes(memory, atOnce(drawnShapes(picture)))))
    const text = read && linesOf(read.rows).filter(Boolean)
    expect(text?.map((line) => line.trim())).toEqual(lines)
    expect(read?.unknown).toBe(0)
  })
})

it('finds none in memory that has the shapes in no order', () => {
  const form = { width: 8, height: 16, bytes: 1 }
  const font = ownFont(form)
  const glyphs = Array.from({ length: 95 }, (_, i) => font.subarray(i * 16, i * 16 + 16))
  const mixed = Buffer.concat(glyphs.map((_, i) => glyphs[(i * 37) % 95] ?? Buffer.alloc(16)))
  expect(fontsOfShapes(mixed, atOnce(drawnShapes(draw(LINES, form, { cell: form }))))).toEqual([])
  expect(fontsOfShapes(noise, atOnce(drawnShapes(draw(LINES, form, { cell: form }))))).toEqual([])
  expect(fontsOfShapes(Buffer.alloc(0), [])).toEqual([])
})

it('passes over memory of zeros in little time', () => {
  const form = { width: 8, height: 16, bytes: 1 }
  const shapes = atOnce(drawnShapes(draw(LINES, form, { cell: form })))
  const before = process.cpuUsage()
  expect(fontsOfShapes(Buffer.alloc(32 * 1024 * 1024), shapes)).toEqual([])
  expect(process.cpuUsage(before).user).toBeLessThan(5_000_000)
})
