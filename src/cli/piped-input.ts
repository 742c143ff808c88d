/** Standard input that is a pipe or a file: typed into the guest's console, or read by the command in the guest. */
import { fstatSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { Guest } from '../guest/guest.ts'

/**
 * True where input was given. `/dev/null` and a standard input that is closed (Node opens `/dev/null` in its place)
 * are devices, a terminal is one too.
 */
export function isPiped(fd = 0): boolean {
  try {
    const stat = fstatSync(fd)
    return stat.isFIFO() || stat.isFile() || stat.isSocket()
  } catch {
    return false
  }
}

/**
 * Types what is piped in as fast as the guest takes it. The end of the input is not the end of the guest.
 * A kernel empties the serial port when it first opens it, so a guest that has a command channel has to answer there
 * before anything is typed.
 *
 * @returns What ends it, so that an input that never ends does not keep the process.
 */
export function typeInto(guest: Pick<Guest, 'console' | 'run'>, input: Readable): () => void {
  const type = async () => {
    await guest.run(['true']).catch(() => {})
    for await (const chunk of input)
      await new Promise<void>((resolve) => guest.console.write(chunk as Buffer, () => resolve()))
  }
  // What cannot be read any more has ended; so has what was taken away.
  type().catch(() => {})
  return () => void input.destroy()
}
