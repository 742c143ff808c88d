import { expect, test } from 'vitest'
import { LineSplitter } from './line-splitter.ts'

const split = (...chunks: readonly string[]) => {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  for (const chunk of chunks) splitter.take(Buffer.from(chunk, 'latin1'))
  splitter.end()
  return lines
}

test('makes lines of chunks, wherever they are cut', () => {
  expect(split('a\nb', 'c\r\n', '\nd')).toEqual(['a', 'bc', '', 'd'])
  expect(split('\xc3', '\xa9\n')).toEqual(['é'])
})

test('hands on a line without end in pieces', () => {
  expect(split('x'.repeat(70_000), 'y\n').map((line) => line.length)).toEqual([70_000, 1])
})
