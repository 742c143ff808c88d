import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { listensAt, pathState, watchReadiness } from './readiness.ts'

const folder = mkdtempSync(join(tmpdir(), 'readiness '))
afterAll(() => rmSync(folder, { recursive: true }))

const context = { pid: process.pid, before: undefined }

describe('a pattern', () => {
  test('meets lines however they are cut, also one without an end, and once only', () => {
    const onReady = vi.fn()
    const watch = watchReadiness({ pattern: '^ready: \\d+ >$' }, context, onReady)
    for (const text of ['not ready: 1 >\nrea', 'dy: ', '12', ' ']) watch.take(text)
    expect(onReady).not.toHaveBeenCalled()
    watch.take('>')
    watch.take('\nready: 13 >\n')
    expect(onReady).toHaveBeenCalledOnce()
  })

  test('is not tried on all of an endless line', () => {
    const onReady = vi.fn()
    const watch = watchReadiness({ pattern: 'ready' }, context, onReady)
    for (let i = 0; i < 100; i++) watch.take('x'.repeat(10_000))
    watch.take('ready\n')
    expect(onReady).not.toHaveBeenCalled()
    watch.take('ready\n')
    expect(onReady).toHaveBeenCalledOnce()
  })

  test('means nothing once the watch has been stopped', () => {
    const onReady = vi.fn()
    const watch = watchReadiness({ pattern: 'ready' }, context, onReady)
    watch.stop()
    watch.take('ready\n')
    expect(onReady).not.toHaveBeenCalled()
  })
})

describe('a path', () => {
  test('may lie in folders that are made later, one by one', async () => {
    const path = join(folder, 'a/b/c')
    const onReady = vi.fn()
    const watch = watchReadiness({ path }, context, onReady)
    mkdirSync(join(folder, 'a'))
    await new Promise(setImmediate)
    mkdirSync(join(folder, 'a/b'))
    expect(onReady).not.toHaveBeenCalled()
    writeFileSync(path, '')
    await vi.waitFor(() => expect(onReady).toHaveBeenCalledOnce(), { timeout: 60_000 })
    watch.stop()
  })

  test('that was there before must change', async () => {
    const path = join(folder, 'old')
    writeFileSync(path, 'old')
    const onReady = vi.fn()
    const watch = watchReadiness({ path }, { ...context, before: pathState(path) }, onReady)
    await new Promise(setImmediate)
    expect(onReady).not.toHaveBeenCalled()
    writeFileSync(path, 'new')
    await vi.waitFor(() => expect(onReady).toHaveBeenCalledOnce(), { timeout: 60_000 })
    watch.stop()
  })
})

test('a socket that something listens on, and one that nothing does', async () => {
  const path = join(folder, 'socket')
  const server = createServer().listen(path)
  await once(server, 'listening')
  expect(listensAt(path)).toBe(true)
  expect(listensAt(join(folder, 'other'))).toBeUndefined()
  const before = process.cwd()
  process.chdir(folder)
  const relative = createServer().listen('relative-name')
  await once(relative, 'listening')
  process.chdir(before)
  expect(listensAt(join(folder, 'relative-name'))).toBe(true)
  server.close()
  relative.close()
})
