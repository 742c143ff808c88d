/** A guard beside a build: it holds the project's build lock, and ends what a build has started with bringup. */
import type { ChildProcess } from 'node:child_process'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { lockHolder } from '../host/file-locks.ts'
import { makeFolder } from '../own-files.ts'
import { type Guard, startGuard } from '../processes/guard.ts'

export const problems = defineDiagnostics({
  BUILD_NOT_LOCKED: {
    title: 'The lock of the project’s builds could not be taken.',
    why: 'two builds at once in one project would write to the same files',
    remedy:
      'let this user write to the project’s folder, or keep state elsewhere with --state; flock(1) must be installed',
    source: 'flock(1)',
  },
})

/** Disposing of it ends it; the lock is free then. */
export interface Guardian extends AsyncDisposable, Pick<Guard, 'environment' | 'watch' | 'release'> {}

/**
 * Takes the lock, waiting for a build that holds it.
 *
 * @param onWait Told once, with who holds the lock, when it has to be waited for.
 * @throws BringupError BUILD_NOT_LOCKED; the reason of `signal` when that is aborted while waiting
 */
export async function startGuardian(
  lockFile: string,
  { signal, onWait }: { readonly signal: AbortSignal; readonly onWait: (holder: string) => void },
): Promise<Guardian> {
  signal.throwIfAborted()
  makeFolder(dirname(lockFile))
  const holder = lockHolder(lockFile)
  if (holder) onWait(`process ${holder.pid} (${holder.command})`)
  const guard = startGuard({ graceMs: 0, lockFile })
  await locked(guard.process, signal)
  return {
    ...guard,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => guard.process.once('close', resolve))
      guard[Symbol.dispose]()
      await ended
    },
  }
}

function locked(child: ChildProcess, signal: AbortSignal): Promise<void> {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      child.kill('SIGKILL')
      reject(signal.reason)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    const refuse = (why: string) => reject(new BringupError([problems.BUILD_NOT_LOCKED.at('', why)]))
    child.once('error', (error) => refuse(`flock could not be started: ${error.message}`))
    child.once('close', (status) => refuse(stderr.trim() || `flock ended with ${status}`))
    if (child.stdout)
      createInterface({ input: child.stdout }).once('line', () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      })
  })
}
