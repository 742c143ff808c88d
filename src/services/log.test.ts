import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openLog } from './log.ts'

const folder = mkdtempSync(join(tmpdir(), 'service log '))
afterAll(() => rmSync(folder, { recursive: true }))

test('is for this user alone, and never one that is there already', () => {
  const path = join(folder, 'new folder', 'log')
  openLog(path).close()
  expect([statSync(path).mode & 0o777, statSync(join(folder, 'new folder')).mode & 0o777]).toEqual([
    0o600, 0o700,
  ])
  expect(() => openLog(path)).toThrow('EEXIST')
})

test('ends where it is full, and still knows the last lines', () => {
  const path = join(folder, 'full')
  const log = openLog(path, 20)
  for (let i = 0; i < 1000; i++) log.write(`line ${i}\n`)
  expect(readFileSync(path, 'utf8')).toBe('line 0\nline 1\nline 2\n… the log ends here: it is full\n')
  expect(log.lastLines).toHaveLength(20)
  expect(log.lastLines.at(-1)).toBe('line 999')
  log.close()
})

test('of a shared service that another run has started: only the last lines', () => {
  const log = openLog(undefined)
  log.write('one\ntwo')
  expect(log.lastLines).toEqual(['one', 'two'])
  expect(existsSync(join(folder, 'undefined'))).toBe(false)
})
