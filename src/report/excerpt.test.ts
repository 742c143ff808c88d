import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { EMPTY, fitted, readExcerpt } from './excerpt.ts'

const folder = mkdtempSync(join(tmpdir(), 'excerpt-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const log = join(folder, 'console.log')
const timing = join(folder, 'console.timing')

it('gives each line the time of the chunk in which it begins', () => {
  writeFileSync(log, 'one\ntwo\nthree')
  writeFileSync(timing, '0.5 6\n0.25 7\n')
  expect(readExcerpt(log, 1000, timing)).toEqual({
    bytes: 13,
    start: [
      { atMs: 500, text: 'one' },
      { atMs: 500, text: 'two' },
      { atMs: 750, text: 'three' },
    ],
    omittedBytes: 0,
    end: [],
  })
})

it('reads the start and the end of a long log, in whole lines', () => {
  const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i}`)
  writeFileSync(log, `${lines.join('\n')}\n`)
  writeFileSync(timing, lines.map((line, i) => `${i === 0 ? 0 : 0.001} ${line.length + 1}`).join('\n'))
  const { start, end, omittedBytes, bytes } = readExcerpt(log, 1000, timing)
  expect(start[0]).toEqual({ atMs: 0, text: 'line 0' })
  expect(end.at(-1)?.text).toBe('line 9999')
  expect(Math.round(end.at(-1)?.atMs ?? 0)).toBe(9999)
  expect(start.every(({ text }) => lines.includes(text))).toBe(true)
  expect(end.every(({ text }) => lines.includes(text))).toBe(true)
  expect(omittedBytes).toBe(bytes - 1000)
})

it('cuts a line without an end, and takes a log that is missing or of other times', () => {
  writeFileSync(log, 'x'.repeat(100_000))
  writeFileSync(timing, 'no times\n-1 5\n')
  const { start, end } = readExcerpt(log, 10_000, timing)
  expect(start[0]?.text).toMatch(/^x{2000} … \(\d+ more characters\)$/)
  expect(start[0]?.atMs).toBeUndefined()
  expect(end).toHaveLength(1)
  expect(readExcerpt(join(folder, 'missing'), 10, join(folder, 'missing'))).toEqual(EMPTY)
})

it('fits what is escaped into a room: a quarter for the start, the rest for the end', () => {
  const start = Array.from({ length: 100 }, (_, i) => ({ text: `${i}` }))
  const less = fitted({ bytes: 300, start, omittedBytes: 0, end: [] }, 20, () => 1)
  expect(less.start.map(({ text }) => text)).toEqual(['0', '1', '2', '3', '4'])
  expect(less.end.map(({ text }) => text)).toEqual(start.slice(-15).map(({ text }) => text))
  expect(less.omittedBytes).toBeGreaterThan(200)
})
