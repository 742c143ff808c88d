import { expect, test } from 'vitest'
import { formatBytes, formatMs, formatRoundBytes, parseBytes } from './units.ts'

test.each([
  [268435456, '256M'],
  [268042240, '255.6M'],
  [1610612736, '1536M'],
  [534773760, '510M'],
  [1000001, '976.6K'],
  [900, '900'],
  [0, '0'],
  [2 ** 41, '2T'],
])('%d bytes are shown as %s', (bytes, text) => expect(formatRoundBytes(bytes)).toBe(text))

test('the exact form parses back', () => {
  for (const bytes of [268042240, 1000001, 2 ** 41]) expect(parseBytes(formatBytes(bytes))).toBe(bytes)
})

test.each([
  [3, '3 ms'],
  [999, '999 ms'],
  [11_583, '11.6 s'],
  [59_960, '1 min'],
  [252_000, '4 min 12 s'],
  [7_200_000, '2 h'],
  [5_400_000, '1 h 30 min'],
])('%d ms are shown as %s', (ms, text) => expect(formatMs(ms)).toBe(text))
