import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { MiB } from '../units.ts'
import { gatherFacts, parseList } from './gather.ts'

const folder = mkdtempSync(join(tmpdir(), 'gather, '))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const factOf = (path: string) => {
  const fact = gatherFacts([path], { accelerators: [] }).files.get(path)
  if (!fact) throw new Error('no fact')
  return fact
}

test('tells what is there', () => {
  writeFileSync(at('store.img'), '')
  truncateSync(at('store.img'), 3 * MiB)
  symlinkSync(at('store.img'), at('link'))
  for (const path of [at('store.img'), at('link')]) {
    expect(factOf(path)).toMatchObject({
      kind: 'file',
      bytes: 3 * MiB,
      isReadable: true,
      isWritable: true,
      hasParent: true,
      content: 'unknown',
    })
  }
  expect(factOf(at('store.img')).freeBytes).toBeGreaterThan(0)
  mkdirSync(at('folder'))
  expect(factOf(at('folder'))).toMatchObject({ kind: 'directory', bytes: 0 })
  expect(factOf('/dev/null')).toMatchObject({ kind: 'character-device', bytes: 0 })
  spawnSync('mkfifo', [at('pipe')])
  expect(factOf(at('pipe'))).toMatchObject({ kind: 'other' })
})

test('tells what could be made where nothing is', () => {
  expect(factOf(at('new'))).toMatchObject({
    kind: 'missing',
    isReadable: false,
    isWritable: true,
    hasParent: true,
  })
  const deep = factOf(at('no/such/folder/new'))
  expect(deep).toMatchObject({ kind: 'missing', isWritable: true, hasParent: false })
  expect(deep.fileSystem).toBe(factOf(folder).fileSystem)
  expect(deep.freeBytes).toBeGreaterThan(0)
  writeFileSync(at('file'), 'x')
  expect(factOf(at('file/below'))).toMatchObject({ kind: 'missing', isWritable: false, hasParent: false })
  expect(factOf('/proc/new')).toMatchObject({ kind: 'missing', fileSystem: 'proc' })
})

test('tells who holds a lock, and stops when it is let go', async () => {
  writeFileSync(at('locked'), 'x')
  const holder = spawn('flock', ['--no-fork', '--shared', at('locked'), 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  holder.stdin.write('held')
  await once(holder.stdout, 'data')
  expect(factOf(at('locked')).lockedBy).toEqual({ pid: holder.pid, mode: 'read', command: 'cat' })
  holder.stdin.end()
  await once(holder, 'close')
  expect(factOf(at('locked')).lockedBy).toBeUndefined()
})

test('tells of the computer', () => {
  const facts = gatherFacts([], { accelerators: [] })
  expect(facts.hostBytes).toBe(totalmem())
  expect(facts.hostNodes).toContain(0)
  for (const page of facts.hugePages) expect(page.bytes % (2 * MiB)).toBe(0)
})

test('kernel lists', () => {
  expect(parseList('0-2,5\n')).toEqual([0, 1, 2, 5])
  expect(parseList('0\n')).toEqual([0])
  expect(parseList('')).toEqual([])
})
