/** Text read back from pixels: the picture is cut into cells, and the shape in each is looked up in a font. Pure. */
import { type Font, shapeKey, withoutPadding } from './glyph-table.ts'
import { colorAt, type Picture } from './picture.ts'
import type { Sliced } from './slices.ts'

/** Where cells lie in a picture. */
export interface Grid {
  readonly x: number
  readonly y: number
  /** The width of a glyph, or more where columns of the background follow each. */
  readonly cellWidth: number
  readonly cellHeight: number
}

export interface ReadText {
  readonly rows: readonly (readonly {
    readonly char: string
    readonly ink: number
    readonly paper: number
  }[])[]
  /** Cells with a shape that the font has, and those with another. */
  readonly known: number
  readonly unknown: number
}

/** Stands for a shape that the font does not have. */
export const UNKNOWN = '\ufffd'

interface Shape {
  readonly ink: number
  readonly paper: number
  /** Undefined for more than two colours: no text. */
  readonly bits?: Uint8Array
  readonly isBlank: boolean
}

function shapeAt(picture: Picture, x: number, y: number, { width, height }: Font): Shape {
  const paper = colorAt(picture, x, y)
  const bytes = (width + 7) >> 3
  let ink = paper
  const bits = new Uint8Array(height * bytes)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const color = colorAt(picture, x + column, y + row)
      if (color === paper) continue
      if (ink === paper) ink = color
      else if (ink !== color) return { ink, paper, isBlank: false }
      const at = row * bytes + (column >> 3)
      bits[at] = (bits[at] as number) | (0x80 >> (column & 7))
    }
  return { ink, paper, bits, isBlank: ink === paper }
}

/** What the picture says, cut by that grid. */
function* readGrid(picture: Picture, font: Font, grid: Grid): Sliced<ReadText> {
  const columns = Math.floor((picture.width - grid.x) / grid.cellWidth)
  const lines = Math.floor((picture.height - grid.y) / grid.cellHeight)
  let known = 0
  let unknown = 0
  const rows: ReadText['rows'][number][] = []
  for (let row = 0; row < lines; row++) {
    yield
    const cells = Array.from({ length: columns }, (_, column) => {
      const shape = shapeAt(picture, grid.x + column * grid.cellWidth, grid.y + row * grid.cellHeight, font)
      const { ink, paper } = shape
      if (shape.isBlank) return { char: ' ', ink, paper }
      const read = charOf(shape, font)
      if (read === undefined) unknown += 1
      else known += 1
      return read ?? { char: UNKNOWN, ink, paper }
    })
    rows.push(cells)
  }
  return { rows, known, unknown }
}

/** Either of the two colours may be the ink. */
function charOf(
  { bits, ink, paper }: Shape,
  font: Font,
): { char: string; ink: number; paper: number } | undefined {
  if (bits === undefined) return undefined
  const plain = font.chars.get(shapeKey(bits))
  if (plain !== undefined) return { char: plain, ink, paper }
  const flipped = bits.map((byte) => byte ^ 0xff)
  const inverse = font.chars.get(shapeKey(withoutPadding(flipped, font.width)))
  return inverse === undefined ? undefined : { char: inverse, ink: paper, paper: ink }
}

/** So many cells are looked at to find where the grid begins. */
const SAMPLE = { columns: 32, rows: 3 }

/** Fewer shapes may be known by chance. */
const LEAST_KNOWN = 3

/** A text, and how it was read. */
export interface ReadPicture extends ReadText {
  readonly font: Font
  readonly grid: Grid
}

/**
 * The best of several fonts and grids; undefined when less than half of the shapes are known.
 *
 * @param like How the last picture of the same screen was read: tried first.
 */
export function* readPicture(
  picture: Picture,
  fonts: readonly Font[],
  like?: Pick<ReadPicture, 'font' | 'grid'>,
): Sliced<ReadPicture | undefined> {
  const again = like && {
    ...(yield* readGrid(picture, like.font, like.grid)),
    font: like.font,
    grid: like.grid,
  }
  if (again && isClear(again)) return again
  let best: ReadPicture | undefined
  for (const font of fonts) {
    const found = font.cells && (yield* readFrom(picture, font, font.cells))
    if (found && isBetter(found, best)) best = found
    if (best && isClear(best)) return best
    for (const grid of likelyGrids(picture, font)) {
      const read = yield* readGrid(picture, font, grid)
      if (isBetter(read, best)) best = { ...read, font, grid }
      if (best && isClear(best)) return best
    }
  }
  for (const font of fonts) {
    if (font.cells) continue
    const grid = yield* searchGrid(picture, font)
    const read = grid && (yield* readGrid(picture, font, grid))
    if (grid && read && isBetter(read, best)) best = { ...read, font, grid }
  }
  return accepted(best)
}

/** From one cell on: the widest cells with which most is known, then the space between lines. */
function* readFrom(
  picture: Picture,
  font: Font,
  { x, y, widths }: NonNullable<Font['cells']>,
): Sliced<ReadPicture | undefined> {
  const { height } = font
  const best = function* (sizes: readonly (readonly [number, number])[]): Sliced<ReadPicture | undefined> {
    let found: ReadPicture | undefined
    for (const [cellWidth, cellHeight] of sizes) {
      const grid = { x: positive(x, cellWidth), y: positive(y, cellHeight), cellWidth, cellHeight }
      const read = { ...(yield* readGrid(picture, font, grid)), font, grid }
      if (isBetter(read, found)) found = read
    }
    return found
  }
  const line = yield* best(widths.map((width) => [width, height]))
  if (!line || isClear(line)) return line
  return yield* best(range(MOST_SPACING.rows).map((space) => [line.grid.cellWidth, height + space]))
}

const positive = (at: number, size: number) => ((at % size) + size) % size

/** Nearly every shape is known. */
export const isClear = ({ known, unknown }: ReadText) => known >= LEAST_KNOWN && unknown * 50 <= known

function accepted<T extends ReadText>(read: T | undefined): T | undefined {
  return read && read.known >= LEAST_KNOWN && read.known >= read.unknown ? read : undefined
}

function isBetter(read: ReadText, than: ReadText | undefined): boolean {
  return than === undefined || read.known - read.unknown > than.known - than.unknown
}

/** From the corner; with the rest of the picture on both sides; and GRUB's, 10 pixels from the corner. */
function likelyGrids({ width, height }: Picture, font: Font): readonly Grid[] {
  const cellHeight = font.height
  const isWide = font.width === 8 && width % 9 === 0 && width % 8 === 0 && font.height >= 14
  const widths = isWide ? [9, 8] : [font.width]
  return widths.flatMap((cellWidth) => {
    const centred = { x: Math.floor((width % cellWidth) / 2), y: Math.floor((height % cellHeight) / 2) }
    const text = {
      x: Math.floor((width - 80 * cellWidth) / 2),
      y: Math.floor((height - 25 * cellHeight) / 2),
    }
    return (
      [{ x: 0, y: 0 }, centred, text, { x: 10, y: 10 }]
        .filter(({ x, y }, i, all) => x >= 0 && y >= 0 && all.findIndex((o) => o.x === x && o.y === y) === i)
        // The whole picture is cut: text may stand left of and above a corner.
        .map(({ x, y }) => ({ x: x % cellWidth, y: y % cellHeight, cellWidth, cellHeight }))
    )
  })
}

/** Columns and rows of the background that may follow each glyph. */
const MOST_SPACING = { columns: 3, rows: 8 }

/** Every offset is tried on the part of the picture where drawing begins: first in one line, then for the lines below it. */
function* searchGrid(picture: Picture, font: Font): Sliced<Grid | undefined> {
  const corner = yield* firstInk(picture)
  if (!corner) return undefined
  const { width, height } = font
  const offsets = range(height).flatMap((dy) =>
    range(width).map((dx) => ({ x: corner.x - dx, y: corner.y - dy })),
  )
  const first = yield* best(
    range(MOST_SPACING.columns).flatMap((space) =>
      offsets.map((offset) => ({ ...offset, cellWidth: width + space, cellHeight: height })),
    ),
    (grid) => knownIn(picture, font, grid, 1),
  )
  if (!first) return undefined
  const grid = yield* best(
    range(MOST_SPACING.rows).map((space) => ({ ...first, cellHeight: height + space })),
    (one) => knownIn(picture, font, one, SAMPLE.rows),
  )
  const { cellWidth, cellHeight } = grid ?? first
  return { x: positive(first.x, cellWidth), y: positive(first.y, cellHeight), cellWidth, cellHeight }
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** The first of those with most; undefined where that is next to nothing. */
function* best(grids: readonly Grid[], count: (grid: Grid) => number): Sliced<Grid | undefined> {
  let found: Grid | undefined
  let most = LEAST_KNOWN - 1
  for (const grid of grids) {
    yield
    const known = count(grid)
    if (known > most) [most, found] = [known, grid]
  }
  return found
}

function knownIn(picture: Picture, font: Font, { x, y, cellWidth, cellHeight }: Grid, rows: number): number {
  let known = 0
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < SAMPLE.columns; column++) {
      const shape = shapeAt(picture, x + column * cellWidth, y + row * cellHeight, font)
      if (!shape.isBlank && charOf(shape, font)) known += 1
    }
  return known
}

/** The upper left corner of what differs from the background. */
function* firstInk(picture: Picture): Sliced<{ readonly x: number; readonly y: number } | undefined> {
  const paper = colorAt(picture, 0, 0)
  for (let y = 0; y < picture.height; y++) {
    yield
    for (let x = 0; x < picture.width; x++) {
      if (colorAt(picture, x, y) === paper) continue
      let left = x
      for (let row = y; row < Math.min(y + 16, picture.height); row++)
        for (let column = 0; column < left; column++)
          if (colorAt(picture, column, row) !== paper) left = column
      return { x: left, y }
    }
  }
  return undefined
}
