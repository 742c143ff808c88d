/** Lines of a console as they complete. Made for those who want them only: half of the work at many MB/s. */
import { StringDecoder } from 'node:string_decoder'
import { withoutReturns } from '../guest-text.ts'

/** A line that goes on for longer is handed on in pieces: a guest may never end one. */
const LONGEST_LINE = 1024 * 1024

export class ConsoleLines {
  readonly #decoder = new StringDecoder('utf8')
  readonly #now: () => number
  #listeners: ((line: string, atMs: number) => void)[] = []
  #unfinishedListeners: ((rest: string) => void)[] = []
  #partial = ''

  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Calls back for every complete line, without its end.
   *
   * @param recent The end of what came before, whose unfinished line goes on.
   */
  onLine(listener: (line: string, atMs: number) => void, recent: () => Buffer): void {
    if (this.#listeners.length === 0) {
      const bytes = recent()
      this.#partial = this.#decoder.write(bytes.subarray(bytes.lastIndexOf('\n') + 1))
    }
    this.#listeners.push(listener)
  }

  onUnfinished(listener: (rest: string) => void): void {
    this.#unfinishedListeners.push(listener)
  }

  take(chunk: Buffer): void {
    if (this.#listeners.length > 0) this.#make(this.#decoder.write(chunk))
  }

  /** The unfinished line is one now. */
  end(): void {
    this.#make(this.#decoder.end())
    if (this.#partial !== '') this.#endLine(this.#now())
  }

  #make(text: string): void {
    const atMs = this.#now()
    let from = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.#partial += text.slice(from, end)
      this.#endLine(atMs)
      from = end + 1
    }
    this.#partial += text.slice(from)
    if (this.#partial.length >= LONGEST_LINE) this.#endLine(atMs)
    for (const listener of this.#unfinishedListeners) listener(this.#partial)
  }

  #endLine(atMs: number): void {
    const line = withoutReturns(this.#partial)
    this.#partial = ''
    for (const listener of this.#listeners) listener(line, atMs)
  }
}
