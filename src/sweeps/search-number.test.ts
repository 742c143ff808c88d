import { expect, test } from 'vitest'
import { lastMatch } from './search-number.ts'

test('the last match counts: its group, or all of it', () => {
  expect(lastMatch('ops: 1\nops: 23\n', '^ops: (\\d+)$')).toBe('23')
  expect(lastMatch('1 22 333', '\\d+')).toBe('333')
  expect(lastMatch('nothing', '\\d+')).toBeUndefined()
})

test('a search that would not end is ended', () => {
  expect(lastMatch(`${'a'.repeat(60)}c`, '(a+)+b(\\d)')).toEqual({ isSlow: true })
})
