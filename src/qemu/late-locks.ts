/**
 * Locks on files that QEMU opens while it runs. QEMU takes none itself, and a lock that bringup took would end with
 * bringup. So `flock` takes it and becomes a `cat` that reads from the other end of a socket that QEMU inherited: it
 * ends, and the lock with it, when QEMU has really gone, however either of them dies.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { BringupError } from '../diagnostics.ts'
import { heldFor } from '../host/file-locks.ts'
import type { FileLock } from '../machine/device.ts'

/** A lock that is held until QEMU ends, or until it is let go. */
export interface LateLock {
  /** Resolves when the holder has gone. */
  readonly ended: Promise<void>
  release(): Promise<void>
}

/**
 * Takes the lock, and resolves when it is held.
 *
 * @param life Ends with QEMU: bringup's end of a socket pair that nothing is ever written to
 * @param owner The process that has the file open, for the finding that names the holder
 * @param flock The words that take the lock and go on with another command
 * @param refused Turns the end of `flock` into what to throw
 */
export async function holdLock(
  life: Duplex,
  owner: number,
  flock: readonly string[],
  refused: (status: number | null, stderr: string) => BringupError,
): Promise<LateLock> {
  // It prints its name once it has the lock, then waits for the end of the socket.
  const [program = '', ...args] = [...flock, 'cat', '/proc/self/comm', '-']
  const holder = spawn(program, args, {
    stdio: [life, 'pipe', 'pipe'],
    // Ctrl-C on the terminal is not its to hear.
    detached: true,
    env: { ...process.env, LC_ALL: 'C', LANGUAGE: undefined, ...heldFor(owner) },
  })
  let stderr = ''
  holder.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = endOf(holder)
  const isHeld = await Promise.race([
    once(holder.stdout as NodeJS.ReadableStream, 'data').then(() => true),
    ended.then(() => false),
  ])
  if (!isHeld) throw refused(holder.exitCode, stderr)
  holder.stdout?.resume()
  return {
    ended,
    async release() {
      holder.kill()
      await ended
    },
  }
}

function endOf(holder: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    holder.once('error', () => resolve())
    holder.once('close', () => resolve())
  })
}

/** Takes several, all or none. */
export async function holdLocks(
  locks: readonly FileLock[],
  hold: (lock: FileLock) => Promise<LateLock>,
): Promise<readonly LateLock[]> {
  const held: LateLock[] = []
  try {
    for (const lock of locks) held.push(await hold(lock))
    return held
  } catch (error) {
    await Promise.all(held.map((lock) => lock.release()))
    throw error
  }
}
