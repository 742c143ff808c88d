/** A request to a run whose guest side is tied to this terminal. */
import { callRun } from '../runs/control-client.ts'
import type { ControlRequest } from '../runs/control-protocol.ts'
import type { RunFolder } from '../runs/record.ts'
import { attachTerminal } from './terminal.ts'
import { guardTerminal } from './terminal-modes.ts'

/**
 * Keys go to the guest, except those after Ctrl-A: Ctrl-A X leaves, and the run continues. A command gets a terminal of the
 * guest of the size of this one.
 *
 * @returns its exit code; 0 when the user has left
 */
export async function callOnTerminal(
  run: RunFolder,
  request: Extract<ControlRequest, { op: 'exec' | 'attach' }>,
): Promise<number> {
  const { stdin, stdout } = process
  const size = () => ({ rows: stdout.rows || 24, columns: stdout.columns || 80 })
  const watch = guardTerminal(stdout)
  const whole =
    request.op === 'exec'
      ? { ...request, terminal: { ...size(), term: process.env.TERM || 'dumb' } }
      : request
  const call = callRun(run, whole, {
    onStdout: (chunk) => {
      watch?.(chunk)
      stdout.write(chunk)
    },
  })
  let hasLeft = false
  const leave = () => {
    hasLeft = true
    call.leave()
  }
  const detach = attachTerminal(stdin, {
    send: (bytes) => call.send({ input: Buffer.from(bytes).toString('base64') }),
    end: leave,
    reset: () => void stdout.write('\r\nthe reset button is on the terminal of `bringup run`\r\n'),
    say: (text) => void stdout.write(text),
  })
  const onResize = () => call.send({ size: size() })
  stdout.on('resize', onResize)
  try {
    return (await call.done).exitCode ?? 0
  } catch (error) {
    if (hasLeft) return 0
    throw error
  } finally {
    stdout.off('resize', onResize)
    detach()
    stdout.write('\n')
  }
}
