/** Makes lines of what comes in chunks. */
import { StringDecoder } from 'node:string_decoder'
import { withoutReturns } from './guest-text.ts'

/** A longer line is passed on in pieces. */
const LONGEST_LINE = 64 * 1024

export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8')
  readonly #onLine: (line: string) => void
  readonly #longest: number
  #rest = ''

  constructor(onLine: (line: string) => void, longest: number = LONGEST_LINE) {
    this.#onLine = onLine
    this.#longest = longest
  }

  take(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#onLine(withoutReturns(line))
    if (this.#rest.length < this.#longest) return
    this.#onLine(this.#rest)
    this.#rest = ''
  }

  /** What has no end of line is a line too. */
  end(): void {
    const rest = this.#rest + this.#decoder.end()
    this.#rest = ''
    if (rest !== '') this.#onLine(withoutReturns(rest))
  }
}
