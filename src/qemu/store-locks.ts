/**
 * Locks on backing files, which QEMU does not take itself. Those of the machine as described are taken in the chain of
 * `exec` that becomes QEMU. A file that is plugged while it runs is locked by a process that reads from the other end of
 * a socket that QEMU inherited: it ends, and the lock with it, when QEMU has gone, also when bringup is killed.
 */
import type { Duplex } from 'node:stream'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { heldFor, lockHolder } from '../host/file-locks.ts'
import type { FileLock } from '../machine/device.ts'
import { isLock, LOCK_TAKEN, type Lock, takeLock } from '../processes/flock.ts'

export const problems = defineDiagnostics({
  STORE_LOCKED: {
    title: 'Another run uses a backing file of this machine.',
    why: 'two machines on one store would corrupt it; QEMU itself does not notice for NVDIMMs',
    remedy:
      'wait for the other run or end it; set `shared: true` in both descriptions if both may use the file at the same time',
    source: 'flock(2); QEMU takes no lock on memory-backend-file',
  },
  STORE_NOT_LOCKED: {
    title: 'A backing file could not be opened to lock it.',
    why: 'without the lock a second run could write to the same store',
    remedy:
      'let this user open the file, or name another; on a network file system without locks, copy the store to a local disk',
    source: 'flock(1), open(2)',
  },
})

/**
 * Takes locks of files that a running QEMU is to open; all or none.
 *
 * @param life Ends with QEMU: bringup's end of a socket pair that nothing is ever written to
 * @param owner The process that has the files open, for the finding that names the holder
 * @throws BringupError STORE_LOCKED, STORE_NOT_LOCKED
 */
export async function holdLocks(
  locks: readonly FileLock[],
  life: Duplex,
  owner: number,
): Promise<readonly Lock[]> {
  const held: Lock[] = []
  try {
    for (const lock of locks) held.push(await holdLock(lock, life, owner))
    return held
  } catch (error) {
    await Promise.all(held.map((lock) => lock[Symbol.asyncDispose]()))
    throw error
  }
}

async function holdLock(lock: FileLock, life: Duplex, owner: number): Promise<Lock> {
  const { path, mode } = lock
  const answer = await takeLock(path, { mode, life, environment: heldFor(owner) })
  if (isLock(answer)) return answer
  throw new BringupError(
    answer.status === LOCK_TAKEN
      ? heldByOthers([lock])
      : [problems.STORE_NOT_LOCKED.at('', `${path}: ${answer.why}`)],
  )
}

/** Why flock in the chain that becomes QEMU took no lock; nothing when it was not flock that ended. */
export function lockRefusals(
  status: number | null,
  stderr: string,
  locks: readonly FileLock[],
): readonly Diagnostic[] {
  if (status === LOCK_TAKEN && locks.length > 0) return heldByOthers(locks)
  const unlocked = /^flock: (cannot open lock file .*|[^:]*: (?!failed to execute).*lock.*)$/m.exec(stderr)
  return unlocked ? [problems.STORE_NOT_LOCKED.at('', unlocked[1] ?? '')] : []
}

/** Names who holds which. The holder may have gone since: then all that is known is that one of the files was locked. */
function heldByOthers(locks: readonly FileLock[]): readonly Diagnostic[] {
  const held = locks.flatMap((lock) => {
    const holder = lockHolder(lock.path)
    if (!holder || (holder.mode === 'read' && lock.mode === 'shared')) return []
    return [problems.STORE_LOCKED.at('', `${lock.path} is held by process ${holder.pid} (${holder.command})`)]
  })
  const unknown = `another process holds ${locks.map((l) => l.path).join(' or ')}`
  return held.length > 0 ? held : [problems.STORE_LOCKED.at('', unknown)]
}
