import { expect, test } from 'vitest'
import type { Picture } from './picture.ts'
import { isPlaceholder } from './placeholder.ts'
import { atOnce } from './slices.ts'

function picture(height: number, inked: (x: number, y: number) => boolean): Picture {
  const width = 640
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (inked(x, y)) pixels.fill(0xaa, (y * width + x) * 3, (y * width + x) * 3 + 3)
  return { width, height, pixels }
}

// QEMU's own pictures are compared in test/e2e/screens.test.ts.
test.each([
  ['nothing', () => false],
  [
    'one line of other words',
    (x: number, y: number) => y > 225 && y < 239 && x >= 144 && x <= 492 && (x * y) % 3 === 0,
  ],
  ['more than one line', (x: number, y: number) => y % 40 < 13 && x % 8 < 3],
] as const)('%s is not QEMU’s picture', (_, inked) => {
  expect(atOnce(isPlaceholder(picture(480, inked)))).toBe(false)
})
