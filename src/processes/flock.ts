/**
 * Locks on files, by flock(1): it takes the lock, then becomes a program that holds it for as long as it runs. Nothing
 * stale can be left, however the holder ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'

/** Exit status that flock is told to use when another process has the lock. */
export const LOCK_TAKEN = 77

export interface LockOptions {
  /** Default `exclusive`. */
  readonly mode?: 'exclusive' | 'shared'
  /** Waits for a lock that another process has. Default: that is an answer. */
  readonly waits?: boolean
}

/** The words that take the lock; they stand before a command, which then holds it. */
export function flockWords(
  path: string,
  { mode = 'exclusive', waits = false }: LockOptions = {},
): readonly string[] {
  const atOnce = waits ? [] : ['--nonblock', '--conflict-exit-code', `${LOCK_TAKEN}`]
  return ['flock', '--no-fork', `--${mode}`, ...atOnce, path]
}

/** A lock that is held until it is let go, or until this process ends. */
export interface Lock extends AsyncDisposable {
  /** Resolves when its holder has gone. */
  readonly ended: Promise<void>
}

/** Why there is no lock. */
export interface LockRefusal {
  /** Of flock; {@link LOCK_TAKEN} when another process has the lock; null when it could not be started or was killed. */
  readonly status: number | null
  /** What ended flock, where something did: not necessarily this process. */
  readonly endedBy?: NodeJS.Signals
  /** What flock said. */
  readonly why: string
}

export interface HolderOptions extends LockOptions {
  /** More of the environment of the holder. */
  readonly environment?: Readonly<Record<string, string>>
  /** The holder ends when this ends, as well as when it is let go. Default: a pipe from this process. */
  readonly life?: Duplex
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

/** Takes the lock: flock becomes a `cat` that says its name, then reads until its input ends. */
export async function takeLock(
  path: string,
  { environment, life, signal, ...options }: HolderOptions = {},
): Promise<Lock | LockRefusal> {
  const [program = '', ...args] = [...flockWords(path, options), 'cat', '/proc/self/comm', '-']
  const holder = spawn(program, args, {
    stdio: [life ?? 'pipe', 'pipe', 'pipe'],
    // Ctrl-C on the terminal must not release the lock before the work has ended.
    detached: true,
    env: { ...process.env, LC_ALL: 'C', LANGUAGE: undefined, ...environment },
  })
  let why = ''
  holder.stderr?.setEncoding('utf8').on('data', (text: string) => {
    why += text
  })
  holder.once('error', (error) => {
    why = error.message
  })
  holder.stdin?.on('error', () => {})
  const ended = endOf(holder)
  const giveUp = () => holder.kill()
  signal?.addEventListener('abort', giveUp, { once: true })
  if (signal?.aborted) giveUp()
  const said = once(holder.stdout as NodeJS.ReadableStream, 'data').then(
    () => true,
    () => false,
  )
  const isHeld = await Promise.race([said, ended.then(() => false)])
  signal?.removeEventListener('abort', giveUp)
  if (!isHeld) {
    const { exitCode: status, signalCode } = holder
    return { status, why: why.trim(), ...(signalCode === null ? {} : { endedBy: signalCode }) }
  }
  holder.stdout?.resume()
  return {
    ended,
    async [Symbol.asyncDispose]() {
      if (life) holder.kill()
      else holder.stdin?.end()
      await ended
    },
  }
}

/** Whether the lock was taken. */
export const isLock = (answer: Lock | LockRefusal): answer is Lock => 'ended' in answer

function endOf(holder: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    holder.once('error', () => resolve())
    holder.once('close', () => resolve())
  })
}
