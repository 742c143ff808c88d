import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ModuleFolder, parseModuleInfo } from './modules.ts'

const folder = mkdtempSync(join(tmpdir(), 'modules '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** An object file with what a module says of itself. */
function addModule(path: string, info: Readonly<Record<string, string>>): void {
  const file = join(folder, 'kernel', path)
  mkdirSync(join(file, '..'), { recursive: true })
  const words = Object.entries(info)
    .map(([key, value]) => `"${key}=${value}\\0"`)
    .join(' ')
  const plain = file.replace(/\.gz$/, '')
  execFileSync('cc', ['-c', '-x', 'c', '-', '-o', plain], {
    input: `__attribute__((section(".modinfo"), used)) static const char info[] = ${words};`,
  })
  if (file === plain) return
  writeFileSync(file, gzipSync(readFileSync(plain)))
  rmSync(plain)
}

beforeAll(() => {
  addModule('drivers/a/top-driver.ko', { depends: 'middle_one,base', softdep: 'pre: helper gone post: late' })
  addModule('drivers/a/middle-one.ko', { depends: 'base,built_in' })
  addModule('lib/base.ko.gz', { depends: '' })
  addModule('lib/helper.ko', { depends: 'base' })
  addModule('lib/late.ko', { depends: '' })
  addModule('lib/one.ko', { depends: 'two' })
  addModule('lib/two.ko', { depends: 'one' })
  writeFileSync(join(folder, 'modules.builtin'), 'kernel/lib/built-in.ko\n')
})

test('each module comes after what it depends on; - and _ are the same', async () => {
  const { modules, missing } = await new ModuleFolder(folder).inLoadOrder(['top_driver', 'top-driver'])
  expect(modules.map((m) => m.name)).toEqual(['base', 'helper', 'middle_one', 'top_driver', 'late'])
  expect(missing).toEqual([])
})

test('a compressed module is unpacked and named so', async () => {
  const { modules } = await new ModuleFolder(folder).inLoadOrder(['base'])
  expect(modules[0]?.path).toBe('kernel/lib/base.ko')
  expect(modules[0]?.content.readUInt32BE(0)).toBe(0x7f454c46)
})

test('built in is not missing; what is nowhere is', async () => {
  expect(await new ModuleFolder(folder).inLoadOrder(['built-in', 'nowhere'])).toEqual({
    modules: [],
    missing: ['nowhere'],
  })
})

test('modules that depend on each other end', async () => {
  const { modules } = await new ModuleFolder(folder).inLoadOrder(['one'])
  expect(modules).toHaveLength(2)
})

test('soft dependencies before and after', () => {
  expect(parseModuleInfo(Buffer.from('softdep=pre: a-b c post: d\0depends=x,y\0license=GPL\0'))).toEqual({
    depends: ['x', 'y'],
    before: ['a_b', 'c'],
    after: ['d'],
  })
})
