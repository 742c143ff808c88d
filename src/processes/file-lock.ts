/** One process at a time does a piece of work. */
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder, OWN_FILE } from '../own-files.ts'
import { isLock, type Lock, takeLock } from './flock.ts'

/**
 * Runs `work` while holding an exclusive lock on a file, which is made if it is not there.
 *
 * @param signal Ends the waiting for the lock; `work` has to follow it by itself.
 * @throws the system's error if the file of the lock or flock(1) cannot be opened
 */
export async function withLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  makeFolder(dirname(path))
  // Node's error names the path and the reason, flock's only a status.
  closeSync(openSync(path, 'a', OWN_FILE))
  await using _ = await heldLock(path, signal)
  try {
    return await work()
  } catch (error) {
    // What an interrupted piece of work fails with says less than why it was interrupted.
    signal?.throwIfAborted()
    throw error
  }
}

/** A flock that another process has ended says nothing about the lock: Slurm signals every process of a job. */
async function heldLock(path: string, signal: AbortSignal | undefined): Promise<Lock> {
  for (;;) {
    const lock = await takeLock(path, { waits: true, signal })
    if (isLock(lock)) {
      if (signal?.aborted) await lock[Symbol.asyncDispose]()
      signal?.throwIfAborted()
      return lock
    }
    signal?.throwIfAborted()
    if (lock.endedBy === undefined) throw new Error(`flock ${path} ended with ${lock.status}: ${lock.why}`)
  }
}
