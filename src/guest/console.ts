/**
 * The guest's console as bringup sees it: every byte kept with its time, lines handed on as they complete,
 * and waiting for text under one deadline that the guest's death cuts short.
 */
import { isAscii } from 'node:buffer'
import type { Duplex, Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { callSite } from '../call-site.ts'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { screenLines } from '../guest-text.ts'
import { changedLines } from '../screen/new-lines.ts'
import { startTimer, type Timer } from '../timer.ts'
import { ConsoleLines } from './console-lines.ts'
import { ConsoleLog, type ConsoleLogPlace, LOG_END_BYTES } from './console-log.ts'
import { DrawnConsole } from './drawn-console.ts'
import { type Found, findText } from './find-text.ts'
import { Tape } from './tape.ts'

export const problems = defineDiagnostics({
  CONSOLE_NO_MATCH: {
    title: 'The console did not show the awaited text before the deadline.',
    why: 'the guest is running and has not printed it',
    remedy: 'compare the last console lines below with what was awaited, or allow more time',
  },
  CONSOLE_ENDED: {
    title: 'The guest ended before its console showed the awaited text.',
    why: 'the guest has ended, so there will be no more output',
    remedy: 'read the verdict of the run and the last console lines below',
  },
})

/** What `expect` found. */
export interface ConsoleMatch {
  /** The text that matched. */
  readonly text: string
  /** Groups of a regular expression. */
  readonly groups: readonly (string | undefined)[]
  /** Everything between the last match and this one. */
  readonly before: string
}

/** How much unread output is kept in memory; the log file has everything. */
const KEEP_BYTES = 16 * 1024 * 1024
const TAIL_LINES = 20
/** What the last lines are taken from. */
const RECENT_BYTES = 64 * 1024

interface Waiter {
  readonly pattern: string | RegExp
  readonly resolve: (match: ConsoleMatch) => void
  readonly reject: (error: BringupError) => void
  timer: Timer | undefined
}

/** The console of one guest. */
export class Console {
  readonly #tape = new Tape()
  readonly #drawn = new DrawnConsole()
  /** What a console that draws showed at the last match: what has changed since answers those who wait. */
  #drawnBefore: readonly string[] = []
  /** What was matched last may not be drawn yet. */
  #isDrawnLate = false
  /** Where the last match ended. */
  #from = 0
  /** What is before this the first waiter cannot match any more. */
  #searched = 0
  #waiters: Waiter[] = []
  #ended: (() => string) | undefined
  #chunkListeners: ((chunk: Buffer) => void)[] = []
  readonly #input: Writable | undefined
  readonly #lines: ConsoleLines
  readonly #log: ConsoleLog | undefined
  #isReplaying = false
  #hasInput = false

  constructor(
    stream: { readonly input?: Writable; readonly output: Readable } | Duplex,
    log?: ConsoleLogPlace,
    now: () => number = () => performance.now(),
  ) {
    const { input, output } = 'output' in stream ? stream : { input: stream, output: stream }
    this.#input = input
    this.#lines = new ConsoleLines(now)
    this.#log = log && new ConsoleLog(log, now)
    output.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#drawn.onChange(() => this.#searchDrawn())
    output.on('error', () => {})
    input?.on('error', () => {})
  }

  /** Everything since the last match (at most the last 16 MiB of it). */
  get text(): string {
    return this.#decode(this.#tape.read(this.#from))
  }

  /** True once something was sent to the guest. */
  get hasInput(): boolean {
    return this.#hasInput
  }

  /** True while listeners get what the guest printed before it was saved. */
  get isReplaying(): boolean {
    return this.#isReplaying
  }

  /**
   * Takes what a restored guest printed before it was saved, as if it came now.
   *
   * @param mark Line for the log, after that text.
   */
  replay(printed: Buffer, mark: string): void {
    this.#isReplaying = true
    this.#take(printed)
    this.#isReplaying = false
    const isInLine = printed.length > 0 && printed.at(-1) !== 0x0a
    this.#log?.mark(`${isInLine ? '\n' : ''}${mark}\n`)
  }

  /** All that the guest has printed, at most the last 16 MiB; undefined if the log is incomplete. */
  printed(): Buffer | undefined {
    return this.#log?.printed(this.#tape.end, KEEP_BYTES)
  }

  /** Why the log stopped before the console did. */
  get logError(): Error | undefined {
    return this.#log?.error
  }

  /** True while a program draws on it by moving the cursor. */
  get isDrawn(): boolean {
    return this.#drawn.lines !== undefined
  }

  /**
   * The last lines as a screen would show them, the unfinished one included; of a console that draws, its whole screen.
   * Control characters are made visible.
   */
  tail(lines: number = TAIL_LINES): readonly string[] {
    if (this.#drawn.lines) return this.#drawn.lines
    const start = Math.max(0, this.#tape.end - RECENT_BYTES)
    const all = this.#decode(this.#tape.read(start)).split('\n')
    const whole = start > 0 && all.length > 1 ? all.slice(1) : all
    return (whole.at(-1) === '' ? whole.slice(0, -1) : whole).slice(-lines).flatMap(screenLines).slice(-lines)
  }

  /** Calls back for every complete line, without its end. */
  onLine(listener: (line: string, atMs: number) => void): void {
    this.#lines.onLine(listener, () => this.#tape.read(this.#tape.end - RECENT_BYTES))
  }

  /** Calls back after the lines of each chunk with what has no end yet; only where lines are wanted too. */
  onUnfinished(listener: (rest: string) => void): void {
    this.#lines.onUnfinished(listener)
  }

  /** Calls back for every chunk as it comes. Returns what takes the listener away again. */
  onChunk(listener: (chunk: Buffer) => void): () => void {
    this.#chunkListeners.push(listener)
    return () => {
      this.#chunkListeners = this.#chunkListeners.filter((l) => l !== listener)
    }
  }

  /** Calls back with the whole screen of a console that draws, whenever it has changed. */
  onDrawn(listener: (lines: readonly string[]) => void): void {
    this.#drawn.onChange(listener)
  }

  /** Resolves when all that came has been drawn, on a console that draws. */
  settled(): Promise<void> {
    return this.#drawn.settled()
  }

  /**
   * Sends text to the guest, as if typed.
   *
   * @param onTaken Called once QEMU has taken it, which it does as fast as the guest reads.
   */
  write(text: string | Uint8Array, onTaken: () => void = () => {}): void {
    this.#hasInput = true
    this.#input?.write(text, () => onTaken())
  }

  /**
   * Waits for text after the last match. A string may lie anywhere; a regular expression is tried on whole lines and
   * on the unfinished last one, so it cannot span lines. Where a program draws on the console by moving the cursor, the
   * lines of its screen that have changed since the last match count as well.
   *
   * @param pattern Text or regular expression.
   * @param options `timeoutMs`: deadline in milliseconds, 30,000 by default.
   * @returns The match, its groups, and the text before it.
   * @throws BringupError `CONSOLE_NO_MATCH` at the deadline, `CONSOLE_ENDED` when the guest ends first; both carry the last lines.
   *
   * @example
   * const { groups } = await guest.console.expect(/cpus: (\d+)/, { timeoutMs: 5000 })
   */
  expect(pattern: string | RegExp, options: { readonly timeoutMs?: number } = {}): Promise<ConsoleMatch> {
    const timeoutMs = options.timeoutMs ?? 30_000
    const atCaller = callSite(this.expect)
    return new Promise((resolve, rejectWith) => {
      const reject = (error: BringupError) => rejectWith(atCaller(error))
      const waiter: Waiter = { pattern, resolve, reject, timer: undefined }
      this.#waiters.push(waiter)
      if (this.#waiters[0] === waiter) this.#search()
      if (!this.#waiters.includes(waiter)) return
      if (this.#ended) return this.#giveUp(waiter, this.#ended())
      waiter.timer = startTimer(timeoutMs, () => {
        const what = `the console did not show ${show(pattern)} within ${timeoutMs} ms`
        this.#remove(waiter)
        this.#search()
        reject(new BringupError([problems.CONSOLE_NO_MATCH.at('', what, { evidence: this.tail() })]))
      })
    })
  }

  /** Tells those who wait that nothing more will come. `why` is asked once per waiter. */
  end(why: () => string): void {
    if (this.#ended) return
    this.#lines.end()
    this.#ended = why
    this.#search()
    for (const waiter of [...this.#waiters]) this.#giveUp(waiter, why())
    this.#log?.end(this.#tape)
  }

  #giveUp(waiter: Waiter, why: string): void {
    this.#remove(waiter)
    const what = `${why} before the console showed ${show(waiter.pattern)}`
    waiter.reject(new BringupError([problems.CONSOLE_ENDED.at('', what, { evidence: this.tail() })]))
  }

  #remove(waiter: Waiter): void {
    waiter.timer?.clear()
    this.#waiters = this.#waiters.filter((w) => w !== waiter)
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return
    this.#log?.take(chunk)
    for (const listener of this.#chunkListeners) listener(chunk)
    this.#tape.append(chunk)
    this.#drawn.take(chunk)
    this.#from = Math.max(this.#from, this.#tape.end - KEEP_BYTES)
    this.#tape.forget(Math.min(this.#from, this.#tape.end - LOG_END_BYTES))
    this.#lines.take(chunk)
    if (this.#waiters.length > 0) this.#searchOn()
  }

  /** Looks again at everything since the last match, for a waiter that is new at the head. */
  #search(): void {
    this.#searched = this.#from
    this.#searchOn()
  }

  /**
   * Serves the waiters in the order in which they asked: each match uses up the text before it. Only what is new is
   * looked at, so waiting for the last line of a long log stays linear.
   */
  #searchOn(): void {
    for (let waiter = this.#waiters[0]; waiter; waiter = this.#waiters[0]) {
      const begin = Math.max(this.#searched, this.#from)
      const found = findText(this.#tape.read(begin), waiter.pattern, (bytes) => this.#decode(bytes))
      if (typeof found === 'number') {
        this.#searched = begin + found
        this.#searchDrawn()
        return
      }
      this.#remove(waiter)
      this.#useUpDrawn()
      const passed = this.#tape.read(this.#from, begin + found.start)
      this.#from = begin + found.end
      this.#searched = this.#from
      waiter.resolve(matchOf(found, () => this.#decode(passed)))
    }
  }

  /** Serves the first waiter with what a console that draws shows; the text before it is used up too. */
  #searchDrawn(): void {
    const waiter = this.#waiters[0]
    const lines = this.#drawn.lines
    if (!waiter || !lines || this.#isDrawnLate) return
    const bytes = Buffer.from(changedLines(this.#drawnBefore, lines).join('\n'))
    const found = findText(bytes, waiter.pattern, (some) => some.toString())
    if (typeof found === 'number') return
    this.#remove(waiter)
    this.#drawnBefore = lines
    const passed = this.#tape.read(this.#from)
    this.#from = this.#tape.end
    this.#searched = this.#from
    waiter.resolve(matchOf(found, () => this.#decode(passed)))
    this.#searchOn()
  }

  /** What is on the console so far, drawn or yet to be drawn, answers no later waiter. */
  #useUpDrawn(): void {
    if (!this.#drawn.hasBegun || this.#isDrawnLate) return
    this.#isDrawnLate = true
    void this.#drawn.settled().then(() => {
      this.#isDrawnLate = false
      this.#drawnBefore = this.#drawn.lines ?? []
    })
  }

  /** Half of a letter at the end is left out while the other half may come. */
  #decode(bytes: Buffer): string {
    if (isAscii(bytes)) return bytes.toString('latin1')
    return this.#ended ? bytes.toString() : new StringDecoder('utf8').write(bytes)
  }
}

/** Megabytes may lie before a match: they become text on demand. */
function matchOf({ text, groups }: Found, decode: () => string): ConsoleMatch {
  let before: string | undefined
  return {
    text,
    groups,
    get before() {
      before ??= decode()
      return before
    },
  }
}

function show(pattern: string | RegExp): string {
  return typeof pattern === 'string' ? JSON.stringify(pattern) : `${pattern}`
}
