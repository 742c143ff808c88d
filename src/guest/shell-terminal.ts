/** A command on a terminal of the guest: one stream each way, and the window's size. */
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import type { BringupError } from '../diagnostics.ts'
import { Console } from './console.ts'
import type { GuestTerminal } from './guest.ts'
import type { Session, SessionOptions } from './shell-session.ts'

const SIGHUP = 1

/**
 * Connects a console to a session on a terminal.
 *
 * @param begin Starts the session with these streams.
 * @param notStarted The error for a command that the guest could not start.
 */
export async function openTerminal(
  begin: (streams: SessionOptions) => Promise<Session>,
  notStarted: (errno: number) => BringupError,
): Promise<GuestTerminal> {
  const input = new PassThrough()
  const output = new Readable({ read: () => {} })
  const console = new Console({ input, output })
  const hasAll = once(output, 'end')
  const session = await begin({ input, mostBytes: 0, onStdout: (bytes) => output.push(Buffer.from(bytes)) })
  const finish = async (why: string) => {
    input.destroy()
    output.push(null)
    await hasAll
    console.end(() => why)
  }
  const ended = session.end.then(
    async ({ code, errno }) => {
      await finish(`the program ended with ${code}`)
      if (errno !== 0) throw notStarted(errno)
      return code
    },
    async (error: BringupError) => {
      await finish('the guest ended')
      throw error
    },
  )
  ended.catch(() => {})
  return {
    console,
    ended,
    resize: ({ rows, columns }) => session.resize(rows, columns),
    hangUp: () => session.signal(SIGHUP),
  }
}
