import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findJsonError } from './json-text.ts'

test.each([
  ['{"a": x}', 1, 7],
  ['{\n  "a": 1,\n}', 3, 1],
  ['{"a": 1 "b": 2}', 1, 9],
  ['// no\n{}', 1, 1],
  ['[1, 2', 1, 6],
  ['"a\nb"', 1, 1],
  ['{} {}', 1, 4],
  ['', 1, 1],
  ['[01]', 1, 3],
])('%j goes wrong at %i:%i', (text, line, column) => {
  expect(findJsonError(text)).toEqual({ line, column })
})

test('finds nothing wrong with JSON', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom(0, 2, '\t'),
      (value, indent) => findJsonError(JSON.stringify(value, null, indent)) === undefined,
    ),
  )
})

test('agrees with JSON.parse about what is JSON', () => {
  const isJson = (text: string) => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  const mangled = fc
    .tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 }))
    .map(([text, at, more]) => text.slice(0, at % text.length) + more + text.slice((at % text.length) + 1))
  fc.assert(
    fc.property(mangled, (text) => (findJsonError(text) === undefined) === isJson(text)),
    { numRuns: 2000 },
  )
})
