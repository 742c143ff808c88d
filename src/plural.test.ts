import { expect, test } from 'vitest'
import { plural } from './plural.ts'

test.each([
  [0, 'node', undefined, '0 nodes'],
  [1, 'node', undefined, '1 node'],
  [2, 'node', undefined, '2 nodes'],
  [1, 'entry', 'entries', '1 entry'],
  [3, 'entry', 'entries', '3 entries'],
])('%i %s', (count, noun, many, text) => {
  expect(plural(count, noun, many)).toBe(text)
})
