/**
 * A QMP client over any two-way byte stream.
 * Source: QEMU's `docs/interop/qmp-spec.rst`; command shapes from `qapi/*.json`.
 */
import type { Duplex } from 'node:stream'

type Json = Record<string, unknown>

/** The commands that bringup uses: arguments and answer. Others go through with untyped shapes. */
export interface QmpCommands {
  qmp_capabilities: { arguments: undefined; answer: Json }
  cont: { arguments: undefined; answer: Json }
  stop: { arguments: undefined; answer: Json }
  quit: { arguments: undefined; answer: Json }
  system_reset: { arguments: undefined; answer: Json }
  'set-action': { arguments: { reboot?: 'reset' | 'shutdown'; shutdown?: 'poweroff' | 'pause' }; answer: Json }
  'query-cpus-fast': { arguments: undefined; answer: readonly { 'cpu-index': number; 'thread-id': number }[] }
  'query-version': { arguments: undefined; answer: { qemu: { major: number; minor: number; micro: number }; package: string } }
  'query-machines': { arguments: undefined; answer: readonly { name: string; alias?: string; 'cpu-max': number; deprecated?: boolean }[] }
  'query-cpu-definitions': { arguments: undefined; answer: readonly { name: string }[] }
  'query-target': { arguments: undefined; answer: { arch: string } }
  'qom-list-types': { arguments: { abstract?: boolean; implements?: string }; answer: readonly { name: string }[] }
  'qom-list-properties': { arguments: { typename: string }; answer: readonly { name: string }[] }
  'device-list-properties': { arguments: { typename: string }; answer: readonly { name: string }[] }
  'human-monitor-command': { arguments: { 'command-line': string }; answer: string }
}

/** QEMU's refusal of a command. */
export class QmpError extends Error {
  override readonly name = 'QmpError'
  readonly class: string
  constructor(command: string, error: { readonly class: string; readonly desc: string }) {
    super(`${command}: ${error.desc}`)
    this.class = error.class
  }
}

/** The stream ended while an answer or an event was awaited. */
export class QmpEnded extends Error {
  override readonly name = 'QmpEnded'
}

interface Pending {
  readonly command: string
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

type EventListener = (data: Json) => void

/** One QMP connection. Commands may be sent at once; answers are told apart by id. */
export class QmpClient {
  /** Resolves with the greeting's version once capabilities are negotiated. */
  readonly ready: Promise<Json>
  #buffer = ''
  #nextId = 0
  #ended = false
  readonly #pending = new Map<number, Pending>()
  readonly #listeners = new Map<string, Set<EventListener>>()
  readonly #endListeners = new Set<() => void>()
  readonly #stream: Duplex
  readonly #tap: ((direction: 'sent' | 'received', line: string) => void) | undefined

  /**
   * @param stream Connected to a `-mon mode=control` chardev.
   * @param tap Is shown every message as it passes, for the record.
   */
  constructor(stream: Duplex, tap?: (direction: 'sent' | 'received', line: string) => void) {
    this.#stream = stream
    this.#tap = tap
    this.ready = new Promise<Json>((resolve, reject) => {
      this.#pending.set(-1, { command: 'greeting', resolve, reject })
    }).then((greeting) => this.execute('qmp_capabilities').then(() => greeting))
    this.ready.catch(() => {})
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => this.#take(chunk))
    stream.on('error', () => this.#end())
    stream.on('close', () => this.#end())
    stream.on('end', () => this.#end())
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
      if (this.#ended) return reject(new QmpEnded(`${command}: QEMU is gone`))
      const id = this.#nextId++
      this.#pending.set(id, { command, resolve, reject })
      const line = JSON.stringify({ execute: command, ...(args ? { arguments: args } : {}), id })
      this.#tap?.('sent', line)
      this.#stream.write(`${line}\n`)
    })
  }

  /** Calls back for every event of that name. Returns what takes the listener away again. */
  on(event: string, listener: EventListener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** The next event of that name. @throws QmpEnded */
  next(event: string): Promise<Json> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new QmpEnded(`waiting for ${event}: QEMU is gone`))
      if (this.#ended) return ended()
      this.#endListeners.add(ended)
      const off = this.on(event, (data) => {
        off()
        this.#endListeners.delete(ended)
        resolve(data)
      })
    })
  }

  #take(chunk: string): void {
    this.#buffer += chunk
    let from = 0
    for (let end = this.#buffer.indexOf('\n'); end !== -1; end = this.#buffer.indexOf('\n', from)) {
      this.#message(this.#buffer.slice(from, end))
      from = end + 1
    }
    this.#buffer = this.#buffer.slice(from)
  }

  #message(line: string): void {
    if (line.trim() === '') return
    this.#tap?.('received', line.trimEnd())
    const message = JSON.parse(line) as { QMP?: Json; event?: string; data?: Json; id?: number; return?: unknown; error?: { class: string; desc: string } }
    if (message.QMP) return this.#settle(-1, message.QMP)
    if (message.event) {
      for (const listener of this.#listeners.get(message.event) ?? []) listener(message.data ?? {})
      return
    }
    if (message.id !== undefined) this.#settle(message.id, message.return, message.error)
  }

  #settle(id: number, answer: unknown, error?: { class: string; desc: string }): void {
    const pending = this.#pending.get(id)
    if (!pending) return
    this.#pending.delete(id)
    if (error) pending.reject(new QmpError(pending.command, error))
    else pending.resolve(answer as never)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const { command, reject } of this.#pending.values()) reject(new QmpEnded(`${command}: QEMU is gone`))
    this.#pending.clear()
    for (const listener of this.#endListeners) listener()
    this.#endListeners.clear()
  }
}
