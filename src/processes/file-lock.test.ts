import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { withLock } from './file-lock.ts'
import { isLock, LOCK_TAKEN, takeLock } from './flock.ts'

const folder = mkdtempSync(join(tmpdir(), 'a lock, '))
const file = join(folder, 'lock')
afterAll(() => rmSync(folder, { recursive: true }))

test('a lock that another has is an answer, and is free once that is let go', async () => {
  await withLock(file, async () => {
    expect(await takeLock(file)).toEqual({ status: LOCK_TAKEN, why: '' })
  })
  const lock = await takeLock(file)
  expect(isLock(lock)).toBe(true)
  if (isLock(lock)) await lock[Symbol.asyncDispose]()
  expect(await takeLock(join(folder, 'none', 'here'))).toMatchObject({
    why: expect.stringContaining('No such'),
  })
})

test('waiting ends with the signal, whose reason is the error; so is that of work that it interrupts', async () => {
  const control = new AbortController()
  await withLock(file, async () => {
    const waiting = withLock(file, async () => 'never', control.signal)
    control.abort(new Error('interrupted'))
    await expect(waiting).rejects.toThrow('interrupted')
  })
  const other = new AbortController()
  const work = withLock(
    file,
    async () => {
      other.abort(new Error('by Ctrl-C'))
      throw new Error('a child was killed')
    },
    other.signal,
  )
  await expect(work).rejects.toThrow('by Ctrl-C')
  await expect(withLock(file, () => Promise.reject(new Error('its own')))).rejects.toThrow('its own')
})

test('waits on where a signal from outside ends flock, as Slurm does with all processes of a job', async () => {
  const order: string[] = []
  let waiting: Promise<void> | undefined
  await withLock(file, async () => {
    waiting = withLock(file, async () => void order.push('second'))
    for (let i = 0; i < 3; i++) await endFlock()
    order.push('first')
  })
  await waiting
  expect(order).toEqual(['first', 'second'])
})

/** Ends the flock that this process waits for. */
async function endFlock(): Promise<void> {
  for (;;) {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
    const waits = children.find((pid) => wordsOf(pid)[0] === 'flock')
    if (waits !== undefined) {
      process.kill(Number(waits), 'SIGTERM')
      while (wordsOf(waits)[0] === 'flock') await new Promise((resolve) => setImmediate(resolve))
      return
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Empty for a process that has ended. */
function wordsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
