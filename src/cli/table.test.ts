import { createColors } from 'picocolors'
import { expect, test } from 'vitest'
import { formatTable, widthOf } from './table.ts'

const plain = createColors(false)

test('columns line up, and no line ends in blanks', () => {
  const rows = [
    ['a', 'first'],
    ['long name', ''],
  ]
  expect(formatTable(['name', 'what'], rows, plain)).toBe('name       what\na          first\nlong name')
})

test('colours take no room', () => {
  const colors = createColors(true)
  const text = formatTable(['x', 'y'], [[colors.green('ok'), 'z']], colors)
  expect(text).toBe(`${colors.dim('x')}   ${colors.dim('y')}\n${colors.green('ok')}  z`)
})

test('a cell of two lines makes its row two lines high', () => {
  expect(formatTable(['a', 'b'], [['one\ntwo', 'x']], plain)).toBe('a    b\none  x\ntwo')
})

test.each([
  ['abc', 3],
  ['é', 1],
  ['e\u0301', 1],
  ['日本', 4],
  ['✓', 1],
  ['\u001b[32m✓\u001b[39m', 1],
  ['', 0],
])('%j is %i columns wide', (text, columns) => {
  expect(widthOf(text)).toBe(columns)
})
