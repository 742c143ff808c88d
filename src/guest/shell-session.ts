/** One command or file on the command channel: its input within what the guest grants, its output, its end. */
import type { BringupError } from '../diagnostics.ts'
import { numbers, WINDOW_BYTES } from './shell-frames.ts'

const INPUT_CHUNK = 32 * 1024
/** What is kept of a command's output. A listener gets all of it. */
export const LARGEST_OUTPUT = 64 * 1024 * 1024

export interface SessionOptions {
  /** What the command reads. A stream is read as fast as the guest takes it, and given up when the session ends. */
  readonly input?: Uint8Array | AsyncIterable<Uint8Array>
  readonly onStdout?: (bytes: Uint8Array) => void
  readonly onStderr?: (bytes: Uint8Array) => void
  /** What may be kept of its output: 64 MiB unless told. */
  readonly mostBytes?: number
}

export interface SessionEnd {
  readonly code: number
  /** Of what could not be done; 0 when all could. */
  readonly errno: number
  readonly stdout: Buffer
  readonly stderr: Buffer
  /** True when there was more output than was kept. */
  readonly isCut: boolean
}

const SIGKILL = 9

/** Zero where the guest left it out. */
function numberAt(payload: Buffer, at: number): number {
  return payload.length >= at + 4 ? payload.readUInt32LE(at) : 0
}

export class Session {
  /** Resolves when the guest says that it is over; rejects when the channel is lost before. */
  readonly end: Promise<SessionEnd>
  readonly #send: (type: string, payload?: Uint8Array) => void
  readonly #options: SessionOptions
  readonly #stdout: Buffer[] = []
  readonly #stderr: Buffer[] = []
  #granted = WINDOW_BYTES
  #kept = 0
  #isCut = false
  #isOver = false
  /** Wakes who waits for the guest to take input. */
  #onGrant: () => void = () => {}
  #resolve: (end: SessionEnd) => void = () => {}
  #reject: (error: BringupError) => void = () => {}

  /** @param send Sends a frame of this session. */
  constructor(send: (type: string, payload?: Uint8Array) => void, options: SessionOptions) {
    this.#send = send
    this.#options = options
    this.end = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.end.catch(() => {})
  }

  start(type: string, request: Uint8Array): void {
    this.#send(type, request)
    if (type !== 'G' && type !== 'S') void this.#sendInput(this.#options.input)
  }

  signal(number: number): void {
    if (!this.#isOver) this.#send('K', numbers(number))
  }

  resize(rows: number, columns: number): void {
    if (!this.#isOver) this.#send('Z', numbers(rows, columns))
  }

  /** Takes a frame of the guest. Returns true when it was the last. */
  take(type: string, payload: Buffer): boolean {
    if (type === 'O') this.#output(this.#stdout, payload, this.#options.onStdout)
    if (type === 'E') this.#output(this.#stderr, payload, this.#options.onStderr)
    if (type === 'A') {
      // A guest that grants more than there is room for would have all of the input pile up here.
      this.#granted = Math.min(WINDOW_BYTES, this.#granted + numberAt(payload, 0))
      this.#onGrant()
    }
    if (type !== 'X') return false
    this.#finish()
    this.#resolve({
      code: numberAt(payload, 0),
      errno: numberAt(payload, 4),
      stdout: Buffer.concat(this.#stdout),
      stderr: Buffer.concat(this.#stderr),
      isCut: this.#isCut,
    })
    return true
  }

  lose(error: BringupError): void {
    this.#finish()
    this.#reject(error)
  }

  #output(kept: Buffer[], bytes: Buffer, listener?: (bytes: Uint8Array) => void): void {
    const room = (this.#options.mostBytes ?? LARGEST_OUTPUT) - this.#kept
    this.#kept += Math.min(room, bytes.length)
    // A copy: what is kept of a frame would keep the chunk that it came in.
    if (room > 0) kept.push(Buffer.from(bytes.subarray(0, room)))
    if (bytes.length > room && !this.#isCut) {
      this.#isCut = true
      // No listener takes the output, so there is no use in going on.
      if (!listener) this.signal(SIGKILL)
    }
    listener?.(bytes)
  }

  #finish(): void {
    this.#isOver = true
    this.#onGrant()
  }

  /** Sends input as far as the guest has granted it, and its end once all is sent. */
  async #sendInput(input: SessionOptions['input'] = Buffer.alloc(0)): Promise<void> {
    if (input instanceof Uint8Array) await this.#sendBytes(input)
    else {
      try {
        for await (const bytes of input) {
          if (this.#isOver) return
          await this.#sendBytes(bytes)
        }
      } catch {
        // A stream that broke off has ended, for the command too.
      }
    }
    if (!this.#isOver) this.#send('I')
  }

  async #sendBytes(bytes: Uint8Array): Promise<void> {
    let rest = bytes
    while (rest.length > 0 && !this.#isOver) {
      if (this.#granted === 0) {
        await new Promise<void>((resolve) => {
          this.#onGrant = resolve
        })
        continue
      }
      const chunk = rest.subarray(0, Math.min(INPUT_CHUNK, this.#granted))
      rest = rest.subarray(chunk.length)
      this.#granted -= chunk.length
      this.#send('I', chunk)
    }
  }
}
