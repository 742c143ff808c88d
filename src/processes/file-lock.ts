/** One process at a time does a piece of work. */
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder, OWN_FILE } from '../own-files.ts'
import { isLock, takeLock } from './flock.ts'

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
  const lock = await takeLock(path, { waits: true, signal })
  signal?.throwIfAborted()
  if (!isLock(lock)) throw new Error(`flock ${path} ended with ${lock.status}: ${lock.why}`)
  await using _ = lock
  try {
    return await work()
  } catch (error) {
    // What an interrupted piece of work fails with says less than why it was interrupted.
    signal?.throwIfAborted()
    throw error
  }
}
