import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freshLocks, heldFor, lockHolder, startReadingLocks } from './file-locks.ts'

test('names the process that holds the lock, and no process once it is gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'locks, '))
  const file = join(folder, 'a store.img')
  writeFileSync(file, '')
  expect(lockHolder(file)).toBeUndefined()
  const holder = spawn('flock', ['--no-fork', '--exclusive', file, 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  holder.stdin.write('ready')
  await once(holder.stdout, 'data')
  expect(lockHolder(file)).toEqual({ pid: holder.pid, mode: 'write', command: 'cat' })
  holder.stdin.end()
  await once(holder, 'close')
  expect(lockHolder(file)).toBeUndefined()
  rmSync(folder, { recursive: true })
})

test('what was read beside other work says the same, and is not believed for long', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'locks, '))
  const file = join(folder, 'store.img')
  const holder = spawn('flock', ['--no-fork', file, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  holder.stdin.write('ready')
  await once(holder.stdout, 'data')
  const reading = startReadingLocks()
  expect(lockHolder(file, await freshLocks(reading))?.pid).toBe(holder.pid)
  expect(await freshLocks({ ...reading, beganAt: performance.now() - 1000 })).toBeUndefined()
  holder.stdin.end()
  await once(holder, 'close')
  rmSync(folder, { recursive: true })
})

test('a waiter is not a holder, another inode is not this file, and an equal device wins', () => {
  const file = new URL(import.meta.url).pathname
  const { ino } = statSync(file)
  expect(
    lockHolder(
      file,
      `1: -> FLOCK  ADVISORY  WRITE 1 ff:ff:${ino} 0 EOF\n2: FLOCK  ADVISORY  READ 1 ff:ff:${ino + 1} 0 EOF\n`,
    ),
  ).toBeUndefined()
  expect(lockHolder(file, `1: FLOCK  ADVISORY  READ 999999999 ff:ff:${ino} 0 EOF\n`)).toEqual({
    pid: 999999999,
    mode: 'read',
    command: '?',
  })
  expect(lockHolder('/no/such/file')).toBeUndefined()
})

test('a process that only holds a lock for another is not named, but the other is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'locks, '))
  const file = join(folder, 'store.img')
  const holder = spawn('flock', ['--no-fork', file, 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...heldFor(process.pid) },
  })
  holder.stdin.write('ready')
  await once(holder.stdout, 'data')
  expect(lockHolder(file)?.pid).toBe(process.pid)
  holder.stdin.end()
  await once(holder, 'close')
  rmSync(folder, { recursive: true })
})
