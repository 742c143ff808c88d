/** Host side of the command channel: commands and files in a guest, apart from its console. See `shell-frames.ts`. */
import type { Duplex } from 'node:stream'
import { getSystemErrorMap } from 'node:util'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { CommandOptions, CommandResult } from './guest.ts'
import {
  type Frame,
  FrameReader,
  frame,
  HELLO,
  LARGEST_REQUEST,
  numbers,
  SESSIONS,
  texts,
  WINDOW_BYTES,
} from './shell-frames.ts'

export const problems = defineDiagnostics({
  SHELL_ENDED: {
    title: 'The guest, or its command channel, ended while a command was to run.',
    why: 'the machine is gone or was reset, so the command can have no result',
    remedy:
      'read the end of the console log of the run: a panic, a power-off or an error of QEMU’s explains it',
  },
  SHELL_TIMEOUT: {
    title: 'A command in the guest did not end in time.',
    why: 'its deadline passed; the command was killed, the guest still runs',
    remedy: 'raise timeoutMs, or find what the command waits for',
  },
  SHELL_REQUEST_TOO_LONG: {
    title: 'A command line with its environment is too long for the command channel.',
    why: `a request holds at most ${LARGEST_REQUEST / 1024} KiB`,
    remedy: 'pass long data by stdin or by a file in the guest',
  },
  GUEST_FILE_FAILED: {
    title: 'A file of the guest could not be read or written.',
    why: 'the guest’s kernel refused it',
    remedy: 'check the path and the space left in the guest',
  },
})

export interface Shell {
  /** Resolves when the guest's agent has answered; rejects when the channel ends first. */
  readonly ready: Promise<void>
  /**
   * Runs a command. Up to eight at a time; more wait for their turn.
   *
   * @param argv Program and arguments; no shell is involved. The program is searched in PATH of `env`.
   * @returns Output as text; `onStdout` and `onStderr` get the bytes. Exit code 127: no such program in the guest.
   * @throws BringupError SHELL_ENDED, SHELL_TIMEOUT, SHELL_REQUEST_TOO_LONG
   */
  run(argv: readonly string[], options?: CommandOptions): Promise<CommandResult>
  /** @throws BringupError GUEST_FILE_FAILED, SHELL_ENDED */
  readFile(path: string): Promise<Buffer>
  /**
   * @param mode Permission bits, 0o644 unless told.
   * @throws BringupError GUEST_FILE_FAILED, SHELL_ENDED
   */
  writeFile(path: string, content: string | Uint8Array, mode?: number): Promise<void>
  /** Sends a signal to the process groups of all commands that run. */
  signal(number: number): void
  /** The guest syncs its disks and powers off, or restarts. */
  end(how: 'power-off' | 'restart'): void
  /** The machine was reset: what ran is lost, and the next command waits for the next boot's agent. */
  restarted(): void
}

export interface ShellOptions {
  /** Aborting fails what runs and whatever is asked later. */
  readonly signal?: AbortSignal
  /** Says why the guest ended, for errors: `the guest panicked`. */
  readonly reason?: () => string
}

/** Opens the channel on QEMU's end of the socket pair. */
export function openShell(stream: Duplex, options: ShellOptions = {}): Shell {
  return new ChannelShell(stream, options)
}

const DEFAULT_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', TERM: 'dumb' }
const SIGKILL = 9
const INPUT_CHUNK = 32 * 1024

/** What one session waits for. */
interface Session {
  readonly onOutput: (type: 'O' | 'E', bytes: Buffer) => void
  readonly onEnd: (code: number, errno: number) => void
  readonly onLost: (error: BringupError) => void
  /** Input that is not sent yet, and how much of it the guest has granted. */
  input: Uint8Array
  granted: number
  inputEnded: boolean
}

interface Ended {
  readonly code: number
  readonly errno: number
  readonly stdout: Buffer
  readonly stderr: Buffer
}

class ChannelShell implements Shell {
  ready: Promise<void>
  readonly #stream: Duplex
  readonly #reader = new FrameReader()
  readonly #sessions = new Map<number, Session>()
  #waiting: (() => void)[] = []
  #isReady = false
  #ended: BringupError | undefined
  #setReady: (error?: BringupError) => void = () => {}

  constructor(stream: Duplex, options: ShellOptions) {
    this.#stream = stream
    this.ready = this.#nextHello()
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('error', () => {})
    stream.once('close', () => this.#lose(options.reason?.() ?? 'the machine has ended'))
    stream.once('end', () => this.#lose(options.reason?.() ?? 'the machine has ended'))
    options.signal?.addEventListener('abort', () => this.#lose('it was interrupted'), { once: true })
  }

  async run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const env = Object.entries({ ...DEFAULT_ENV, ...options.env }).map(([key, value]) => `${key}=${value}`)
    const request = Buffer.concat([
      numbers(argv.length, env.length),
      texts(options.cwd ?? '/', ...argv, ...env),
    ])
    if (request.length > LARGEST_REQUEST || argv.length > 2000) {
      throw new BringupError([
        problems.SHELL_REQUEST_TOO_LONG.at('', `the request to run "${argv[0]}" has ${request.length} bytes`),
      ])
    }
    const ended = await this.#session('R', request, argv.join(' '), {
      ...options,
      input: toBytes(options.stdin ?? ''),
    })
    if (ended.errno !== 0)
      throw new BringupError([
        problems.SHELL_ENDED.at('', `the guest could not start "${argv[0]}": ${errorText(ended.errno)}`),
      ])
    return { stdout: ended.stdout.toString(), stderr: ended.stderr.toString(), exitCode: ended.code }
  }

  async readFile(path: string): Promise<Buffer> {
    const { stdout, errno } = await this.#session('G', texts(path), `read ${path}`, {})
    if (errno !== 0)
      throw new BringupError([
        problems.GUEST_FILE_FAILED.at('', `cannot read ${path} in the guest: ${errorText(errno)}`),
      ])
    return stdout
  }

  async writeFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    const request = Buffer.concat([numbers(mode), texts(path)])
    const { errno } = await this.#session('W', request, `write ${path}`, { input: toBytes(content) })
    if (errno !== 0)
      throw new BringupError([
        problems.GUEST_FILE_FAILED.at('', `cannot write ${path} in the guest: ${errorText(errno)}`),
      ])
  }

  signal(number: number): void {
    for (const id of this.#sessions.keys()) this.#send(frame('K', id, numbers(number)))
  }

  end(how: 'power-off' | 'restart'): void {
    this.#send(frame('Q', 0, numbers(how === 'restart' ? 1 : 0)))
  }

  restarted(): void {
    this.#reader.reset()
    this.#loseSessions(lost('the machine was reset'))
    // Who still waits for the agent goes on waiting: firmware may reset once more on its way (SeaBIOS does).
    if (this.#isReady) this.ready = this.#nextHello()
  }

  #nextHello(): Promise<void> {
    this.#isReady = false
    const hello = new Promise<void>((resolve, reject) => {
      this.#setReady = (error) => {
        this.#isReady = error === undefined
        if (error) reject(error)
        else resolve()
      }
    })
    hello.catch(() => {})
    return hello
  }

  /** Starts a session when the guest is ready and has room, and resolves with its end. */
  async #session(
    type: string,
    request: Buffer,
    what: string,
    options: {
      readonly input?: Uint8Array
      readonly timeoutMs?: number
      readonly onStdout?: (b: Uint8Array) => void
      readonly onStderr?: (b: Uint8Array) => void
    },
  ): Promise<Ended> {
    const deadline = new Deadline(options.timeoutMs)
    try {
      await deadline.race(this.ready, what)
      while (this.#sessions.size >= SESSIONS)
        await deadline.race(new Promise<void>((resolve) => this.#waiting.push(resolve)), what)
      if (this.#ended) throw this.#ended
      const id = [...Array(SESSIONS).keys()].find((n) => !this.#sessions.has(n)) ?? 0
      const result = this.#start(type, id, request, options)
      deadline.onTimeout = () => this.#send(frame('K', id, numbers(SIGKILL)))
      return await deadline.race(result, what)
    } finally {
      deadline.clear()
    }
  }

  #start(
    type: string,
    id: number,
    request: Buffer,
    options: {
      readonly input?: Uint8Array
      readonly onStdout?: (b: Uint8Array) => void
      readonly onStderr?: (b: Uint8Array) => void
    },
  ): Promise<Ended> {
    const result = new Promise<Ended>((resolve, reject) => {
      const stdout: Buffer[] = []
      const stderr: Buffer[] = []
      this.#sessions.set(id, {
        input: options.input ?? Buffer.alloc(0),
        granted: WINDOW_BYTES,
        inputEnded: type === 'G',
        onOutput: (stream, bytes) => {
          ;(stream === 'O' ? stdout : stderr).push(bytes)
          ;(stream === 'O' ? options.onStdout : options.onStderr)?.(bytes)
        },
        onEnd: (code, errno) =>
          resolve({ code, errno, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) }),
        onLost: reject,
      })
    })
    result.catch(() => {})
    this.#send(frame(type, id, request))
    this.#sendInput(id)
    return result
  }

  /** Sends as much input as the guest has granted, and its end once all is sent. */
  #sendInput(id: number): void {
    const session = this.#sessions.get(id)
    if (!session) return
    while (session.input.length > 0 && session.granted > 0) {
      const chunk = session.input.subarray(0, Math.min(INPUT_CHUNK, session.granted))
      session.input = session.input.subarray(chunk.length)
      session.granted -= chunk.length
      this.#send(frame('I', id, chunk))
    }
    if (session.input.length > 0 || session.inputEnded) return
    session.inputEnded = true
    this.#send(frame('I', id))
  }

  #send(bytes: Buffer): void {
    if (this.#stream.writable) this.#stream.write(bytes)
  }

  #receive(chunk: Buffer): void {
    const { hello, frames } = this.#reader.push(chunk)
    if (hello) {
      this.#send(HELLO)
      this.#setReady()
    }
    for (const each of frames) this.#take(each)
  }

  #take({ type, session: id, payload }: Frame): void {
    const session = this.#sessions.get(id)
    if (!session) return
    if (type === 'O' || type === 'E') session.onOutput(type, payload)
    if (type === 'A') {
      session.granted += payload.readUInt32LE(0)
      this.#sendInput(id)
    }
    if (type !== 'X') return
    this.#sessions.delete(id)
    session.onEnd(payload.readUInt32LE(0), payload.readUInt32LE(4))
    this.#waiting.shift()?.()
  }

  #lose(why: string): void {
    if (this.#ended) return
    this.#ended = lost(why)
    this.#setReady(this.#ended)
    this.#loseSessions(this.#ended)
  }

  #loseSessions(error: BringupError): void {
    for (const session of this.#sessions.values()) session.onLost(error)
    this.#sessions.clear()
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** One time limit over everything that a command waits for. */
class Deadline {
  onTimeout: () => void = () => {}
  readonly #timeoutMs: number | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #expired: Promise<never>
  #what = ''

  constructor(timeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs
    this.#expired = new Promise((_, reject) => {
      if (timeoutMs === undefined) return
      this.#timer = setTimeout(() => {
        this.onTimeout()
        reject(
          new BringupError([
            problems.SHELL_TIMEOUT.at('', `"${this.#what}" did not end within ${this.#timeoutMs} ms`),
          ]),
        )
      }, timeoutMs)
    })
    this.#expired.catch(() => {})
  }

  race<T>(promise: Promise<T>, what: string): Promise<T> {
    this.#what = what
    return Promise.race([promise, this.#expired])
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}

function lost(why: string): BringupError {
  return new BringupError([problems.SHELL_ENDED.at('', `the command channel is gone: ${why}`)])
}

function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : content
}

function errorText(errno: number): string {
  const [name, text] = getSystemErrorMap().get(-errno) ?? []
  return name === undefined ? `error ${errno}` : `${text} (${name})`
}
