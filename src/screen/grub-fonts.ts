/**
 * The font of GRUB's graphical terminal: an index of all characters, whose entries point to the glyphs that were drawn.
 * Source: GRUB 2.06, grub-core/font/font.c (struct grub_font, struct char_index_entry), include/grub/font.h
 * (struct grub_font_glyph).
 */
import { MiB } from '../units.ts'
import { addGlyph, type Font, withoutPadding } from './glyph-table.ts'

/** GRUB's memory is not mapped: pointers are physical addresses. */
type ReadAt = (at: number, bytes: number) => Promise<Buffer>

/** How structures lie in memory, on i386-pc and on x86_64-efi. */
interface Layout {
  readonly pointer: 4 | 8
  /** Bytes of an entry of the index, and where its pointer to the glyph is. */
  readonly entry: number
  readonly glyph: number
  /** Of the font: the ascent, which two descents and leadings follow; the count of characters; the index. */
  readonly ascent: number
  readonly count: number
  readonly index: number
}

const LAYOUTS: readonly Layout[] = [
  { pointer: 4, entry: 16, glyph: 12, ascent: 20, count: 28, index: 32 },
  { pointer: 8, entry: 24, glyph: 16, ascent: 32, count: 40, index: 48 },
]

const CODE_OF_A = 0x41
const MOST_CHARS = 0x20000
const MOST_INDEXES = 8
/** What is no address of memory is no pointer. */
const HIGHEST = 2 ** 40
/** Larger cells are those of themes. */
const MOST_PIXELS = 64

export interface GrubIndex {
  /** Where the entry of the "A" is in memory. */
  readonly at: number
  readonly layout: Layout
}

/** Entries of "A" in a piece of memory, with those of "B" and "C" behind them. Pure. */
export function grubIndexesIn(memory: Buffer, from = 0): readonly GrubIndex[] {
  const found: GrubIndex[] = []
  const needle = Buffer.from([CODE_OF_A, 0, 0, 0])
  for (let at = memory.indexOf(needle); at >= 0; at = memory.indexOf(needle, at + 1)) {
    const layout = LAYOUTS.find((one) => at % 4 === 0 && isIndex(memory, at, one))
    if (layout) found.push({ at: from + at, layout })
    if (found.length >= MOST_INDEXES) break
  }
  return found
}

/** Codes go up by one, and so do places in the font's file. */
function isIndex(memory: Buffer, at: number, { entry }: Layout): boolean {
  if (at + 4 * entry > memory.length) return false
  let before = 0
  for (let i = 0; i < 4; i++) {
    const [code, place] = [memory.readUInt32LE(at + i * entry), memory.readUInt32LE(at + i * entry + 8)]
    if (code !== CODE_OF_A + i || place <= before || place - before > 4096 * (i === 0 ? MiB : 1)) return false
    before = place
  }
  return true
}

/** The font of an index, with the glyphs that were drawn; none where the structures are no font. */
export async function grubFont({ at, layout }: GrubIndex, readAt: ReadAt): Promise<readonly Font[]> {
  const { entry, ascent, count, index } = layout
  const near = await readAt(at, 64 * entry)
  const first = pointersIn(near, layout)[0]
  if (first === undefined) return []
  const header = await readAt(first, GLYPH_BYTES + layout.pointer)
  const font = await readAt(pointerAt(header, 0, layout), index + layout.pointer)
  const [above, below] = [font.readInt16LE(ascent), font.readInt16LE(ascent + 2)]
  const [chars, begin] = [font.readUInt32LE(count), pointerAt(font, index, layout)]
  const height = above + below
  if (above < 4 || below < 0 || height > MOST_PIXELS || chars < 32 || chars > MOST_CHARS) return []
  if (begin > at || (at - begin) % entry !== 0 || (at - begin) / entry >= chars) return []
  const entries = await readAt(begin, chars * entry)
  return fontOf(entries, { layout, above, height, readAt })
}

/** Width, height, offsets and the width of its cell, behind the pointer to the font; then the bits. */
const GLYPH_BYTES = 10
const MOST_SPREAD = 32 * MiB

async function fontOf(
  entries: Buffer,
  { layout, above, height, readAt }: { layout: Layout; above: number; height: number; readAt: ReadAt },
): Promise<readonly Font[]> {
  const drawn = codesIn(entries, layout)
  const places = drawn.map(({ at }) => at)
  const [begin, end] = [Math.min(...places), Math.max(...places) + 4096]
  if (drawn.length === 0 || end - begin > MOST_SPREAD) return []
  const memory = await readAt(begin, end - begin)
  const glyphs = drawn.map(({ code, at }) => ({ code, ...glyphAt(memory, at - begin, layout) }))
  const width = Math.max(...glyphs.filter(({ code }) => code < 0x7f).map(({ cell }) => cell))
  if (!(width >= 4 && width <= MOST_PIXELS / 2)) return []
  const chars = new Map<string, string>()
  for (const glyph of glyphs) {
    if (glyph.cell !== width) continue
    const rows = rowsOf(glyph, { width, height, above })
    if (rows) addGlyph(chars, rows, String.fromCodePoint(glyph.code))
  }
  return chars.size === 0 ? [] : [{ name: `GRUB ${width}×${height}`, width, height, chars }]
}

function codesIn(entries: Buffer, layout: Layout): readonly { readonly code: number; readonly at: number }[] {
  const drawn: { code: number; at: number }[] = []
  for (let at = 0; at + layout.entry <= entries.length; at += layout.entry) {
    const glyph = pointerAt(entries, at + layout.glyph, layout)
    const code = entries.readUInt32LE(at)
    if (glyph !== 0 && code < 0x110000) drawn.push({ code, at: glyph })
  }
  return drawn
}

const pointersIn = (entries: Buffer, layout: Layout) => codesIn(entries, layout).map(({ at }) => at)

function pointerAt(memory: Buffer, at: number, { pointer }: Layout): number {
  const low = memory.readUInt32LE(at)
  const all = pointer === 4 ? low : low + memory.readUInt32LE(at + 4) * 2 ** 32
  return all < HIGHEST ? all : 0
}

interface Glyph {
  readonly width: number
  readonly height: number
  readonly x: number
  readonly y: number
  readonly cell: number
  readonly bits: Buffer
}

function glyphAt(memory: Buffer, at: number, { pointer }: Layout): Glyph {
  const from = at + pointer
  const [width, height] = [memory.readUInt16LE(from), memory.readUInt16LE(from + 2)]
  const begin = from + GLYPH_BYTES
  return {
    width,
    height,
    x: memory.readInt16LE(from + 4),
    y: memory.readInt16LE(from + 6),
    cell: memory.readUInt16LE(from + 8),
    bits: memory.subarray(begin, begin + Math.ceil((width * height) / 8)),
  }
}

/** Bits are packed: rows begin within bytes. The offset is that of the lower left corner from the base line. */
function rowsOf(
  { width, height, x, y, bits }: Glyph,
  cell: { readonly width: number; readonly height: number; readonly above: number },
): Uint8Array | undefined {
  const top = cell.above - y - height
  if (x < 0 || top < 0 || x + width > cell.width || top + height > cell.height) return undefined
  if (bits.length < (width * height) / 8) return undefined
  const bytes = Math.ceil(cell.width / 8)
  const rows = new Uint8Array(cell.height * bytes)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const bit = row * width + column
      if ((((bits[bit >> 3] as number) >> (7 - (bit & 7))) & 1) === 0) continue
      const at = (top + row) * bytes + ((x + column) >> 3)
      rows[at] = (rows[at] as number) | (0x80 >> ((x + column) & 7))
    }
  return withoutPadding(rows, cell.width)
}
