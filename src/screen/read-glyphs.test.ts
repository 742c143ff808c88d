import { expect, it } from 'vitest'
import type { Font } from './glyph-table.ts'
import { isBlank, type Picture, parsePpm, unenlarged } from './picture.ts'
import { readPicture, UNKNOWN } from './read-glyphs.ts'
import { atOnce } from './slices.ts'
import { linesOf } from './text-mode.ts'

const HEIGHT = 16
const CHARS = 'ABCDEFGHIJ'

const rowsOf = (char: string) =>
  Array.from({ length: HEIGHT }, (_, row) =>
    row < 2 || row > 13 ? 0 : (char.charCodeAt(0) * (row + 3)) & 0x7e,
  )

const font: Font = {
  name: 'test',
  width: 8,
  height: HEIGHT,
  chars: new Map([...CHARS].map((char) => [Buffer.from(rowsOf(char)).toString('latin1'), char])),
}

interface Drawing {
  readonly x?: number
  readonly y?: number
  readonly ink?: number
  readonly paper?: number
  readonly width?: number
}

function draw(
  lines: readonly string[],
  { x = 0, y = 0, ink = 0xffffff, paper = 0, width = 320 }: Drawing = {},
): Picture {
  const height = 200
  const pixels = new Uint8Array(width * height * 3)
  const set = (px: number, py: number, color: number) =>
    pixels.set([color >> 16, (color >> 8) & 255, color & 255], (py * width + px) * 3)
  for (let py = 0; py < height; py++) for (let px = 0; px < width; px++) set(px, py, paper)
  for (const [row, line] of lines.entries())
    for (const [column, char] of [...line].entries())
      for (const [dy, bits] of (char === ' ' ? [] : rowsOf(char)).entries())
        for (let dx = 0; dx < 8; dx++)
          if (bits & (0x80 >> dx)) set(x + column * 8 + dx, y + row * HEIGHT + dy, ink)
  return { width, height, pixels }
}

const read = (picture: Picture) => {
  const found = atOnce(readPicture(picture, [font]))
  return found && linesOf(found.rows)
}

it('reads what is drawn, in any two colours', () => {
  expect(read(draw(['ABC', ' DE']))).toEqual(['ABC', ' DE'])
  expect(read(draw(['FGH'], { ink: 0, paper: 0xffffff }))).toEqual(['FGH'])
  expect(
    atOnce(readPicture(draw(['AB C'], { ink: 0x00ff00, paper: 0x0000aa }), [font]))?.rows[0]?.[0],
  ).toEqual({
    char: 'A',
    ink: 0x00ff00,
    paper: 0x0000aa,
  })
})

it('finds where the cells begin', () => {
  expect(
    read(draw(['ABCDE'], { x: 21, y: 37 }))
      ?.at(-1)
      ?.trim(),
  ).toBe('ABCDE')
})

it('marks shapes that the font does not have, and reads nothing where most are of that kind', () => {
  const found = atOnce(readPicture(draw(['ABCDEFGHZ']), [font]))
  expect(found && linesOf(found.rows)).toEqual([`ABCDEFGH${UNKNOWN}`])
  expect(found?.unknown).toBe(1)
  expect(read(draw(['XYZWVU']))).toBeUndefined()
  expect(read(draw([]))).toBeUndefined()
})

it('takes pixels that are shown twice for one', () => {
  const small = draw(['ABC'], { width: 64 })
  const twice: Picture = {
    width: 128,
    height: 400,
    pixels: Uint8Array.from({ length: 128 * 400 * 3 }, (_, i) => {
      const [pixel, color] = [Math.floor(i / 3), i % 3]
      const [x, y] = [pixel % 128, Math.floor(pixel / 128)]
      return small.pixels[((y >> 1) * 64 + (x >> 1)) * 3 + color] ?? 0
    }),
  }
  expect(atOnce(unenlarged(twice))).toEqual(small)
  expect(atOnce(unenlarged(small))).toBe(small)
})

it('reads pictures as QEMU writes them, and no others', () => {
  const pixels = Buffer.from([1, 2, 3, 4, 5, 6])
  expect(parsePpm(Buffer.concat([Buffer.from('P6\n2 1\n255\n'), pixels]))).toMatchObject({
    width: 2,
    height: 1,
  })
  expect(parsePpm(Buffer.from('P6\n2 2\n255\nabc'))).toBeUndefined()
  expect(parsePpm(Buffer.from('P6\n99999 99999\n255\n'))).toBeUndefined()
  expect(parsePpm(Buffer.from('GIF89a'))).toBeUndefined()
  expect(atOnce(isBlank(draw([])))).toBe(true)
  expect(atOnce(isBlank(draw(['A'])))).toBe(false)
})
