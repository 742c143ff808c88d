/** Talks to the process that owns a run, from another process of the same user. */
import { connect } from 'node:net'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { answerSchema, type ControlInput, type ControlRequest, readDoor } from './control-protocol.ts'
import { openJsonLines } from './json-lines.ts'
import type { RunFolder } from './record.ts'

export const problems = defineDiagnostics({
  RUN_NOT_REACHED: {
    title: 'The process that owns a run could not be reached.',
    why: 'only a running run that was started with `run -d` can be reached',
    remedy: '`bringup ps` lists the running runs; start one with `bringup run -d`',
  },
})

/** What comes of a request. */
export interface ControlCall {
  /** The result; rejects with what went wrong. */
  readonly done: Promise<{ readonly exitCode?: number | undefined; readonly [key: string]: unknown }>
  send(input: ControlInput): void
  /** Leaves: what was asked for is given up, and the run continues. */
  leave(): void
}

export interface ControlListeners {
  readonly onStdout?: (chunk: Buffer) => void
  readonly onStderr?: (chunk: Buffer) => void
  /** Aborting leaves. */
  readonly signal?: AbortSignal
}

/**
 * Asks something of a run.
 *
 * @throws BringupError RUN_NOT_REACHED when no process of this user owns it
 */
export function callRun(
  run: RunFolder,
  request: ControlRequest,
  { onStdout, onStderr, signal }: ControlListeners = {},
): ControlCall {
  const door = readDoor(run)
  if (!door) throw notReached(run)
  const socket = connect({ path: `\0${door.socket}` })
  let settle: {
    resolve: (done: { exitCode?: number | undefined; [key: string]: unknown }) => void
    reject: (error: Error) => void
  }
  const done = new Promise<{ exitCode?: number | undefined; [key: string]: unknown }>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const lines = openJsonLines<
    { secret: string; request: ControlRequest } | ControlInput,
    typeof answerSchema
  >(socket, answerSchema, (answer) => {
    if ('stdout' in answer) onStdout?.(Buffer.from(answer.stdout, 'base64'))
    else if ('stderr' in answer) onStderr?.(Buffer.from(answer.stderr, 'base64'))
    else if ('done' in answer) settle.resolve(answer.done)
    else settle.reject(new BringupError(answer.failed as readonly Diagnostic[]))
  })
  const onAbort = () => {
    settle.reject(signal?.reason)
    socket.destroy()
  }
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  socket.once('close', () => {
    signal?.removeEventListener('abort', onAbort)
    settle.reject(notReached(run))
  })
  lines.send({ secret: door.secret, request })
  return { done, send: (input) => lines.send(input), leave: () => void socket.destroy() }
}

function notReached({ id }: RunFolder): BringupError {
  return new BringupError([
    problems.RUN_NOT_REACHED.at('', `run ${id} is not running, or was not started with \`run -d\``),
  ])
}
