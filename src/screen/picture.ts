/** Pixels of a guest's display, as QEMU's `screendump` writes them (netpbm's P6). Pure. */

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

/** Old modes of few pixels are shown with each of them twice, in both directions or one below the other. */
export function undoubled(picture: Picture): Picture {
  const { width, height } = picture
  const isTwice = (dx: number, dy: number) => {
    for (let y = 0; y + dy < height; y += 1 + dy)
      for (let x = 0; x + dx < width; x += 1 + dx)
        if (colorAt(picture, x, y) !== colorAt(picture, x + dx, y + dy)) return false
    return true
  }
  const down = height % 2 === 0 && isTwice(0, 1) ? 2 : 1
  const right = width % 2 === 0 && isTwice(1, 0) ? 2 : 1
  if (down === 1 && right === 1) return picture
  const pixels = new Uint8Array((width / right) * (height / down) * 3)
  let at = 0
  for (let y = 0; y < height; y += down)
    for (let x = 0; x < width; x += right) {
      const color = colorAt(picture, x, y)
      pixels.set([color >> 16, (color >> 8) & 255, color & 255], at)
      at += 3
    }
  return { width: width / right, height: height / down, pixels }
}

/** Whether it has one colour only. */
export function isBlank(picture: Picture): boolean {
  const first = colorAt(picture, 0, 0)
  for (let y = 0; y < picture.height; y++)
    for (let x = 0; x < picture.width; x++) if (colorAt(picture, x, y) !== first) return false
  return true
}
