/**
 * Fonts of which nothing is known but shapes that are on the screen: letters are cut out of the picture and looked for
 * in the guest's memory. Where several of them lie in one table in the order of ASCII, that table is the font. Pure.
 */
import { CODE_PAGE_437 } from './code-page-437.ts'
import type { DrawnShape } from './drawn-shapes.ts'
import { addGlyph, type Font, mirrored, withoutPadding } from './glyph-table.ts'

/** How a row of a glyph lies in memory. */
interface RowForm {
  readonly bytes: number
  /** The row is a number of the processor's: its first pixels are in the last byte. */
  readonly isNumber: boolean
  /** The leftmost pixel is in the lowest bit. */
  readonly isMirrored: boolean
}

const FORMS: readonly RowForm[] = [
  { bytes: 1, isNumber: false, isMirrored: false },
  { bytes: 1, isNumber: false, isMirrored: true },
  { bytes: 2, isNumber: false, isMirrored: false },
  { bytes: 2, isNumber: true, isMirrored: false },
  { bytes: 2, isNumber: false, isMirrored: true },
  { bytes: 4, isNumber: false, isMirrored: false },
  { bytes: 4, isNumber: true, isMirrored: false },
  { bytes: 4, isNumber: false, isMirrored: true },
]

/** So many letters are looked for, and as many have to be in one table. */
const MOST_SEEDS = 16
const LEAST_ALIKE = 3
const HEIGHTS = { least: 6, most: 64 }
/** Of one shape: it is no letter when it is everywhere. */
const MOST_HITS = 16
const MOST_FONTS = 6

const BLANK = 0x20
const FIRST = 0x21
/** Fonts without small letters end at the "Z". */
const LAST_CAPITAL = 0x5a
const LAST = 0x7e
const FULL_BLOCK = 0xdb

/** A shape at a place in memory, moved up to where the first row of its line would be. */
interface Hit {
  readonly seed: number
  readonly form: RowForm
  readonly at: number
}

/** Fonts in a piece of memory that have these shapes. */
export function fontsOfShapes(memory: Buffer, shapes: readonly DrawnShape[]): readonly Font[] {
  const seeds = shapes.slice(0, MOST_SEEDS)
  if (seeds.length < LEAST_ALIKE) return []
  const needles = KNOWN_NEEDLES.get(shapes) ?? needlesOf(seeds)
  KNOWN_NEEDLES.set(shapes, needles)
  const hits = hitsOf(memory, seeds, needles)
  const found: Font[] = []
  const tried = new Set<string>()
  for (const hit of hits)
    for (const height of heightsOf(hit, hits, seeds)) {
      const stride = height * hit.form.bytes
      const key = `${FORMS.indexOf(hit.form)} ${height} ${hit.at % stride} ${Math.round(hit.at / stride / 128)}`
      if (tried.has(key) || found.length >= MOST_FONTS) continue
      tried.add(key)
      found.push(...fontsAround(memory, hit, { height, seed: seeds[hit.seed] as DrawnShape }))
    }
  return found
}

/** Bytes that are looked for by the two of them that are rarest in memory. */
interface Needle {
  readonly bytes: Buffer
  readonly rarest: number
  readonly seed: number
  readonly form: RowForm
}

type Needles = ReadonlyMap<number, readonly Needle[]>

/** The same shapes are looked for in many pieces of memory. */
const KNOWN_NEEDLES = new WeakMap<readonly DrawnShape[], Needles>()

/** Every place of every shape, in one pass over the memory. */
function hitsOf(memory: Buffer, seeds: readonly DrawnShape[], needles: Needles): readonly Hit[] {
  const isPair = new Uint8Array(0x10000)
  for (const pair of needles.keys()) isPair[pair] = 1
  const hits: Hit[] = []
  const counts = new Array<number>(seeds.length).fill(0)
  for (let place = 0, pair = memory[0] ?? 0; place + 1 < memory.length; place++) {
    pair = ((pair & 0xff) << 8) | (memory[place + 1] as number)
    if (isPair[pair] === 0) continue
    for (const { bytes, rarest, seed, form } of needles.get(pair) ?? []) {
      const at = place - rarest
      if ((counts[seed] as number) >= MOST_HITS || !isAt(memory, at, bytes)) continue
      counts[seed] = (counts[seed] as number) + 1
      hits.push({ seed, form, at: at - (seeds[seed] as DrawnShape).y * form.bytes })
    }
  }
  return hits
}

function needlesOf(seeds: readonly DrawnShape[]): Needles {
  const needles = new Map<number, Needle[]>()
  for (const [seed, shape] of seeds.entries())
    for (const form of FORMS)
      for (let shift = 0; shift + shape.width <= form.bytes * 8; shift++) {
        const bytes = bytesOf(shape, form, shift)
        const rarest = rarestPair(bytes)
        const pair = bytes.readUInt16BE(rarest)
        needles.set(pair, [...(needles.get(pair) ?? []), { bytes, rarest, seed, form }])
      }
  return needles
}

/** Memory is full of zeros, and then of ones. A shape has no blank row, so there is a pair with a bit. */
function rarestPair(bytes: Buffer): number {
  const common = (byte: number) => (byte === 0 ? 4 : byte === 0xff ? 2 : byte === 1 || byte === 0x80 ? 1 : 0)
  let [best, least] = [0, Number.POSITIVE_INFINITY]
  for (let at = 0; at + 1 < bytes.length; at++) {
    const sum = common(bytes[at] as number) + common(bytes[at + 1] as number)
    if (sum < least) [best, least] = [at, sum]
  }
  return best
}

function isAt(memory: Buffer, at: number, bytes: Buffer): boolean {
  if (at < 0 || at + bytes.length > memory.length) return false
  for (let i = 0; i < bytes.length; i++) if (memory[at + i] !== bytes[i]) return false
  return true
}

function bytesOf(
  { rows, width }: DrawnShape,
  { bytes, isNumber, isMirrored }: RowForm,
  shift: number,
): Buffer {
  const result = Buffer.alloc(rows.length * bytes)
  for (const [row, bits] of rows.entries()) {
    // Larger numbers than 32 bits of them have no bits to be shifted.
    let value = bits * 2 ** (bytes * 8 - width - shift)
    for (let i = bytes - 1; i >= 0; i--) {
      const byte = value % 256
      value = Math.floor(value / 256)
      const place = isNumber ? bytes - 1 - i : i
      result[row * bytes + place] = isMirrored ? mirrored(byte) : byte
    }
  }
  return result
}

/** Heights of glyphs with which most other shapes lie a whole number of glyphs away. */
function heightsOf(hit: Hit, hits: readonly Hit[], seeds: readonly DrawnShape[]): readonly number[] {
  const { bytes } = hit.form
  const near = hits.filter(
    ({ seed, form, at }) =>
      form === hit.form && seed !== hit.seed && Math.abs(at - hit.at) < 128 * HEIGHTS.most * bytes,
  )
  const least = Math.max(HEIGHTS.least, (seeds[hit.seed] as DrawnShape).height)
  const heights = Array.from({ length: HEIGHTS.most - least + 1 }, (_, i) => {
    const height = least + i
    const alike = near.filter(({ at }) => (at - hit.at) % (height * bytes) === 0)
    return { height, count: new Set(alike.map(({ seed }) => seed)).size + 1 }
  })
  const most = Math.max(0, ...heights.map(({ count }) => count))
  return most < LEAST_ALIKE ? [] : heights.filter(({ count }) => count === most).map(({ height }) => height)
}

/** Tables in the order of ASCII that the place may belong to: the shape begins in some row, and has some code. */
function fontsAround(
  memory: Buffer,
  hit: Hit,
  { height, seed }: { readonly height: number; readonly seed: DrawnShape },
): readonly Font[] {
  const { form } = hit
  const stride = height * form.bytes
  const at = hit.at + seed.y * form.bytes
  let [best, least]: [readonly Font[], number] = [[], Number.POSITIVE_INFINITY]
  for (let row = 0; row + seed.height <= height; row++)
    for (let code = FIRST; code <= LAST; code++) {
      const table = new Table(memory, at - row * form.bytes - code * stride, { height, form })
      if (!table.isAscii()) continue
      // Glyphs are not cut; and lines of text are most often drawn from the upper edge on.
      const cost = table.edgeInk() * height + fromEdge(seed.y - row, height)
      if (cost < least) [best, least] = [table.fonts({ seed, row, code }), cost]
    }
  return best
}

const fromEdge = (y: number, height: number) => Math.min(y % height, height - (y % height))

/** Glyphs one after another; the begin is where that of code 0 is, or would be. */
class Table {
  readonly #memory: Buffer
  readonly #begin: number
  readonly #height: number
  readonly #form: RowForm

  constructor(
    memory: Buffer,
    begin: number,
    { height, form }: { readonly height: number; readonly form: RowForm },
  ) {
    this.#memory = memory
    this.#begin = begin
    this.#height = height
    this.#form = form
  }

  /** A blank, signs, digits and letters, where "." is a dot on the line and "-" is a dash above it. */
  isAscii(): boolean {
    if (!this.#has(BLANK) || !this.#has(LAST_CAPITAL) || !this.#isBlank(BLANK)) return false
    for (let code = FIRST; code <= LAST_CAPITAL; code++) if (this.#isBlank(code)) return false
    const inked = (char: string) => {
      const rows = this.#rows(char.charCodeAt(0))
      return { first: rows.findIndex(Boolean), last: rows.findLastIndex(Boolean), pixels: pixelsOf(rows) }
    }
    const [dot, dash, capital] = [inked('.'), inked('-'), inked('H')]
    const middle = (capital.first + capital.last) / 2
    const isDot = dot.first > middle && dot.pixels * 2 < capital.pixels
    const isThin = (dash.last - dash.first + 1) * 3 <= capital.last - capital.first + 1
    return isDot && isThin && dash.last < capital.last && dash.first > capital.first
  }

  /** How many glyphs touch their first or their last row: most do where a table is cut at the wrong rows. */
  edgeInk(): number {
    let count = 0
    for (let code = FIRST; code <= LAST && this.#has(code); code++) {
      const rows = this.#rows(code)
      count += (rows[0] === 0 ? 0 : 1) + (rows.at(-1) === 0 ? 0 : 1)
    }
    return count
  }

  /** With all columns of a byte, and with those that letters use: cells may be narrower than what a row takes in memory. */
  fonts({
    seed,
    row,
    code,
  }: {
    readonly seed: DrawnShape
    readonly row: number
    readonly code: number
  }): readonly Font[] {
    const width = this.#form.bytes * 8
    const used = this.#usedColumns()
    const inked = this.#rows(code).reduce((all, bits) => (all | bits) >>> 0, 0)
    // The column of the seed's left edge in its row.
    const left = width - (32 - Math.clz32(inked))
    const font = (first: number, columns: number, most: number): readonly Font[] => {
      const widths = Array.from({ length: most - columns + 1 }, (_, i) => most - i)
      const chars = this.#chars(first, columns)
      const cells = { x: seed.x - left + first, y: seed.y - row, widths }
      const name = `${columns}×${this.#height}`
      return hasCapitals(chars) ? [{ name, width: columns, height: this.#height, chars, cells }] : []
    }
    return [
      ...(width === 8 ? font(0, 8, 10) : []),
      ...(used.count < width || width > 8 ? font(used.first, used.count, width === 8 ? 7 : width + 1) : []),
    ]
  }

  #chars(first: number, width: number): ReadonlyMap<string, string> {
    const chars = new Map<string, string>()
    for (const [code, char] of this.#codes()) addGlyph(chars, this.#glyph(code, first, width), char)
    return chars
  }

  /** ASCII; all of code page 437 where its full block is where it should be. */
  #codes(): readonly (readonly [number, string])[] {
    const isFull = this.#has(FULL_BLOCK) && this.#rows(FULL_BLOCK).every((row) => pixelsOf([row]) >= 5)
    return CODE_PAGE_437.map((char, code) => [code, char] as const).filter(
      ([code]) => this.#has(code) && (isFull || (code >= FIRST && code <= LAST)),
    )
  }

  #has(code: number): boolean {
    const at = this.#at(code)
    return at >= 0 && at + this.#stride <= this.#memory.length
  }

  #isBlank(code: number): boolean {
    const at = this.#at(code)
    return this.#memory.subarray(at, at + this.#stride).every((byte) => byte === 0)
  }

  get #stride(): number {
    return this.#height * this.#form.bytes
  }

  #at(code: number): number {
    return this.#begin + code * this.#stride
  }

  /** Numbers with the leftmost pixel in the highest of their bits. */
  #rows(code: number): readonly number[] {
    const { bytes, isNumber, isMirrored } = this.#form
    const at = this.#at(code)
    return Array.from({ length: this.#height }, (_, row) => {
      let value = 0
      for (let i = 0; i < bytes; i++) {
        const byte = this.#memory[at + row * bytes + (isNumber ? bytes - 1 - i : i)] as number
        value = value * 256 + (isMirrored ? mirrored(byte) : byte)
      }
      return value
    })
  }

  #usedColumns(): { readonly first: number; readonly count: number } {
    const width = this.#form.bytes * 8
    let all = 0
    for (let code = FIRST; code <= LAST; code++)
      if (this.#has(code)) for (const row of this.#rows(code)) all |= row
    const first = width - (32 - Math.clz32(all))
    const last = width - 1 - (31 - Math.clz32(all & -all))
    return { first, count: last - first + 1 }
  }

  #glyph(code: number, first: number, width: number): Uint8Array {
    const total = this.#form.bytes * 8
    const bytes = Math.ceil(width / 8)
    const rows = new Uint8Array(this.#height * bytes)
    for (const [row, value] of this.#rows(code).entries()) {
      // Left in 32 bits, without the columns before the first.
      const bits = ((value * 2 ** (32 - total)) << first) >>> 0
      for (let i = 0; i < bytes; i++) rows[row * bytes + i] = (bits >>> (24 - 8 * i)) & 0xff
    }
    return withoutPadding(rows, width)
  }
}

function pixelsOf(rows: readonly number[]): number {
  let count = 0
  for (const row of rows) for (let bits = row; bits !== 0; bits &= bits - 1) count += 1
  return count
}

/** Small letters may be missing. */
function hasCapitals(chars: ReadonlyMap<string, string>): boolean {
  const known = new Set(chars.values())
  return [...'ABCDEFGHKMNRST234567'].every((char) => known.has(char))
}
