/** Holds a store while it is looked after, with the same lock that QEMU holds while a machine runs. */
import { BringupError } from '../diagnostics.ts'
import { heldFor, lockHolder } from '../host/file-locks.ts'
import { isLock, LOCK_TAKEN, type LockRefusal, takeLock } from '../processes/flock.ts'
import { problems } from './problems.ts'

/**
 * Takes the lock, or says who has it. The lock goes when it is disposed of, and with this process, however it ends.
 *
 * @param mode `shared` lets others read, and machines run that share the store
 * @throws BringupError STORE_IN_USE, STORE_OPERATION_FAILED
 */
export async function lockStore(path: string, mode: 'exclusive' | 'shared'): Promise<AsyncDisposable> {
  const lock = await takeLock(path, { mode, environment: heldFor(process.pid) })
  if (!isLock(lock)) throw new BringupError([refusal(path, lock)])
  return lock
}

function refusal(path: string, { status, why }: LockRefusal) {
  if (status !== LOCK_TAKEN) return problems.STORE_OPERATION_FAILED.at('', why)
  const holder = lockHolder(path)
  const who = holder && holder.pid > 0 ? `process ${holder.pid} (${holder.command})` : 'another process'
  return problems.STORE_IN_USE.at('', `${path} is held by ${who}`)
}
