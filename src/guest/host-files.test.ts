import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { MiB } from '../units.ts'
import { createFiles } from './host-files.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup files-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

test('a copy has the content of its base, the size asked for, and holes where the base has zeros', () => {
  const [from, path] = [join(folder, 'base'), join(folder, 'stores/copy.img')]
  const content = Buffer.concat([Buffer.alloc(MiB, 1), Buffer.alloc(6 * MiB), Buffer.from('end')])
  writeFileSync(from, content)
  createFiles([{ kind: 'create-sparse', path, bytes: content.length, from }])
  expect(readFileSync(path).equals(content)).toBe(true)
  expect(statSync(path).blocks * 512).toBeLessThan(3 * MiB)
  expect(readdirSync(join(folder, 'stores'))).toEqual(['copy.img'])
})

test('what is there already is left as it is', () => {
  const [from, path] = [join(folder, 'base'), join(folder, 'mine')]
  writeFileSync(from, 'base')
  writeFileSync(path, 'mine')
  createFiles([{ kind: 'create-sparse', path, bytes: 4, from }])
  expect(readFileSync(path, 'utf8')).toBe('mine')
})

test('a base that is gone leaves nothing, and takes the others with it', () => {
  const [made, path] = [join(folder, 'made'), join(folder, 'copy')]
  const files = [
    { kind: 'create-sparse', path: made, bytes: MiB },
    { kind: 'create-sparse', path, bytes: MiB, from: join(folder, 'gone') },
  ] as const
  expect(() => createFiles(files)).toThrow('STORE_NOT_CREATED')
  expect(existsSync(made)).toBe(false)
  expect(readdirSync(folder)).toEqual([])
})
