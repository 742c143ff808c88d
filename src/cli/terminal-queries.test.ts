import { expect, test } from 'vitest'
import { withoutQueries } from './terminal-queries.ts'

function through(...chunks: readonly string[]): string {
  const filter = withoutQueries()
  return chunks.map((chunk) => Buffer.from(filter(Buffer.from(chunk))).toString()).join('')
}

test.each([
  ['what busybox asks before each prompt', ['guest:/# \x1b[6n'], 'guest:/# '],
  ['a query in two chunks', ['a\x1b', '[6nb'], 'ab'],
  ['a query in three chunks', ['a\x1b[', '6', 'nb'], 'ab'],
  ['the other questions', ['\x1b[5n\x1b[c\x1b[0c\x1b[>c\x1b[?6n-'], '-'],
])('%s is removed', (_, chunks, shown) => {
  expect(through(...chunks)).toBe(shown)
})

test('colors, cursor moves and text of several bytes stay, across chunks too', () => {
  expect(through('\x1b[1;31mred\x1b[', '0m ü\x1b[2', 'J')).toBe('\x1b[1;31mred\x1b[0m ü\x1b[2J')
})
