/**
 * Fonts that lie in a guest's memory: its screen is read with the very shapes that it is drawn with. Pure.
 *
 * A table of glyphs is found by its header (PSF, of Linux's console tools), or by the shape of its "A".
 * Sources: SeaBIOS vgasrc/vgafonts.c; Linux lib/fonts and Documentation/admin-guide/…; psf(5); edk2 HiiDatabase (EFI_NARROW_GLYPH).
 */
import { CODE_PAGE_437 } from './code-page-437.ts'
import { addGlyph, type Font, isLikely, mirrored, withoutPadding } from './glyph-table.ts'

/** A table without a header, known by the shape of its "A". */
interface Pattern {
  readonly name: string
  readonly height: number
  readonly count: number
  /** The leftmost pixel is in the lowest bit. */
  readonly isMirrored?: boolean
  readonly a: string
}

const PATTERNS: readonly Pattern[] = [
  { name: 'VGA 8×16', height: 16, count: 256, a: '000010386cc6c6fec6c6c6c600000000' },
  { name: 'VGA 8×14', height: 14, count: 256, a: '000010386cc6c6fec6c6c6000000' },
  { name: 'VGA 8×8', height: 8, count: 256, a: '3078ccccfccccc00' },
  { name: 'font8x8', height: 8, count: 128, isMirrored: true, a: '0c1e33333f333300' },
]

const CODE_OF_A = 65
/** More tables of one kind are copies of the same. */
const MOST_TABLES = 8

/** All fonts in a piece of memory. */
export function fontsIn(memory: Buffer): readonly Font[] {
  return [
    ...PATTERNS.flatMap((pattern) => byPattern(memory, pattern)),
    ...psf1(memory),
    ...psf2(memory),
    ...narrowGlyphs(memory),
  ]
}

function byPattern(memory: Buffer, { name, height, count, isMirrored, a }: Pattern): readonly Font[] {
  return positions(memory, Buffer.from(a, 'hex')).flatMap((at) => {
    const begin = at - CODE_OF_A * height
    if (begin < 0 || begin + count * height > memory.length) return []
    const chars = new Map<string, string>()
    for (let code = 0; code < count; code++) {
      const rows = memory.subarray(begin + code * height, begin + (code + 1) * height)
      addGlyph(chars, isMirrored ? rows.map(mirrored) : rows, CODE_PAGE_437[code] ?? ' ')
    }
    return isLikely(chars) ? [{ name, width: 8, height, chars }] : []
  })
}

/** Magic, mode, bytes of a glyph; a table of Unicode may follow the glyphs. */
function psf1(memory: Buffer): readonly Font[] {
  // Two bytes are found everywhere: the blank is blank, and the "A" is not.
  const isTable = (at: number) => {
    const [mode, height] = [memory[at + 2] ?? 0xff, memory[at + 3] ?? 0]
    const glyph = (code: number) => memory.subarray(at + 4 + code * height, at + 4 + (code + 1) * height)
    const isSized = mode <= 5 && height >= 6 && height <= 32
    return isSized && glyph(32).every((row) => row === 0) && glyph(CODE_OF_A).some((row) => row !== 0)
  }
  return positions(memory, Buffer.from([0x36, 0x04]), isTable).flatMap((at) => {
    const [mode, height] = [memory[at + 2] ?? 0, memory[at + 3] ?? 0]
    const count = (mode & 1) === 1 ? 512 : 256
    const chars = new Map<string, string>()
    const names = (mode & 6) === 0 ? [] : unicodeWords(memory, at + 4 + count * height, count)
    for (let code = 0; code < count; code++) {
      const rows = memory.subarray(at + 4 + code * height, at + 4 + (code + 1) * height)
      addGlyph(chars, rows, names[code] ?? CODE_PAGE_437[code] ?? '')
    }
    return isLikely(chars) ? [{ name: `PSF 8×${height}`, width: 8, height, chars }] : []
  })
}

function psf2(memory: Buffer): readonly Font[] {
  return positions(memory, Buffer.from([0x72, 0xb5, 0x4a, 0x86])).flatMap((at) => {
    if (at + 32 > memory.length) return []
    const word = (index: number) => memory.readUInt32LE(at + 4 * index)
    const [header, flags, count, bytes, height, width] = [
      word(2),
      word(3),
      word(4),
      word(5),
      word(6),
      word(7),
    ]
    const isSized = width >= 4 && width <= 32 && height >= 6 && height <= 64
    const isKnown = isSized && bytes === height * Math.ceil(width / 8) && count >= 96 && count <= 4096
    if (!isKnown || header < 32 || header > 4096) return []
    const chars = new Map<string, string>()
    const begin = at + header
    const names = (flags & 1) === 1 ? unicodeText(memory, begin + count * bytes, count) : []
    for (let code = 0; code < count; code++) {
      const rows = memory.subarray(begin + code * bytes, begin + (code + 1) * bytes)
      addGlyph(chars, withoutPadding(rows, width), names[code] ?? CODE_PAGE_437[code] ?? '')
    }
    return isLikely(chars) ? [{ name: `PSF ${width}×${height}`, width, height, chars }] : []
  })
}

/** PSF 1: words of UTF-16, each glyph's list ended by ffff; what follows fffe are sequences. */
function unicodeWords(memory: Buffer, begin: number, count: number): readonly string[] {
  const names: string[] = []
  let at = begin
  for (let glyph = 0; glyph < count && at + 2 <= memory.length; glyph++) {
    let first: string | undefined
    for (; at + 2 <= memory.length; at += 2) {
      const code = memory.readUInt16LE(at)
      if (code === 0xffff) break
      if (code !== 0xfffe) first ??= String.fromCharCode(code)
    }
    at += 2
    names.push(first ?? '')
  }
  return names
}

/** PSF 2: UTF-8, each glyph's list ended by ff; what follows fe are sequences. */
function unicodeText(memory: Buffer, begin: number, count: number): readonly string[] {
  const names: string[] = []
  let at = begin
  for (let glyph = 0; glyph < count; glyph++) {
    const end = memory.indexOf(0xff, at)
    if (end < 0 || end - at > 1024) break
    const [first = ''] = memory.toString('utf8', at, end).split('\ufffd', 1)
    names.push([...first][0] ?? '')
    at = end + 1
  }
  return names
}

/** UEFI: records of a UTF-16 code, an attribute and 19 rows, in the order of their codes. */
const NARROW_BYTES = 22
const NARROW_ROWS = 19

function narrowGlyphs(memory: Buffer): readonly Font[] {
  const fonts: Font[] = []
  const isCode = (at: number, code: number) =>
    at >= 0 && at + NARROW_BYTES <= memory.length && memory.readUInt16LE(at) === code && memory[at + 2] === 0
  for (
    let at = memory.indexOf('A\0\0', 0, 'latin1');
    at >= 0;
    at = memory.indexOf('A\0\0', at + 1, 'latin1')
  ) {
    if (!isCode(at + NARROW_BYTES, 66) || !isCode(at + 2 * NARROW_BYTES, 67)) continue
    const chars = new Map<string, string>()
    const begin = at - (CODE_OF_A - 32) * NARROW_BYTES
    for (
      let glyph = isCode(begin, 32) ? begin : at;
      glyph + NARROW_BYTES <= memory.length;
      glyph += NARROW_BYTES
    ) {
      const code = memory.readUInt16LE(glyph)
      if (code < 32 || chars.size > 1000 || (code === 0xffff && memory[glyph + 2] !== 0)) break
      addGlyph(chars, memory.subarray(glyph + 3, glyph + 3 + NARROW_ROWS), String.fromCharCode(code))
    }
    if (isLikely(chars)) fonts.push({ name: 'UEFI 8×19', width: 8, height: NARROW_ROWS, chars })
    if (fonts.length >= MOST_TABLES) break
  }
  return fonts
}

function positions(
  memory: Buffer,
  bytes: Buffer,
  isTable: (at: number) => boolean = () => true,
): readonly number[] {
  const found: number[] = []
  for (
    let at = memory.indexOf(bytes);
    at >= 0 && found.length < MOST_TABLES;
    at = memory.indexOf(bytes, at + 1)
  )
    if (isTable(at)) found.push(at)
  return found
}
