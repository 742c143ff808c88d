/** Host side of the command channel: commands and files in a guest, apart from its console. See `shell-frames.ts`. */
import type { Duplex } from 'node:stream'
import { getSystemErrorMap } from 'node:util'
import { BringupError } from '../diagnostics.ts'
import { plural } from '../plural.ts'
import { formatBytes } from '../units.ts'
import type { CommandOptions, CommandResult, GuestTerminal, TerminalOptions } from './guest.ts'
import { CommandDeadline } from './shell-deadline.ts'
import {
  type Frame,
  FrameReader,
  frame,
  HELLO,
  LARGEST_REQUEST,
  numbers,
  SESSIONS,
  texts,
} from './shell-frames.ts'
import { lost, problems } from './shell-problems.ts'
import { LARGEST_OUTPUT, Session, type SessionEnd, type SessionOptions } from './shell-session.ts'
import { openTerminal } from './shell-terminal.ts'

export interface Shell {
  /** Whether the guest's agent has answered, and the channel has not ended since. */
  readonly isReady: boolean
  /** Whether no command and no file is under way. */
  readonly isIdle: boolean
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
  /** @throws BringupError SHELL_ENDED, SHELL_REQUEST_TOO_LONG */
  terminal(argv: readonly string[], options?: TerminalOptions): Promise<GuestTerminal>
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
  /**
   * The boot of the guest, by its agent, before the guest is saved.
   *
   * @throws BringupError SHELL_ENDED
   */
  boot(): Promise<Boot>
  /** The guest was restored: its agent has been greeted before. */
  resumed(): void
  /**
   * The agent of a restored guest does once what it will be asked first, so that QEMU has translated the code for it: it sets
   * the clock to `time`, reseeds, starts a program and reads a file. `resumed` follows.
   *
   * @throws BringupError SHELL_ENDED
   */
  rehearse(time: Buffer): Promise<void>
  /** The machine was reset: what ran is lost, and the next command waits for the next boot's agent. */
  restarted(): void
}

export interface ShellOptions {
  /** Aborting fails what runs and whatever is asked later. */
  readonly signal?: AbortSignal
  /** Says why the guest ended, for errors: `the guest panicked`. */
  readonly reason?: () => string
  /** The shell on the console has ended with an exit code other than 0; the guest powers off now. */
  readonly onConsoleExit?: (code: number) => void
  /** What the guest needs before anything else runs in it, after every boot; `ready` waits for its end. */
  readonly prepare?: (run: Shell['run'], resume: Resume) => Promise<void>
}

/** Id of a boot, 32 hexadecimal digits, and how often it was restored, as the agent reports them. */
export interface Boot {
  readonly id: string
  readonly resumed: number
}

/**
 * Asks the agent for its boot. With a payload, also sets the clock and adds entropy after a restore.
 *
 * @param payload See `S` in `shell-frames.ts`
 * @throws BringupError SHELL_ENDED, GUEST_NOT_RENEWED
 */
export type Resume = (payload: Buffer) => Promise<Boot>

/** Opens the channel on QEMU's end of the socket pair. */
export function openShell(stream: Duplex, options: ShellOptions = {}): Shell {
  return new ChannelShell(stream, options)
}

const DEFAULT_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', TERM: 'dumb' }
const SIGKILL = 9
/** Length of the payload that asks for the boot before the guest is saved: the agent reseeds its random numbers first. */
export const WILL_BE_SAVED = 2
/** Of the number by which an agent names its boot. */
const BOOT_BYTES = 16
const EFBIG = 27
/** Rows and columns, before the command in a request for a terminal. */
const TERMINAL_SIZE = 8
/** The agent stops there too. */
const LARGEST_FILE = 256 * 1024 * 1024

class ChannelShell implements Shell {
  ready: Promise<void>
  readonly #stream: Duplex
  readonly #reader = new FrameReader()
  readonly #sessions = new Map<number, Session>()
  #waiting: (() => void)[] = []
  #isReady = false
  #ended: BringupError | undefined
  readonly #prepare: ShellOptions['prepare']
  readonly #onConsoleExit: ShellOptions['onConsoleExit']
  /** Counts boots of the guest. */
  #boot = 0
  #setReady: (error?: BringupError) => void = () => {}

  constructor(stream: Duplex, options: ShellOptions) {
    this.#stream = stream
    this.#prepare = options.prepare
    this.#onConsoleExit = options.onConsoleExit
    this.ready = this.#nextHello()
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('error', () => {})
    stream.once('close', () => this.#lose(options.reason?.() ?? 'the machine has ended'))
    stream.once('end', () => this.#lose(options.reason?.() ?? 'the machine has ended'))
    options.signal?.addEventListener('abort', () => this.#lose('it was interrupted'), { once: true })
  }

  get isReady(): boolean {
    return this.#isReady && this.#ended === undefined
  }

  get isIdle(): boolean {
    return this.#sessions.size === 0
  }

  async boot(): Promise<Boot> {
    await this.ready
    return this.#resume(Buffer.alloc(WILL_BE_SAVED))
  }

  async run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#run(argv, options, this.ready)
  }

  async #run(argv: readonly string[], options: CommandOptions, ready: Promise<void>): Promise<CommandResult> {
    const request = commandRequest(argv, options)
    const input = typeof options.stdin === 'string' ? Buffer.from(options.stdin) : options.stdin
    const ended = await this.#session('R', request, argv.join(' '), { ...options, input }, ready)
    if (ended.errno !== 0) throw notStarted(argv, ended.errno)
    if (ended.isCut && !(options.onStdout ?? options.onStderr)) throw tooLong(`"${argv[0]}" printed`)
    return { stdout: ended.stdout.toString(), stderr: ended.stderr.toString(), exitCode: ended.code }
  }

  async terminal(argv: readonly string[], options: TerminalOptions = {}): Promise<GuestTerminal> {
    const { rows = 24, columns = 80, term = 'vt100', env } = options
    const command = commandRequest(argv, { ...options, env: { TERM: term, ...env } })
    const request = Buffer.concat([numbers(rows, columns), command])
    return openTerminal(
      (streams) => this.#open('T', request, argv.join(' '), streams, new CommandDeadline(undefined)),
      (errno) =>
        new BringupError([
          problems.GUEST_TERMINAL_FAILED.at('', `no terminal for "${argv[0]}": ${errorText(errno)}`),
        ]),
    )
  }

  async readFile(path: string): Promise<Buffer> {
    const { stdout, errno, isCut } = await this.#session('G', texts(path), `read ${path}`, {
      mostBytes: LARGEST_FILE,
    })
    if (isCut || errno === EFBIG) throw tooLong(`${path} in the guest has`, LARGEST_FILE)
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
    for (const session of this.#sessions.values()) session.signal(number)
  }

  end(how: 'power-off' | 'restart'): void {
    this.#send(frame('Q', 0, numbers(how === 'restart' ? 1 : 0)))
  }

  resumed(): void {
    this.#reader.greeted()
    void this.#begin()
  }

  async rehearse(time: Buffer): Promise<void> {
    this.#reader.greeted()
    await this.#resume(Buffer.alloc(WILL_BE_SAVED))
    await this.#resume(time)
    const now = Promise.resolve()
    // A guest without these is no worse.
    await this.#session('R', commandRequest(['true'], {}), 'true', {}, now)
    await this.#session('G', texts('/dev/null'), 'read /dev/null', {}, now)
  }

  restarted(): void {
    this.#boot++
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

  /** Runs a session from its start to its end. */
  async #session(
    type: string,
    request: Buffer,
    what: string,
    options: SessionOptions & { readonly timeoutMs?: number },
    ready = this.ready,
  ): Promise<SessionEnd> {
    const deadline = new CommandDeadline(options.timeoutMs)
    try {
      const session = await this.#open(type, request, what, options, deadline, ready)
      deadline.onTimeout = () => session.signal(SIGKILL)
      return await deadline.race(session.end, what)
    } finally {
      deadline.clear()
    }
  }

  /** Starts a session when the guest is ready and has room. */
  async #open(
    type: string,
    request: Buffer,
    what: string,
    options: SessionOptions,
    deadline: CommandDeadline,
    ready: Promise<void> = this.ready,
  ): Promise<Session> {
    await deadline.race(ready, what)
    while (this.#sessions.size >= SESSIONS)
      await deadline.race(new Promise<void>((resolve) => this.#waiting.push(resolve)), what)
    if (this.#ended) throw this.#ended
    const id = [...Array(SESSIONS).keys()].find((n) => !this.#sessions.has(n)) ?? 0
    const session = new Session((kind, payload) => this.#send(frame(kind, id, payload)), options)
    this.#sessions.set(id, session)
    session.start(type, request)
    return session
  }

  #send(bytes: Buffer): void {
    if (this.#stream.writable) this.#stream.write(bytes)
  }

  #receive(chunk: Buffer): void {
    const { hello, frames } = this.#reader.push(chunk)
    if (hello) {
      this.#send(HELLO)
      void this.#begin()
    }
    for (const each of frames) this.#take(each)
    if (this.#reader.broken === undefined) return
    this.#lose(`the guest does not speak its protocol: ${this.#reader.broken}`)
    this.#stream.destroy()
  }

  /** A reset in between makes way for the next boot. */
  async #begin(): Promise<void> {
    const boot = this.#boot
    const run: Shell['run'] = (argv, options = {}) => this.#run(argv, options, Promise.resolve())
    if (this.#prepare) await this.#prepare(run, (payload) => this.#resume(payload)).catch(() => {})
    if (boot === this.#boot) this.#setReady(this.#ended)
  }

  async #resume(payload: Buffer): Promise<Boot> {
    const { stdout, errno } = await this.#session(
      'S',
      payload,
      'set the clock of the guest',
      {},
      Promise.resolve(),
    )
    if (errno !== 0) throw notRenewed(errorText(errno))
    if (stdout.length < BOOT_BYTES + 4) throw notRenewed('its agent reports no boot')
    return { id: stdout.toString('hex', 0, BOOT_BYTES), resumed: stdout.readUInt32LE(BOOT_BYTES) }
  }

  #take({ type, session: id, payload }: Frame): void {
    if (type === 'C') {
      if (payload.length >= 4) this.#onConsoleExit?.(payload.readUInt32LE())
      return
    }
    if (!this.#sessions.get(id)?.take(type, payload)) return
    this.#sessions.delete(id)
    this.#waiting.shift()?.()
  }

  #lose(why: string): void {
    if (this.#ended) return
    this.#ended = lost(why)
    this.#setReady(this.#ended)
    this.#loseSessions(this.#ended)
  }

  #loseSessions(error: BringupError): void {
    for (const session of this.#sessions.values()) session.lose(error)
    this.#sessions.clear()
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

const notRenewed = (why: string) =>
  new BringupError([problems.GUEST_NOT_RENEWED.at('', `clock and random numbers were not set: ${why}`)])

/** @throws BringupError SHELL_REQUEST_TOO_LONG */
function commandRequest(argv: readonly string[], options: Pick<CommandOptions, 'cwd' | 'env'>): Buffer {
  const env = Object.entries({ ...DEFAULT_ENV, ...options.env }).map(([key, value]) => `${key}=${value}`)
  const request = Buffer.concat([
    numbers(argv.length, env.length),
    texts(options.cwd ?? '/', ...argv, ...env),
  ])
  if (request.length <= LARGEST_REQUEST - TERMINAL_SIZE && argv.length <= 2000) return request
  throw new BringupError([
    problems.SHELL_REQUEST_TOO_LONG.at(
      '',
      `the request to run "${argv[0]}" has ${plural(request.length, 'byte')}`,
    ),
  ])
}

function notStarted(argv: readonly string[], errno: number): BringupError {
  return new BringupError([
    problems.SHELL_ENDED.at('', `the guest could not start "${argv[0]}": ${errorText(errno)}`),
  ])
}

function tooLong(what: string, most: number = LARGEST_OUTPUT): BringupError {
  return new BringupError([problems.SHELL_OUTPUT_TOO_LONG.at('', `${what} more than ${formatBytes(most)}`)])
}

function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : content
}

function errorText(errno: number): string {
  const [name, text] = getSystemErrorMap().get(-errno) ?? []
  return name === undefined ? `error ${errno}` : `${text} (${name})`
}
