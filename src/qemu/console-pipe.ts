/**
 * A pipe for what QEMU writes to the console. Node gives child processes sockets, and each byte that QEMU writes takes a
 * buffer of its own in one: it is full with 278 bytes, and a serial port then loses what the guest prints without waiting,
 * such as the lines of a panic. A pipe takes 64 KiB (pipe(7)).
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
  unlinkSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'

export interface ConsolePipe {
  readonly output: Socket
  /** For QEMU. Close it here once QEMU has been started. */
  readonly fd: number
}

/** Starting a program takes longer than all the rest: so many are made at once. */
const STOCK = 16

/**
 * Takes a pipe from the stock in that folder, and makes a new stock where it is empty. Undefined on file systems without
 * pipes: then the console is a socket.
 */
export async function openConsolePipe(folder: string): Promise<ConsolePipe | undefined> {
  return taken(folder) ?? ((await fill(folder)) ? taken(folder) : undefined)
}

/** The pipe belongs to the process that removes its name. */
function taken(folder: string): ConsolePipe | undefined {
  for (const name of namesIn(folder)) {
    const ends: number[] = []
    try {
      const path = join(folder, name)
      ends.push(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
      ends.push(openSync(path, constants.O_WRONLY))
      if (!ends.every((end) => fstatSync(end).isFIFO())) throw new Error(`${path} is no pipe`)
      unlinkSync(path)
      const [output = -1, fd = -1] = ends
      return { output: new Socket({ fd: output, readable: true, writable: false }), fd }
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
