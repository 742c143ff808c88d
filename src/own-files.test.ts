import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { makeFolder, partialName, writeWhole } from './own-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'own-files-'))
afterAll(() => rmSync(folder, { recursive: true }))
const modeOf = (path: string) => statSync(path).mode & 0o777

describe('makeFolder', () => {
  test('makes what is missing, for this user only', () => {
    makeFolder(join(folder, 'a/b/c'))
    makeFolder(join(folder, 'a/b/c'))
    expect(['a', 'a/b', 'a/b/c'].map((name) => modeOf(join(folder, name)))).toEqual([0o700, 0o700, 0o700])
  })

  test.each(['/proc/x', '/proc/x/y/z', '/proc/self/x/y', '/sys/x/y'])('ends below %s', (path) =>
    expect(() => makeFolder(path)).toThrow(/ENOENT|EPERM|EACCES|EROFS/),
  )

  test('does not take a file for a folder', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(() => makeFolder(join(folder, 'file'))).toThrow('EEXIST')
    expect(() => makeFolder(join(folder, 'file/x'))).toThrow('ENOTDIR')
  })
})

describe('writeWhole', () => {
  test('writes for this user only, and leaves nothing beside', () => {
    mkdirSync(join(folder, 'whole'))
    writeWhole(join(folder, 'whole/file'), 'content')
    expect(readFileSync(join(folder, 'whole/file'), 'utf8')).toBe('content')
    expect(modeOf(join(folder, 'whole/file'))).toBe(0o600)
    expect(readdirSync(join(folder, 'whole'))).toEqual(['file'])
  })

  test('replaces a link instead of following it', () => {
    writeFileSync(join(folder, 'victim'), 'precious')
    symlinkSync(join(folder, 'victim'), join(folder, 'planted'))
    writeWhole(join(folder, 'planted'), 'content')
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('precious')
  })

  test('uses names that cannot be known beforehand', () =>
    expect(new Set([...Array(100)].map(() => partialName('x'))).size).toBe(100))
})
