/** Text read back from pixels: the picture is cut into cells, and the shape in each is looked up in a font. Pure. */
import type { Font } from './fonts.ts'
import { colorAt, type Picture } from './picture.ts'

/** Where cells lie in a picture. */
export interface Grid {
  readonly x: number
  readonly y: number
  /** 8, or 9 where a column of the background follows each glyph. */
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

const GLYPH_WIDTH = 8

interface Shape {
  readonly ink: number
  readonly paper: number
  /** Undefined for more than two colours: no text. */
  readonly bits?: Uint8Array
  readonly isBlank: boolean
}

function shapeAt(picture: Picture, x: number, y: number, height: number): Shape {
  const paper = colorAt(picture, x, y)
  let ink = paper
  const bits = new Uint8Array(height)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < GLYPH_WIDTH; column++) {
      const color = colorAt(picture, x + column, y + row)
      if (color === paper) continue
      if (ink === paper) ink = color
      else if (ink !== color) return { ink, paper, isBlank: false }
      bits[row] = (bits[row] as number) | (0x80 >> column)
    }
  return { ink, paper, bits, isBlank: ink === paper }
}

/** What the picture says, cut by that grid. */
export function readGrid(picture: Picture, font: Font, grid: Grid): ReadText {
  const columns = Math.floor((picture.width - grid.x) / grid.cellWidth)
  const lines = Math.floor((picture.height - grid.y) / grid.cellHeight)
  let known = 0
  let unknown = 0
  const rows = Array.from({ length: lines }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const shape = shapeAt(
        picture,
        grid.x + column * grid.cellWidth,
        grid.y + row * grid.cellHeight,
        font.height,
      )
      const { ink, paper } = shape
      if (shape.isBlank) return { char: ' ', ink, paper }
      const read = charOf(shape, font)
      if (read === undefined) unknown += 1
      else known += 1
      return read ?? { char: UNKNOWN, ink, paper }
    }),
  )
  return { rows, known, unknown }
}

/** Either of the two colours may be the ink. */
function charOf(
  { bits, ink, paper }: Shape,
  font: Font,
): { char: string; ink: number; paper: number } | undefined {
  if (bits === undefined) return undefined
  const plain = font.chars.get(text(bits))
  if (plain !== undefined) return { char: plain, ink, paper }
  const inverse = font.chars.get(text(bits.map((row) => row ^ 0xff)))
  return inverse === undefined ? undefined : { char: inverse, ink: paper, paper: ink }
}

const text = (bits: Uint8Array) => Buffer.from(bits.buffer, bits.byteOffset, bits.length).toString('latin1')

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
export function readPicture(
  picture: Picture,
  fonts: readonly Font[],
  like?: Pick<ReadPicture, 'font' | 'grid'>,
): ReadPicture | undefined {
  const again = like && { ...readGrid(picture, like.font, like.grid), font: like.font, grid: like.grid }
  if (again && isClear(again)) return again
  let best: ReadPicture | undefined
  for (const font of fonts)
    for (const grid of likelyGrids(picture, font)) {
      const read = readGrid(picture, font, grid)
      if (isBetter(read, best)) best = { ...read, font, grid }
      if (best && isClear(best)) return best
    }
  if (accepted(best)) return best
  for (const font of fonts) {
    const grid = searchGrid(picture, font)
    const read = grid && readGrid(picture, font, grid)
    if (grid && read && isBetter(read, best)) best = { ...read, font, grid }
  }
  return accepted(best)
}

/** Nearly every shape is known. */
const isClear = ({ known, unknown }: ReadText) => known >= LEAST_KNOWN && unknown * 50 <= known

function accepted<T extends ReadText>(read: T | undefined): T | undefined {
  return read && read.known >= LEAST_KNOWN && read.known >= read.unknown ? read : undefined
}

function isBetter(read: ReadText, than: ReadText | undefined): boolean {
  return than === undefined || read.known - read.unknown > than.known - than.unknown
}

/** From the corner; with the rest of the picture on both sides; and GRUB's, 10 pixels from the corner. */
function likelyGrids({ width, height }: Picture, font: Font): readonly Grid[] {
  const cellHeight = font.height
  const widths = width % 9 === 0 && width % 8 === 0 && font.height >= 14 ? [9, 8] : [8]
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

/** Every offset is tried on the part of the picture where drawing begins. */
function searchGrid(picture: Picture, font: Font): Grid | undefined {
  const corner = firstInk(picture)
  if (!corner) return undefined
  let best: Grid | undefined
  let most = LEAST_KNOWN - 1
  for (const cellWidth of [8, 9])
    for (let dy = 0; dy < font.height; dy++)
      for (let dx = 0; dx < cellWidth; dx++) {
        const grid = { x: corner.x - dx, y: corner.y - dy, cellWidth, cellHeight: font.height }
        const known = knownIn(picture, font, grid)
        if (known > most) [most, best] = [known, grid]
      }
  if (!best) return undefined
  const { x, y, cellWidth, cellHeight } = best
  return {
    x: ((x % cellWidth) + cellWidth) % cellWidth,
    y: ((y % cellHeight) + cellHeight) % cellHeight,
    cellWidth,
    cellHeight,
  }
}

function knownIn(picture: Picture, font: Font, { x, y, cellWidth, cellHeight }: Grid): number {
  let known = 0
  for (let row = 0; row < SAMPLE.rows; row++)
    for (let column = 0; column < SAMPLE.columns; column++) {
      const shape = shapeAt(picture, x + column * cellWidth, y + row * cellHeight, font.height)
      if (!shape.isBlank && charOf(shape, font)) known += 1
    }
  return known
}

/** The upper left corner of what differs from the background. */
function firstInk(picture: Picture): { readonly x: number; readonly y: number } | undefined {
  const paper = colorAt(picture, 0, 0)
  for (let y = 0; y < picture.height; y++)
    for (let x = 0; x < picture.width; x++) {
      if (colorAt(picture, x, y) === paper) continue
      let left = x
      for (let row = y; row < Math.min(y + 16, picture.height); row++)
        for (let column = 0; column < left; column++)
          if (colorAt(picture, column, row) !== paper) left = column
      return { x: left, y }
    }
  return undefined
}
