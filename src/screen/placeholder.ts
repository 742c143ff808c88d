/** What QEMU itself draws on a display while the guest draws nothing there (ui/console.c). Pure. */
import { createHash } from 'node:crypto'
import { colorAt, type Picture } from './picture.ts'
import type { Sliced } from './slices.ts'

/** "Guest has not initialized the display (yet).", "Display output is not active.": the shapes of these words. */
const SHAPES = new Set([
  'e5f0dcb88617b6ea9053bf8d6ce4eff73b60b8a4',
  '3a35314454deddc696e43810d4906a058d493cb2',
])

/** Words of QEMU are one line of letters that are 16 pixels high. */
const MOST_ROWS = 16

interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

/** Whether the picture is QEMU’s own, which stands for one that the guest has not drawn. */
export function* isPlaceholder(picture: Picture): Sliced<boolean> {
  const box = yield* inked(picture)
  return box !== undefined && SHAPES.has(shapeIn(picture, box))
}

/** The part that is not of the colour of the corner; undefined where that is higher than a line, or nothing. */
function* inked(picture: Picture): Sliced<Box | undefined> {
  const { width, height } = picture
  const paper = colorAt(picture, 0, 0)
  const box = { left: width, right: -1, top: -1, bottom: -1 }
  for (let y = 0; y < height; y++) {
    yield
    for (let x = 0; x < width; x++) {
      if (colorAt(picture, x, y) === paper) continue
      if (box.top < 0) box.top = y
      if (y - box.top >= MOST_ROWS) return undefined
      box.bottom = y
      box.left = Math.min(box.left, x)
      box.right = Math.max(box.right, x)
    }
  }
  return box.top < 0 ? undefined : box
}

function shapeIn(picture: Picture, { left, right, top, bottom }: Box): string {
  const paper = colorAt(picture, 0, 0)
  const bits: number[] = []
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) bits.push(colorAt(picture, x, y) === paper ? 0 : 1)
  return createHash('sha1')
    .update(`${right - left + 1} ${bits.join('')}`)
    .digest('hex')
}
