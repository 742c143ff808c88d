import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { writeNamedFile } from './write-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-write-file-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const isOurs = (existing: Buffer) => existing.toString().startsWith('ours')

test('replaces its own files and empty ones, and no other', () => {
  const file = join(folder, 'file')
  writeNamedFile('--output', file, 'ours 1', isOurs)
  writeNamedFile('--output', file, 'ours 2', isOurs)
  expect(readFileSync(file, 'utf8')).toBe('ours 2')
  writeFileSync(file, '')
  writeNamedFile('--output', file, 'ours 3', isOurs)
  writeFileSync(file, 'theirs')
  expect(() => writeNamedFile('--output', file, 'ours 4', isOurs)).toThrow('OPTION_FILE_TAKEN')
  expect(readFileSync(file, 'utf8')).toBe('theirs')
})

test('writes to devices, and says why a file cannot be written', () => {
  writeNamedFile('--output', '/dev/null', 'ours', isOurs)
  expect(() => writeNamedFile('--output', join(folder, 'missing', 'file'), 'ours', isOurs)).toThrow(
    'OPTION_FILE_NOT_WRITTEN',
  )
})
