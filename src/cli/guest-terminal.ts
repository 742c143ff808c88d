/** A command on a terminal of the guest, tied to this terminal: `bringup run --profile linux -- sh`. */
import { BringupError } from '../diagnostics.ts'
import type { Guest, GuestTerminal } from '../guest/guest.ts'
import type { GuestResult } from '../guest/record.ts'
import type { BootProgress } from './boot-progress.ts'
import type { Output } from './output.ts'
import { attachTerminal } from './terminal.ts'
import { watchModes } from './terminal-modes.ts'

const CTRL_C = 3
const NEWLINE = 10

/** True where a person sits at both ends: only then a command in the guest gets a terminal. */
export function isAtTerminal({ isJson }: Pick<Output, 'isJson'>): boolean {
  // In this order: making the stream of the input takes 2 ms.
  return !isJson && process.stdout.isTTY === true && process.stdin.isTTY === true
}

export interface SessionOptions {
  readonly progress: BootProgress
  /** Where the command runs: `/` unless set. */
  readonly cwd: string | undefined
  /** The guest may restart: the command is run again then. */
  readonly mayRestart: boolean
  /** What is left to be done in the guest when the command has ended. */
  readonly beforeEnd?: () => Promise<void>
}

/**
 * Runs a command on a terminal of the guest and ends the run with its exit code. Keys go to the command, except those
 * after Ctrl-A. Ctrl-C ends the run until the command has begun.
 *
 * @throws BringupError GUEST_TERMINAL_FAILED
 */
export async function runOnTerminal(
  guest: Guest,
  argv: readonly string[],
  { progress, cwd, mayRestart, beforeEnd }: SessionOptions,
): Promise<GuestResult> {
  const { stdin, stdout } = process
  const screen = openScreen(stdout)
  let terminal: GuestTerminal | undefined
  const early: Uint8Array[] = []
  const detach = attachTerminal(stdin, {
    send: (bytes) => {
      if (terminal) terminal.console.write(bytes)
      else if (bytes.includes(CTRL_C)) void guest.interrupt()
      else early.push(bytes)
    },
    end: () => void guest.interrupt(),
    reset: () => void guest.reboot().catch(() => {}),
    say: (text) => void stdout.write(text),
  })
  const onResize = () => terminal?.resize(sizeOf(stdout))
  stdout.on('resize', onResize)
  try {
    for (;;) {
      terminal = await guest.terminal(argv, {
        ...sizeOf(stdout),
        term: process.env.TERM || 'dumb',
        env: ENV,
        ...(cwd === undefined ? {} : { cwd }),
      })
      progress.clear()
      terminal.console.onChunk(screen.write)
      for (const bytes of early.splice(0)) terminal.console.write(bytes)
      const code = await terminal.ended.catch((error: unknown) => {
        if (mayRestart && !isFailure(error)) return undefined
        throw error
      })
      if (code === undefined) continue
      await beforeEnd?.()
      return await guest.endWith(code)
    }
  } catch (error) {
    if (isFailure(error)) {
      await guest.close()
      throw error
    }
    // The guest ended first: its verdict says why.
    return await guest.done
  } finally {
    progress.clear()
    stdout.off('resize', onResize)
    detach()
    screen.restore()
  }
}

const ENV = { PS1: 'guest:\\w\\$ ', LANG: 'C.UTF-8' }

/** The guest could not open a terminal, and still runs. */
function isFailure(error: unknown): boolean {
  return error instanceof BringupError && error.diagnostics.some((d) => d.code === 'GUEST_TERMINAL_FAILED')
}

function sizeOf({ rows, columns }: NodeJS.WriteStream): { readonly rows: number; readonly columns: number } {
  return { rows: rows || 24, columns: columns || 80 }
}

/** Shows bytes as they are, and leaves the terminal as it was, at the start of a line. */
function openScreen(stream: NodeJS.WriteStream) {
  const modes = watchModes()
  let last = NEWLINE
  return {
    write: (chunk: Uint8Array) => {
      modes.take(chunk)
      last = chunk.at(-1) ?? last
      stream.write(chunk)
    },
    restore: () => {
      stream.write(modes.reset())
      if (last !== NEWLINE) stream.write('\n')
    },
  }
}
