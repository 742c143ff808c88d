import fc from 'fast-check'
import { expect, it } from 'vitest'
import { findText } from './find-text.ts'

const decode = (bytes: Buffer) => bytes.toString()
const find = (bytes: Buffer | string, pattern: string | RegExp) =>
  findText(Buffer.from(bytes), pattern, decode)

it('finds text where it lies, in bytes', () => {
  expect(find('grüße, ö', 'ö')).toEqual({ text: 'ö', groups: [], start: 9, end: 11 })
  expect(find('grüße\nan ö1 und', /ö(\d)/)).toEqual({ text: 'ö1', groups: ['1'], start: 11, end: 14 })
  expect(find(Buffer.from([0xff, 0xe2, 0x82, 0x41, 0x42]), /AB?/)).toMatchObject({ start: 3, end: 5 })
})

it('takes CR before LF for the end of the line', () => {
  expect(find('one\r\ntwo\r\n', /^two$/)).toEqual({ text: 'two', groups: [], start: 5, end: 8 })
})

it('leaves of what cannot match what may still become a match', () => {
  expect(find('no match: wai', 'waits')).toBe(9)
  expect(find('one\ntwo\nthr', /three/)).toBe(8)
  expect(find('', 'x')).toBe(0)
})

it('agrees with searching the text, for any text', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(text, text, (hay, needle) => {
      const found = find(hay, needle)
      const index = hay.indexOf(needle)
      if (typeof found === 'number') expect(index).toBe(-1)
      else expect(Buffer.from(hay).subarray(0, found.start).toString()).toBe(hay.slice(0, index))
    }),
  )
})
