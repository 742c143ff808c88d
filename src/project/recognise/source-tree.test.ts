import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { sourceTree } from './source-tree.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-source-tree-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('reads the start of a file larger than memory, and takes what cannot be read for missing', () => {
  writeFileSync(join(folder, 'large'), 'all: kernel\n')
  truncateSync(join(folder, 'large'), 8 * 1024 ** 4)
  symlinkSync('loop', join(folder, 'loop'))
  symlinkSync('nowhere', join(folder, 'dangling'))
  mkdirSync(join(folder, 'src'))
  spawnSync('mkfifo', [join(folder, 'pipe')])
  const tree = sourceTree(folder)
  expect(tree.read('large')?.startsWith('all: kernel\n')).toBe(true)
  expect(tree.read('large')?.length).toBe(1024 * 1024)
  for (const path of ['loop', 'dangling', 'pipe', 'src', 'missing', 'src\0x'])
    expect(tree.read(path)).toBeUndefined()
  expect(['loop', 'dangling', 'src/../src'].map(tree.has)).toEqual([false, false, true])
  expect([tree.list('loop'), tree.list('large'), tree.list('src')]).toEqual([[], [], []])
})
