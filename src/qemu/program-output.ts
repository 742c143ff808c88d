/** Runs a program for what it prints: with a deadline, an abort, and an end for all that it started. */
import { spawn } from 'node:child_process'

/** More than QEMU's lists have; a program that prints forever is not asked further. */
const MOST_BYTES = 4 * 1024 * 1024

/**
 * Standard output until the program ends, until the deadline or until it is aborted. Empty where it cannot be started.
 *
 * @throws the signal's reason when aborted
 */
export async function outputOf(
  [path = '', ...args]: readonly string[],
  { withinMs, signal }: { readonly withinMs: number; readonly signal?: AbortSignal | undefined },
): Promise<string> {
  signal?.throwIfAborted()
  // A group of its own, so that what it starts ends with it.
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  let text = ''
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      if (child.pid !== undefined) killGroup(child.pid)
      child.stdout.destroy()
      resolve()
    }
    const timer = setTimeout(end, withinMs)
    signal?.addEventListener('abort', end, { once: true })
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.length > MOST_BYTES) end()
    })
    child.once('error', end)
    child.once('close', end)
  })
  signal?.throwIfAborted()
  return text
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // All of it has ended.
  }
}
