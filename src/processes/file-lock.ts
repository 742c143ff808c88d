/** One process at a time: a lock that dies with its holder, so nothing stale can be left. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder, OWN_FILE } from '../own-files.ts'

/**
 * Runs `work` while holding an exclusive lock on a file.
 *
 * The lock is held by `flock FILE cat`: cat answers once the lock is taken, and ends when this process closes its
 * input, also when it is killed.
 *
 * @param signal Ends the waiting for the lock; `work` has to follow it by itself.
 * @throws the system's error if the file of the lock or flock(1) cannot be opened
 */
export async function withLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  makeFolder(dirname(path))
  // Node's error names the path and the reason, flock's only a status.
  closeSync(openSync(path, 'a', OWN_FILE))
  const holder = spawn('flock', ['--exclusive', '--no-fork', path, 'cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // Ctrl-C on the terminal must not release the lock before the work has ended.
    detached: true,
  })
  const ended = new Promise<void>((resolve) => {
    holder.once('close', () => resolve())
    holder.once('error', () => resolve())
  })
  const taken = new Promise<void>((resolve, reject) => {
    holder.stdout?.once('data', () => resolve())
    holder.once('error', reject)
    holder.once('close', (code) => reject(new Error(`flock ${path} ended with ${code}`)))
  })
  taken.catch(() => {})
  holder.stdin?.on('error', () => {})
  holder.stdin?.write('taken\n')
  const giveUp = () => holder.kill()
  signal?.addEventListener('abort', giveUp, { once: true })
  if (signal?.aborted) giveUp()
  try {
    await taken.finally(() => signal?.removeEventListener('abort', giveUp))
    return await work()
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    holder.stdin?.end()
    await ended
  }
}
