import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readLines, readTail } from './read-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'read-log-'))
afterAll(() => rmSync(folder, { recursive: true }))
const log = (text: string | Buffer) => {
  const path = join(folder, 'console.log')
  writeFileSync(path, text)
  return path
}

test('lines, with letters across pieces, and an unfinished last one', () => {
  const text = `${'ä'.repeat(200_001)}\n\nlast`
  expect([...readLines(log(text))]).toEqual(text.split('\n'))
})

test('a line without an end comes in pieces', () => {
  const pieces = [...readLines(log('x'.repeat(5 << 20)))]
  expect(pieces.length).toBeGreaterThan(3)
  expect(pieces.join('')).toHaveLength(5 << 20)
})

test('the end of a log', () => {
  expect(readTail(log('abcdef'), 3).toString()).toBe('def')
  expect(readTail(log('abc')).toString()).toBe('abc')
  expect(readTail(log('')).toString()).toBe('')
})
