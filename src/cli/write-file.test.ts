import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { checkNamedFile, writeNamedFile } from './write-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-write-file-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const isOurs = (existing: Buffer) => existing.toString().startsWith('ours')
const named = (path: string) => ({ option: '--output', path, isOurs })

test('replaces its own files and empty ones, and no other', () => {
  const file = join(folder, 'file')
  writeNamedFile(named(file), 'ours 1')
  writeNamedFile(named(file), 'ours 2')
  expect(readFileSync(file, 'utf8')).toBe('ours 2')
  writeFileSync(file, '')
  writeNamedFile(named(file), 'ours 3')
  writeFileSync(file, 'theirs')
  expect(() => writeNamedFile(named(file), 'ours 4')).toThrow('OPTION_FILE_TAKEN')
  expect(readFileSync(file, 'utf8')).toBe('theirs')
})

test('writes to devices, and says why a file cannot be written', () => {
  writeNamedFile(named('/dev/null'), 'ours')
  const missing = join(folder, 'missing')
  expect(() => writeNamedFile(named(join(missing, 'file')), 'ours')).toThrow(
    `OPTION_FILE_NOT_WRITTEN at --output: ${join(missing, 'file')}: the folder ${missing} does not exist`,
  )
  expect(() => writeNamedFile(named('/dev/full'), 'ours')).toThrow('/dev/full: the disk is full')
})

test('is refused before the work, and nothing is made by asking', () => {
  const [file, taken] = [join(folder, 'later'), join(folder, 'bringup.config.ts')]
  checkNamedFile(named(file))
  expect(existsSync(file)).toBe(false)
  writeFileSync(taken, 'export default {}')
  expect(() => checkNamedFile(named(taken))).toThrow('OPTION_FILE_TAKEN')
  expect(() => checkNamedFile(named(folder))).toThrow(`${folder} is a folder`)
  expect(() => checkNamedFile(named(join(folder, 'missing', 'file')))).toThrow('OPTION_FILE_NOT_WRITTEN')
  checkNamedFile(named('/dev/null'))
})
