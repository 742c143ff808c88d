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

describe('sentences in a last column without a heading', () => {
  const headings = ['run', 'machine or rack', 'verdict', 'took', '']
  const rows = [
    [
      '2026-11-26T09-11-00-17573348',
      'default',
      'failed',
      '3 min 56 s',
      'the guest found hardware that differs from the description',
    ],
    ['2026-11-26T09-16-23-635c4922', 'two-nodes', 'running', '', ''],
  ]
  test('have a column where there is room for them', () => {
    expect(formatTable(headings, rows, { ...plain, columns: 120 }).split('\n')[1]).toMatch(
      /3 min 56 s {2}the guest/,
    )
  })
  test('go below their rows on 80 columns', () => {
    expect(formatTable(headings, rows, { ...plain, columns: 80 }).split('\n')).toEqual([
      'run                           machine or rack  verdict  took',
      '2026-11-26T09-11-00-17573348  default          failed   3 min 56 s',
      '  the guest found hardware that differs from the description',
      '2026-11-26T09-16-23-635c4922  two-nodes        running',
    ])
  })
  test('have the whole width in the blocks on 40 columns', () => {
    expect(
      formatTable(headings, rows, { ...plain, columns: 40 })
        .split('\n')
        .slice(0, 6),
    ).toEqual([
      '2026-11-26T09-11-00-17573348',
      '  machine or rack default',
      '  verdict         failed',
      '  took            3 min 56 s',
      '  the guest found hardware that differs',
      '  from the description',
    ])
  })
})
