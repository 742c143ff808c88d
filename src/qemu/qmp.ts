/**
 * A QMP client over any two-way byte stream. It has no timers: callers pass a deadline as a signal.
 * Source: QEMU's `docs/interop/qmp-spec.rst`.
 */
import type { Duplex } from 'node:stream'
import type { EventData, Json, QmpCommands, QmpEvent } from './qmp-types.ts'

export type { QmpCommands, QmpEvent } from './qmp-types.ts'

/** QEMU's refusal of a command. */
export class QmpError extends Error {
  override readonly name = 'QmpError'
  readonly command: string
  /** QEMU's error class: `GenericError`, `CommandNotFound`, `DeviceNotFound`… */
  readonly class: string
  /** QEMU's own words. */
  readonly desc: string

  constructor(command: string, error: { readonly class: string; readonly desc: string }) {
    super(`${command}: ${error.desc}`)
    this.command = command
    this.class = error.class
    this.desc = error.desc
  }
}

/** The stream ended while an answer or an event was awaited. */
export class QmpEnded extends Error {
  override readonly name = 'QmpEnded'
  /** True when the other side went away; false when it said something that is not QMP. */
  readonly isGone: boolean

  constructor(waitingFor: string, because: string) {
    super(`${waitingFor}: ${because}`)
    this.isGone = because === GONE
  }
}

/** The longest answer of a QEMU is that of `query-qmp-schema`, some 200 KiB. */
const LONGEST_MESSAGE = 64 * 1024 * 1024

const GONE = 'QEMU is gone'

/** Is shown every message as it passes, for the record. */
export type QmpTap = (direction: 'sent' | 'received', line: string) => void

interface Pending {
  readonly command: string
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

interface Message {
  readonly QMP?: Json
  readonly event?: string
  readonly data?: Json
  readonly timestamp?: { readonly seconds: number; readonly microseconds: number }
  readonly id?: number
  readonly return?: unknown
  readonly error?: { readonly class: string; readonly desc: string }
}

/** Id under which the greeting is awaited; commands count from 0. */
const GREETING = -1

/** One QMP connection. Commands may be sent at once; answers are matched by id. */
export class QmpClient {
  /** Resolves with the greeting once capabilities are negotiated. Rejects with QmpEnded. */
  readonly ready: Promise<Json>
  /** Resolves with the greeting: commands that are sent from then on are answered in order. Rejects with QmpEnded. */
  readonly greeted: Promise<Json>
  #partial = ''
  #nextId = 0
  #isHeld = false
  #endedBecause: string | undefined
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Map<string, Set<(data: never) => void>>()
  readonly #eventListeners = new Set<(event: QmpEvent) => void>()
  readonly #endListeners = new Set<() => void>()
  readonly #stream: Duplex
  readonly #tap: QmpTap | undefined

  /** @param stream Connected to a `-mon mode=control` chardev. */
  constructor(stream: Duplex, tap?: QmpTap) {
    this.#stream = stream
    this.#tap = tap
    this.greeted = new Promise<Json>((resolve, reject) => {
      this.#pending.set(GREETING, { command: 'greeting', resolve, reject })
    })
    this.ready = this.greeted.then((greeting) => this.execute('qmp_capabilities').then(() => greeting))
    this.ready.catch(() => {})
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => this.#take(chunk))
    stream.on('error', () => this.#end(GONE))
    stream.on('close', () => this.#end(GONE))
    stream.on('end', () => this.#end(GONE))
  }

  /** False once the connection is over: every call from then on rejects. */
  get isOpen(): boolean {
    return this.#endedBecause === undefined
  }

  /** What has been awaited for the longest time: `greeting`, or a command. */
  get awaited(): string | undefined {
    return this.#pending.values().next().value?.command
  }

  /** Whether a caller has stopped the guest by `stop`, and not continued it. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /**
   * Sends a command and resolves with QEMU's answer.
   *
   * @throws QmpError when QEMU refuses it; QmpEnded when QEMU goes away first.
   */
  execute<C extends keyof QmpCommands>(
    command: C,
    ...args: QmpCommands[C]['arguments'] extends undefined ? [] : [QmpCommands[C]['arguments']]
  ): Promise<QmpCommands[C]['answer']>
  execute(command: string, args?: Json): Promise<unknown>
  execute(command: string, args?: Json): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#endedBecause !== undefined) return reject(new QmpEnded(command, this.#endedBecause))
      if (command === 'stop' || command === 'cont') this.#isHeld = command === 'stop'
      const id = this.#nextId++
      this.#pending.set(id, { command, resolve, reject })
      const line = JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}), id })
      this.#tap?.('sent', line)
      this.#stream.write(`${line}\n`)
    })
  }

  /** Calls back for every event of that name. Returns what takes the listener away again. */
  on<Name extends string>(event: Name, listener: (data: EventData<Name>) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  }

  /**
   * The next event of that name, counted from this call.
   *
   * @param signal Ends the wait; the promise then rejects with the signal's reason.
   * @throws QmpEnded when QEMU goes away first.
   */
  next<Name extends string>(event: Name, signal?: AbortSignal): Promise<EventData<Name>> {
    return new Promise((resolve, reject) => {
      const ended = () =>
        settle(() => reject(new QmpEnded(`waiting for ${event}`, this.#endedBecause ?? GONE)))
      const aborted = () => settle(() => reject(signal?.reason))
      const off = this.on(event, (data) => settle(() => resolve(data)))
      const settle = (how: () => void) => {
        off()
        this.#endListeners.delete(ended)
        signal?.removeEventListener('abort', aborted)
        how()
      }
      if (signal?.aborted) return aborted()
      if (this.#endedBecause !== undefined) return ended()
      this.#endListeners.add(ended)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }

  /** Every event from this call on, until QEMU goes away. */
  events(): AsyncIterableIterator<QmpEvent> {
    const queue: QmpEvent[] = []
    let wake = () => {}
    const listener = (event: QmpEvent) => {
      queue.push(event)
      wake()
    }
    const ended = () => wake()
    this.#eventListeners.add(listener)
    this.#endListeners.add(ended)
    const isOpen = () => this.isOpen
    const close = () => {
      this.#eventListeners.delete(listener)
      this.#endListeners.delete(ended)
    }
    return (async function* () {
      try {
        for (;;) {
          for (let event = queue.shift(); event; event = queue.shift()) yield event
          if (!isOpen()) return
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      } finally {
        close()
      }
    })()
  }

  #take(chunk: string): void {
    this.#partial += chunk
    if (this.#partial.length > LONGEST_MESSAGE) {
      this.#partial = ''
      this.#end(`QEMU sent a message of more than ${LONGEST_MESSAGE} bytes`)
      return
    }
    // A message in a thousand pieces is put together once.
    if (!chunk.includes('\n')) return
    const lines = this.#partial.split('\n')
    this.#partial = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') this.#message(line.trim())
  }

  #message(line: string): void {
    if (this.#endedBecause !== undefined) return
    this.#tap?.('received', line)
    const message = parsed(line)
    // The stream cannot be trusted after that: it is unknown which command the rest belongs to.
    if (!message) this.#end(`QEMU said something that is not QMP: ${line.slice(0, 200)}`)
    else if (message.QMP) this.#settle(GREETING, message.QMP)
    else if (message.event !== undefined) this.#event(message.event, message)
    else if (message.id !== undefined) this.#settle(message.id, message.return, message.error)
  }

  #event(name: string, message: Message): void {
    const data = isObject(message.data) ? message.data : {}
    const { seconds, microseconds } = isObject(message.timestamp) ? message.timestamp : {}
    const atMs =
      typeof seconds === 'number' && typeof microseconds === 'number'
        ? seconds * 1000 + microseconds / 1000
        : Date.now()
    for (const listener of this.#listeners.get(name) ?? []) listener(data as never)
    for (const listener of this.#eventListeners) listener({ name, data, atMs })
  }

  #settle(id: number, answer: unknown, error?: { readonly class: string; readonly desc: string }): void {
    const pending = this.#pending.get(id)
    if (!pending) return
    this.#pending.delete(id)
    if (error) pending.reject(new QmpError(pending.command, wordsOf(error)))
    else pending.resolve(answer as never)
  }

  #end(because: string): void {
    if (this.#endedBecause !== undefined) return
    this.#endedBecause = because
    for (const { command, reject } of this.#pending.values()) reject(new QmpEnded(command, because))
    this.#pending.clear()
    for (const listener of [...this.#endListeners]) listener()
    this.#endListeners.clear()
    this.#stream.destroy()
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** QEMU's words, whatever a program that is not QEMU put in their place. */
function wordsOf(error: unknown): { readonly class: string; readonly desc: string } {
  const { class: name, desc } = isObject(error) ? error : {}
  return {
    class: typeof name === 'string' ? name : 'GenericError',
    desc: typeof desc === 'string' ? desc : `not an error of QMP: ${JSON.stringify(error)?.slice(0, 200)}`,
  }
}

function parsed(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
