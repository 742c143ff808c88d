import { createColors } from 'picocolors'
import { describe, expect, test } from 'vitest'
import { formatTable } from './table.ts'

const plain = { colors: createColors(false), columns: Number.POSITIVE_INFINITY }

test('columns line up, and no line ends in blanks', () => {
  const rows = [
    ['a', 'first'],
    ['long name', ''],
  ]
  expect(formatTable(['name', 'what'], rows, plain)).toBe('name       what\na          first\nlong name')
})

test('colours take no room', () => {
  const colors = createColors(true)
  const text = formatTable(['x', 'y'], [[colors.green('ok'), 'z']], { ...plain, colors })
  expect(text).toBe(`${colors.dim('x')}   ${colors.dim('y')}\n${colors.green('ok')}  z`)
})

test('a cell of two lines makes its row two lines high', () => {
  expect(formatTable(['a', 'b'], [['one\ntwo', 'x']], plain)).toBe('a    b\none  x\ntwo')
})

describe('on a narrow page', () => {
  const rows = [
    ['guest reboot', 'kept', 'the memory belongs to QEMU'],
    ['host power loss', 'not guaranteed', 'it waits in the page cache of the host'],
  ]
  const headings = ['event', 'content', 'because']

  test.each([30, 40, 60])('%i columns hold every line, and no word is broken', (columns) => {
    const text = formatTable(headings, rows, { ...plain, columns })
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns)
    const words = rows.flat().flatMap((cell) => cell.split(' '))
    for (const word of words) expect(text).toMatch(new RegExp(`(^|\\s)${word}(\\s|$)`, 'm'))
  })

  test('the widest column is wrapped first', () => {
    expect(
      formatTable(headings, rows, { ...plain, columns: 56 })
        .split('\n')
        .slice(1, 3),
    ).toEqual([
      'guest reboot     kept            the memory belongs to',
      '                                 QEMU',
    ])
  })

  test('rows become blocks where columns cannot fit', () => {
    expect(formatTable(headings, rows.slice(0, 1), { ...plain, columns: 20 })).toBe(
      'guest reboot\n  content kept\n  because the memory\n          belongs to\n          QEMU',
    )
  })
})
