import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { usedStore } from './store-content.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup-store-content-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const store = (name: string, content?: string) => {
  const path = join(home, name)
  if (content !== undefined) writeFileSync(path, content)
  return { device: name, path }
}
const [ext4, nfs] = [() => 0xef53, () => 0x6969]

test('a missing or sparse store is unused; one byte makes it used', () => {
  const sparse = store('sparse', '')
  truncateSync(sparse.path, 2 ** 20)
  expect(usedStore([store('missing'), sparse], ext4)).toBeUndefined()
  const used = store('used', 'x')
  truncateSync(used.path, 2 ** 20)
  expect(usedStore([sparse, used], ext4)).toBe('the store used has content')
  expect(usedStore([{ device: 'folder', path: home }], ext4)).toBe('the store folder has content')
})

test('a store without blocks counts as used where the file system does not count them reliably', () => {
  const sparse = store('remote', '')
  truncateSync(sparse.path, 2 ** 20)
  expect(usedStore([store('missing'), sparse], nfs)).toContain('may not report content')
  expect(usedStore([store('missing')], nfs)).toBeUndefined()
})
