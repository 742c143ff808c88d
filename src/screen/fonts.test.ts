import { describe, expect, it } from 'vitest'
import { fontsIn } from './fonts.ts'
import type { Font } from './glyph-table.ts'

/** A shape of its own for every code; blanks are blank. */
function glyph(code: number, height: number): number[] {
  if (code === 0 || code === 32) return new Array<number>(height).fill(0)
  const first = [0x80 | (code & 0x7f), code > 127 ? 0x41 : 0x21]
  return Array.from({ length: height }, (_, row) => first[row] ?? ((code * 7 + row) & 0x7e) | 1)
}

const table = (height: number, count = 256) =>
  Buffer.from(Array.from({ length: count }, (_, code) => glyph(code, height)).flat())

const shape = (code: number, height: number) => Buffer.from(glyph(code, height)).toString('latin1')
const charOf = (fonts: readonly Font[], code: number) =>
  fonts
    .find(({ chars }) => chars.has(shape(code, fonts[0]?.height ?? 0)))
    ?.chars.get(shape(code, fonts[0]?.height ?? 0))

const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 31) & 0xff))

describe('finds', () => {
  it('PSF 1, in the order of code page 437', () => {
    const fonts = fontsIn(Buffer.concat([noise, Buffer.from([0x36, 0x04, 0, 16]), table(16)]))
    expect(fonts.map(({ name }) => name)).toEqual(['PSF 8×16'])
    expect(charOf(fonts, 65)).toBe('A')
    expect(charOf(fonts, 0xb3)).toBe('│')
  })

  it('PSF 1 with a table of Unicode', () => {
    // Glyph 1 is an ä; all others are what their codes say.
    const words = Array.from({ length: 256 }, (_, code) => [code === 1 ? 0xe4 : code || 32, 0xffff]).flat()
    const unicode = Buffer.alloc(words.length * 2)
    for (const [i, word] of words.entries()) unicode.writeUInt16LE(word, i * 2)
    const fonts = fontsIn(Buffer.concat([Buffer.from([0x36, 0x04, 2, 14]), table(14), unicode]))
    expect(charOf(fonts, 1)).toBe('ä')
    expect(charOf(fonts, 97)).toBe('a')
  })

  it('PSF 2 with a table of Unicode', () => {
    const header = Buffer.alloc(32)
    for (const [i, word] of [0x864ab572, 0, 32, 1, 256, 16, 16, 8].entries())
      header.writeUInt32LE(word, i * 4)
    const names = Array.from({ length: 256 }, (_, code) =>
      Buffer.concat([Buffer.from(code === 2 ? '€' : String.fromCharCode(code || 32)), Buffer.from([0xff])]),
    )
    const fonts = fontsIn(Buffer.concat([noise, header, table(16), ...names]))
    expect(charOf(fonts, 2)).toBe('€')
    expect(charOf(fonts, 122)).toBe('z')
  })

  it('UEFI glyphs', () => {
    const records = Array.from({ length: 95 }, (_, i) => {
      const record = Buffer.alloc(22)
      record.writeUInt16LE(32 + i, 0)
      Buffer.from(glyph(32 + i, 19)).copy(record, 3)
      return record
    })
    const fonts = fontsIn(Buffer.concat([noise, ...records, Buffer.alloc(22, 0xff)]))
    expect(fonts.map(({ name }) => name)).toEqual(['UEFI 8×19'])
    expect(charOf(fonts, 126)).toBe('~')
  })

  it('the 8 × 8 font with the leftmost pixel in the lowest bit', () => {
    const mirrored = table(8, 128)
    Buffer.from('0c1e33333f333300', 'hex').copy(mirrored, 65 * 8)
    const [font] = fontsIn(Buffer.concat([noise, mirrored]))
    expect(font?.chars.get(Buffer.from('3078ccccfccccc00', 'hex').toString('latin1'))).toBe('A')
  })
})

it('finds nothing in memory that only looks like a header', () => {
  const magic = Buffer.from([0x36, 0x04, 0, 16, 0x72, 0xb5, 0x4a, 0x86])
  expect(fontsIn(Buffer.concat([noise, magic, noise, magic]))).toEqual([])
  expect(fontsIn(Buffer.alloc(0))).toEqual([])
})

it('knows no control characters, whatever a table of the guest calls a glyph', () => {
  const words = Array.from({ length: 256 }, (_, code) => [code === 1 ? 0x1b : code || 32, 0xffff]).flat()
  const unicode = Buffer.alloc(words.length * 2)
  for (const [i, word] of words.entries()) unicode.writeUInt16LE(word, i * 2)
  const [font] = fontsIn(Buffer.concat([Buffer.from([0x36, 0x04, 2, 16]), table(16), unicode]))
  expect([...(font?.chars.values() ?? [])].filter((char) => /\p{C}/u.test(char))).toEqual([])
})
