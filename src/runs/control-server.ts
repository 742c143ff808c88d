/** The door of a background run: lets other processes of this user look, work in its guests, and stop it. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { Guest } from '../guest/guest.ts'
import { writeWhole } from '../own-files.ts'
import { abstractName } from '../random-name.ts'
import { startTimer } from '../timer.ts'
import {
  type ControlAnswer,
  type ControlInput,
  type ControlRequest,
  type Door,
  doorFile,
  inputSchema,
  openingSchema,
} from './control-protocol.ts'
import { type JsonLines, openJsonLines } from './json-lines.ts'
import type { Run } from './run.ts'

export const problems = defineDiagnostics({
  RUN_GUEST_NOT_RUNNING: {
    title: 'The guest of a run that was named does not run.',
    why: 'only a guest that runs can be attached to, run commands or be copied from',
    remedy: 'see `bringup ps` for the guests that run',
  },
})

/** How long a client may take to show the secret. */
const OPENING_MS = 5000
/** What of the console an attached client sees first. */
const LAST_LINES = 200

/** Opens the door of a run; it closes with the run. Resolves when it can be used. */
export async function serveRun(run: Run): Promise<void> {
  const door: Door = { socket: abstractName('run'), secret: randomBytes(32).toString('hex') }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, door.secret, run)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path: `\0${door.socket}` }, resolve)
  })
  server.unref()
  writeWhole(doorFile(run.folder), JSON.stringify(door))
  void run.done.then(() => {
    rmSync(doorFile(run.folder), { force: true })
    server.close()
    // Those that wait for the end of the run get its result first.
    for (const socket of sockets) socket.unref()
  })
}

function serve(socket: Socket, secret: string, run: Run): void {
  const late = startTimer(OPENING_MS, () => socket.destroy())
  socket.once('close', () => late.clear())
  let onInput: ((input: ControlInput) => void) | undefined
  const opening = openJsonLines<ControlAnswer, typeof firstOrInput>(socket, firstOrInput, (message) => {
    if (onInput && !('secret' in message)) onInput(message)
    else if (onInput || !('secret' in message) || !isSame(message.secret, secret)) socket.destroy()
    else {
      late.clear()
      const client = new Client(socket, opening)
      onInput = client.take
      void answer(message.request, client, run)
    }
  })
}

const firstOrInput = openingSchema.or(inputSchema)

function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** One client after it has shown the secret. */
class Client {
  /** What it types or pipes in. */
  readonly input = new PassThrough()
  onSize: (size: { readonly rows: number; readonly columns: number }) => void = () => {}
  readonly gone: Promise<void>
  readonly #lines: JsonLines<ControlAnswer>

  constructor(socket: Socket, lines: JsonLines<ControlAnswer>) {
    this.#lines = lines
    this.gone = new Promise((resolve) => socket.once('close', () => resolve()))
  }

  readonly take = (message: ControlInput): void => {
    if ('input' in message) this.input.write(Buffer.from(message.input, 'base64'))
    else if ('end' in message) this.input.end()
    else this.onSize(message.size)
  }

  show(stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    const text = Buffer.from(chunk).toString('base64')
    this.#lines.send(stream === 'stdout' ? { stdout: text } : { stderr: text })
  }

  finish(answer: ControlAnswer): void {
    this.#lines.send(answer)
    this.#lines.end()
  }
}

async function answer(request: ControlRequest, client: Client, run: Run): Promise<void> {
  try {
    client.finish({ done: await obey(request, client, run) })
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    client.finish({
      failed: error.diagnostics.map((d) => ({ ...d, evidence: d.evidence ? [...d.evidence] : undefined })),
    })
  }
}

async function obey(
  request: ControlRequest,
  client: Client,
  run: Run,
): Promise<{ exitCode?: number; screen?: unknown; saved?: unknown }> {
  if (request.op === 'stop') return { exitCode: (await run.close()).exitCode }
  if (request.op === 'save') return { saved: await save(run, request) }
  const guest = needGuest(run, request.guest)
  if (request.op === 'copyIn') await guest.copyIn(request.from, request.to)
  if (request.op === 'copyOut') await guest.copyOut(request.from, request.to)
  if (request.op === 'screen') return { screen: await look(guest, request) }
  if (request.op === 'exec') return exec(guest, request, client)
  if (request.op === 'attach') return attach(guest, client)
  return {}
}

async function save(
  run: Run,
  { guest, name, frames = 'drop' }: Extract<ControlRequest, { op: 'save' }>,
): Promise<unknown> {
  if (guest === undefined) {
    const { saveNamedRack } = await import('./save-named-rack.ts')
    return saveNamedRack(run, { name, frames })
  }
  const { saveNamed } = await import('../guest/named-state.ts')
  return saveNamed(needGuest(run, guest), name)
}

/** @throws BringupError RUN_GUEST_NOT_RUNNING */
function needGuest({ guests }: Run, name: string): Guest {
  const guest = Object.hasOwn(guests, name) ? guests[name] : undefined
  if (guest && !guest.hasEnded) return guest
  throw new BringupError([problems.RUN_GUEST_NOT_RUNNING.at('', `guest "${name}" does not run`)])
}

async function look(guest: Guest, { keys, withPicture, display }: Extract<ControlRequest, { op: 'screen' }>) {
  if (keys !== undefined) await guest.keys(keys)
  const options = display === undefined ? {} : { display }
  const { text, colored, unread, isBlank, png } = await guest.screen(options)
  return { text, colored, unread, isBlank, ...(png && withPicture ? { png: png.toString('base64') } : {}) }
}

async function exec(
  guest: Guest,
  { argv, terminal, hasInput }: Extract<ControlRequest, { op: 'exec' }>,
  client: Client,
): Promise<{ exitCode: number }> {
  // A command that reads would wait for input that can no longer come.
  void client.gone.then(() => client.input.end())
  if (!terminal) {
    const { exitCode } = await guest.run(argv, {
      onStdout: (chunk) => client.show('stdout', chunk),
      onStderr: (chunk) => client.show('stderr', chunk),
      ...(hasInput ? { stdin: client.input } : {}),
    })
    return { exitCode }
  }
  const session = await guest.terminal(argv, terminal)
  session.console.onChunk((chunk) => client.show('stdout', chunk))
  client.input.on('data', (chunk: Buffer) => session.console.write(chunk))
  client.onSize = session.resize
  void client.gone.then(() => session.hangUp())
  return { exitCode: await session.ended }
}

/** The last lines of the console, then what comes; keys go to it until the client leaves. */
async function attach(guest: Guest, client: Client): Promise<{ exitCode?: number }> {
  const last = guest.console.tail(LAST_LINES)
  if (last.length > 0) client.show('stdout', Buffer.from(last.join('\r\n')))
  const stop = guest.console.onChunk((chunk) => client.show('stdout', chunk))
  client.input.on('data', (chunk: Buffer) => guest.console.write(chunk))
  const ended = await Promise.race([guest.done, client.gone])
  stop()
  return ended ? { exitCode: ended.exitCode } : {}
}
