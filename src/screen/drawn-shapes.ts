/** Shapes in a picture that may be letters: connected pixels that differ from the background. Pure. */
import { colorAt, type Picture } from './picture.ts'
import type { Sliced } from './slices.ts'

/** A shape cut out at its edges. */
export interface DrawnShape {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** A number for each row, the leftmost pixel in the bit `width - 1`. */
  readonly rows: readonly number[]
  /** How often the same shape is in the picture. */
  readonly count: number
}

/** Letters are not larger, nor so small that others look the same. */
const SIZES = { least: { width: 3, height: 5 }, most: { width: 30, height: 62 } }
/** Bars, blocks and lines have fewer different rows. */
const LEAST_ROWS = 3
/** A picture with more shapes than that is a photograph, or shows what a part of it shows as well. */
const MOST_SHAPES = 20_000

/** Each different shape once, at its first place; those that are there most often come first. */
export function* drawnShapes(picture: Picture): Sliced<readonly DrawnShape[]> {
  const ink = yield* inkOf(picture)
  const found = new Map<string, DrawnShape>()
  let shapes = 0
  for (let at = 0; at < ink.length && shapes < MOST_SHAPES; at++) {
    if (at % picture.width === 0) yield
    if (ink[at] !== 1) continue
    shapes += 1
    const shape = cutOut(ink, picture.width, at)
    if (!shape) continue
    const key = `${shape.width} ${shape.rows.join()}`
    const known = found.get(key)
    found.set(key, { ...(known ?? shape), count: (known?.count ?? 0) + 1 })
  }
  return [...found.values()].sort((a, b) => b.count - a.count || b.height * b.width - a.height * a.width)
}

/** 1 where a pixel differs from the background: the most frequent colour of the picture. */
function* inkOf(picture: Picture): Sliced<Uint8Array> {
  const counts = new Map<number, number>()
  const { width, height } = picture
  for (let y = 0; y < height; y += 3) {
    yield
    for (let x = 0; x < width; x += 3) {
      const color = colorAt(picture, x, y)
      counts.set(color, (counts.get(color) ?? 0) + 1)
    }
  }
  let [paper, most] = [0, 0]
  for (const [color, count] of counts) if (count > most) [paper, most] = [color, count]
  const ink = new Uint8Array(width * height)
  for (let y = 0, at = 0; y < height; y++) {
    yield
    for (let x = 0; x < width; x++, at++) if (colorAt(picture, x, y) !== paper) ink[at] = 1
  }
  return ink
}

/** The connected pixels of one place, corners included. Marks them as seen (2). */
function cutOut(ink: Uint8Array, pitch: number, from: number): DrawnShape | undefined {
  const pixels = [from]
  ink[from] = 2
  let [left, right, top, bottom] = [pitch, 0, ink.length, 0]
  for (let next = 0; next < pixels.length; next++) {
    const at = pixels[next] as number
    const [x, y] = [at % pitch, Math.floor(at / pitch)]
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
    for (let dy = -pitch; dy <= pitch; dy += pitch)
      for (let dx = -1; dx <= 1; dx++) {
        const near = at + dy + dx
        const isInside = x + dx >= 0 && x + dx < pitch && near >= 0 && near < ink.length
        if (isInside && ink[near] === 1) {
          ink[near] = 2
          pixels.push(near)
        }
      }
  }
  const [width, height] = [right - left + 1, bottom - top + 1]
  const { least, most } = SIZES
  if (width < least.width || height < least.height || width > most.width || height > most.height)
    return undefined
  const rows = new Array<number>(height).fill(0)
  for (const at of pixels) {
    const y = Math.floor(at / pitch) - top
    rows[y] = (rows[y] as number) | (1 << (width - 1 - ((at % pitch) - left)))
  }
  if (new Set(rows).size < LEAST_ROWS) return undefined
  return { x: left, y: top, width, height, rows, count: 1 }
}
