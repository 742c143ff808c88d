/** One process at a time fills the cache. The lock dies with its holder, so nothing stale can be left. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Runs `work` while holding an exclusive lock on a file.
 *
 * The lock is held by `flock FILE cat`: cat answers once the lock is taken, and ends when this process closes its
 * input, also when it is killed.
 *
 * @param signal Ends the waiting for the lock; `work` has to follow it by itself.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  mkdirSync(dirname(path), { recursive: true })
  const holder = spawn('flock', ['--exclusive', path, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = new Promise<void>((resolve) => holder.once('close', () => resolve()))
  const taken = new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve())
    holder.once('error', reject)
    holder.once('close', (code) => reject(new Error(`flock ${path} ended with ${code}`)))
  })
  taken.catch(() => {})
  holder.stdin.on('error', () => {})
  holder.stdin.write('taken\n')
  const giveUp = () => holder.kill()
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    await taken.finally(() => signal?.removeEventListener('abort', giveUp))
    return await work()
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    holder.stdin.end()
    await ended
  }
}
