/** One guest on this terminal: its console, or a command in it with this process's input and output. */
import type { Guest } from '../guest/guest.ts'
import type { GuestResult } from '../guest/record.ts'
import { foldersOf, inGuest } from '../machine/devices/folder-schema.ts'
import { viewOf } from '../machine/machine.ts'
import type { BootProgress } from './boot-progress.ts'
import type { Output } from './output.ts'
import { isPiped, typeInto } from './piped-input.ts'
import { attachTerminal } from './terminal.ts'
import { guardTerminal } from './terminal-modes.ts'
import { withoutQueries } from './terminal-queries.ts'

/** Follows the console until the guest has ended. */
export async function followConsole(guest: Guest, isInteractive: boolean): Promise<GuestResult> {
  const detach = attach(guest, isInteractive)
  try {
    return await guest.done
  } finally {
    detach()
  }
}

/** A terminal is tied to a console that is shown; what is piped in is typed, shown or not. */
function attach(guest: Guest, isInteractive: boolean): () => void {
  if (isPiped()) return typeInto(guest, process.stdin)
  if (!isInteractive) return () => {}
  return attachTerminal(process.stdin, {
    send: (bytes) => guest.console.write(bytes),
    end: () => void guest.interrupt(),
    reset: () => void guest.reboot().catch(() => {}),
    say: (text) => void process.stdout.write(text),
  })
}

/** This folder as the guest sees it; undefined where it is not shared. */
export function placeInGuest({ plan }: Guest): string | undefined {
  return inGuest(process.cwd(), foldersOf(viewOf(plan.name, plan.machine)))
}

/** What is piped in is the command's input, its output is this process's output, its exit code this process's. */
export async function runCommand(
  guest: Guest,
  argv: readonly string[],
  output: Output,
  beforeEnd: () => Promise<void> = async () => {},
): Promise<GuestResult> {
  const live = output.isJson
    ? {}
    : {
        onStdout: passTo(process.stdout),
        onStderr: passTo(process.stderr),
      }
  try {
    const cwd = placeInGuest(guest)
    const { exitCode } = await guest.run(argv, {
      ...live,
      ...(cwd === undefined ? {} : { cwd }),
      ...(isPiped() ? { stdin: process.stdin } : {}),
    })
    await beforeEnd()
    return await guest.endWith(exitCode)
  } catch {
    // The guest ended first: its verdict says why.
    return guest.done
  } finally {
    // An input that never ends would keep this process.
    if (isPiped()) process.stdin.destroy()
  }
}

/** What the guest says, as it is: the terminal is the guest's until it ends, and is put back then. */
export function passTo(stream: NodeJS.WriteStream, progress?: BootProgress): (chunk: Uint8Array) => void {
  const watch = guardTerminal(stream)
  const shown = stream.isTTY && isPiped() ? withoutQueries() : (chunk: Uint8Array) => chunk
  return (chunk) => {
    progress?.clear()
    watch?.(chunk)
    stream.write(shown(chunk))
  }
}
