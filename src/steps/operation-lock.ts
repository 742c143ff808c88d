/** One operation at a time: a lock that ends with this process, however it ends. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { makeFolder } from '../own-files.ts'
import { isLock, LOCK_TAKEN, takeLock } from '../processes/flock.ts'

export const problems = defineDiagnostics({
  JOURNAL_UNWRITABLE: {
    title: 'The journal of changes cannot be written.',
    why: 'every change is recorded before it is made',
    remedy: 'make the folder writable, or set XDG_STATE_HOME to one that is',
  },
  OPERATION_RUNNING: {
    title: 'Another bringup of this user is changing this computer.',
    why: 'two changes at once could undo each other',
    remedy: 'wait until it has ended, then run this again',
  },
})

/**
 * Takes the lock of the journal's folder.
 *
 * @throws BringupError OPERATION_RUNNING, JOURNAL_UNWRITABLE
 */
export async function lockOperations(root: string): Promise<AsyncDisposable> {
  try {
    makeFolder(root)
    accessSync(root, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new BringupError([problems.JOURNAL_UNWRITABLE.at('', `${root} cannot be written to (${code})`)])
  }
  const lock = await takeLock(join(root, '.lock'))
  if (isLock(lock)) return lock
  if (lock.status !== LOCK_TAKEN) throw new Error(`flock ended with ${lock.status}: ${lock.why}`)
  throw new BringupError([problems.OPERATION_RUNNING.at('', 'an operation is going on')])
}
