/** One operation at a time: a lock that ends with this process, however it ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { makeFolder } from '../own-files.ts'

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

const CONFLICT = 75

/**
 * Takes the lock. flock(1) becomes a `cat` that holds it, and that ends when its standard input does: with us.
 *
 * @throws BringupError OPERATION_RUNNING
 */
export async function lockOperations(root: string): Promise<Disposable> {
  try {
    makeFolder(root)
    accessSync(root, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new BringupError([problems.JOURNAL_UNWRITABLE.at('', `${root} cannot be written to (${code})`)])
  }
  const args = ['--nonblock', '--no-fork', '--conflict-exit-code', `${CONFLICT}`, join(root, '.lock'), 'cat']
  const holder = spawn('flock', args, { stdio: ['pipe', 'pipe', 'ignore'], detached: true })
  holder.stdin.on('error', () => {})
  holder.stdin.write('locked\n')
  const ended = once(holder, 'close')
  const won = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!won) {
    if (holder.exitCode !== CONFLICT) throw new Error(`flock ended with ${holder.exitCode}`)
    throw new BringupError([problems.OPERATION_RUNNING.at('', 'an operation is going on')])
  }
  holder.unref()
  return { [Symbol.dispose]: () => void holder.stdin.end() }
}
