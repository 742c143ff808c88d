/**
 * Pipes for what QEMU writes to the console, and to serial ports beyond it. Node gives child processes sockets, and each byte
 * that QEMU writes takes a buffer of its own in one: it is full with 278 bytes, and a serial port then loses what the guest
 * prints without waiting, such as the lines of a panic. A pipe takes 64 KiB (pipe(7)).
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { type Channel, option } from '../machine/device.ts'

export interface ConsolePipe {
  readonly output: Socket
  /** For QEMU. Close it here once QEMU has been started. */
  readonly fd: number
}

/** What QEMU has beside its console, on pipes. */
export interface PipedChannel {
  readonly output: Socket
  /** Absent where QEMU reads nothing. */
  readonly input?: Socket
  /** For QEMU, in this order. Close them here once QEMU has been started. */
  readonly fds: readonly number[]
  /** The value of `-chardev`, with the numbers that the descriptors have in QEMU. */
  readonly chardev: (numbers: readonly number[]) => string
}

/** Starting a program takes longer than all the rest: so many are made at once. */
const STOCK = 16

/**
 * Takes a pipe from the stock in that folder, and makes a new stock where it is empty. Undefined on file systems without
 * pipes: then the console is a socket.
 */
export async function openConsolePipe(folder: string): Promise<ConsolePipe | undefined> {
  const ends = await openPipe(folder)
  if (!ends) return undefined
  return { output: new Socket({ fd: ends.reader, readable: true, writable: false }), fd: ends.writer }
}

/**
 * Pipes for a channel whose device does not wait for its reader. Undefined as for the console: then it is a socket.
 *
 * QEMU opens a pipe by a name. The names are links to descriptors of the process that opens them: QEMU's own, which only
 * it has.
 */
export async function openPipedChannel(
  { id, hasNoWait }: Channel,
  folder: string,
): Promise<PipedChannel | undefined> {
  const out = hasNoWait === undefined ? undefined : await openConsolePipe(folder)
  if (!out) return undefined
  if (hasNoWait === 'out')
    return {
      output: out.output,
      fds: [out.fd],
      chardev: ([fd]) => optionValue('file', { id, path: `/proc/self/fd/${fd}` }),
    }
  const into = await openPipe(folder)
  if (!into) {
    out.output.destroy()
    closeSync(out.fd)
    return undefined
  }
  return {
    output: out.output,
    input: new Socket({ fd: into.writer, readable: false, writable: true }),
    fds: [into.reader, out.fd],
    chardev: ([reader = -1, writer = -1]) =>
      optionValue('pipe', { id, path: linked(`${folder}-by-number`, reader, writer) }),
  }
}

const optionValue = (head: string, keys: Readonly<Record<string, string>>) =>
  option('-chardev', head, keys)[1] ?? ''

/** QEMU adds `.in` and `.out` to the path (qemu_chr_open_pipe in chardev/char-pipe.c). */
function linked(folder: string, reader: number, writer: number): string {
  const path = join(folder, `${reader}-${writer}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const [ending, fd] of [
    ['in', reader],
    ['out', writer],
  ] as const)
    try {
      symlinkSync(`/proc/self/fd/${fd}`, `${path}.${ending}`)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  return path
}

interface Ends {
  readonly reader: number
  readonly writer: number
}

async function openPipe(folder: string): Promise<Ends | undefined> {
  return taken(folder) ?? ((await fill(folder)) ? taken(folder) : undefined)
}

/** The pipe belongs to the process that removes its name. */
function taken(folder: string): Ends | undefined {
  for (const name of namesIn(folder)) {
    const ends: number[] = []
    try {
      const path = join(folder, name)
      ends.push(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
      ends.push(openSync(path, constants.O_WRONLY))
      if (!ends.every((end) => fstatSync(end).isFIFO())) throw new Error(`${path} is no pipe`)
      unlinkSync(path)
      const [reader = -1, writer = -1] = ends
      return { reader, writer }
    } catch {
      // Another process has taken it, or it is another kind of file.
      for (const end of ends) closeSync(end)
    }
  }
  return undefined
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

async function fill(folder: string): Promise<boolean> {
  const name = randomBytes(8).toString('hex')
  const paths = Array.from({ length: STOCK }, (_, i) => join(folder, `${name}-${i}`))
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch {
    return false
  }
  // Without -m, which is a chmod of its own: another process may have taken the name by then. The folder is private.
  const made = spawn('mkfifo', ['--', ...paths], { stdio: 'ignore' })
  const [status] = await once(made, 'exit').catch(() => [null])
  if (status === 0) return true
  for (const path of paths) rmSync(path, { force: true })
  return false
}
