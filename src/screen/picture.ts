/** Pixels of a guest's display, as QEMU's `screendump` writes them (netpbm's P6). Pure. */
import type { Sliced } from './slices.ts'

export interface Picture {
  readonly width: number
  readonly height: number
  /** Red, green and blue of each pixel, row by row. */
  readonly pixels: Uint8Array
}

/** The largest that is read: QEMU's displays end below (VBE_DISPI_MAX_XRES in hw/display/vga_int.h). */
const MOST_PIXELS = 16_000 * 12_000

/** Undefined when it is no such file, or not all of one. */
export function parsePpm(bytes: Buffer): Picture | undefined {
  const header = /^P6\s+(\d{1,5})\s+(\d{1,5})\s+255\s/.exec(bytes.toString('latin1', 0, 64))
  if (!header) return undefined
  const [width, height] = [Number(header[1]), Number(header[2])]
  const pixels = bytes.subarray(header[0].length)
  const isWhole = width * height > 0 && width * height <= MOST_PIXELS && pixels.length >= width * height * 3
  return isWhole ? { width, height, pixels } : undefined
}

/** Colour of a pixel as one number. Outside of the picture it is black. */
export function colorAt({ width, height, pixels }: Picture, x: number, y: number): number {
  if (x < 0 || y < 0 || x >= width || y >= height) return 0
  const at = (y * width + x) * 3
  return ((pixels[at] as number) << 16) | ((pixels[at + 1] as number) << 8) | (pixels[at + 2] as number)
}

/** Small kernels enlarge their letters so many times. */
const MOST_ENLARGED = 4

/**
 * Pixels that are shown several times are one: old modes of few pixels show each twice, in both directions or one below
 * the other, and kernels enlarge their letters.
 */
export function* unenlarged(picture: Picture): Sliced<Picture> {
  const right = yield* timesShown(picture, 'right')
  const down = yield* timesShown(picture, 'down')
  if (down === 1 && right === 1) return picture
  const [width, height] = [Math.floor(picture.width / right), Math.floor(picture.height / down)]
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    yield
    for (let x = 0; x < width; x++, at += 3) {
      const color = colorAt(picture, x * right, y * down)
      pixels.set([color >> 16, (color >> 8) & 255, color & 255], at)
    }
  }
  return { width, height, pixels }
}

/** How often each pixel is shown, from the upper left corner on. */
function* timesShown(picture: Picture, direction: 'right' | 'down'): Sliced<number> {
  const { width, height } = picture
  let common = 0
  const [dx, dy] = direction === 'right' ? [1, 0] : [0, 1]
  for (let y = dy; y < height; y++) {
    yield
    for (let x = dx; x < width; x++) {
      if (colorAt(picture, x, y) === colorAt(picture, x - dx, y - dy)) continue
      // Colours change at multiples of what is looked for.
      common = greatestDivisor(common, direction === 'right' ? x : y)
      if (common === 1) return 1
    }
  }
  return (
    [...Array(MOST_ENLARGED + 1).keys()].findLast(
      (times) => times > 1 && common > 0 && common % times === 0,
    ) ?? 1
  )
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b))

/** Whether it has one colour only. */
export function* isBlank(picture: Picture): Sliced<boolean> {
  const first = colorAt(picture, 0, 0)
  for (let y = 0; y < picture.height; y++) {
    yield
    for (let x = 0; x < picture.width; x++) if (colorAt(picture, x, y) !== first) return false
  }
  return true
}
