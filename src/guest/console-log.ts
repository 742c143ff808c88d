/** The log of a console: every byte as it came, with its time, up to a limit. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { OWN_FILE } from '../own-files.ts'
import { readTail } from './read-log.ts'
import type { Tape } from './tape.ts'

/** Where the bytes go besides memory. */
export interface ConsoleLogPlace {
  /** Every byte as it came. */
  readonly path: string
  /** `seconds bytes` per chunk, the classic timing format of script(1): scriptreplay(1) can play the log. */
  readonly timingPath: string
  /** The log holds so many bytes from the start, and the last MiB. Default: 1 GiB. */
  readonly mostBytes?: number
}

/** What a log holds at most: a guest that prints forever must not fill the disk. Its end is kept as well. */
const LOG_BYTES = 1024 * 1024 * 1024
export const LOG_END_BYTES = 1024 * 1024

export class ConsoleLog {
  readonly #path: string
  readonly #log: number
  readonly #timing: number
  readonly #most: number
  readonly #now: () => number
  #lastMs: number
  #logged = 0
  /** A line of bringup's own. */
  #mark: { readonly at: number; readonly bytes: number } | undefined
  #error: Error | undefined

  constructor({ path, timingPath, mostBytes = LOG_BYTES }: ConsoleLogPlace, now: () => number) {
    this.#path = path
    this.#log = openSync(path, 'a', OWN_FILE)
    this.#timing = openSync(timingPath, 'a', OWN_FILE)
    this.#most = mostBytes
    this.#now = now
    this.#lastMs = now()
  }

  /** Why the log stopped before the console did. A disk that is full must not end the guest: the run says so. */
  get error(): Error | undefined {
    return this.#error
  }

  take(chunk: Buffer): void {
    if (this.#error || this.#logged >= this.#most) return
    this.#logged += chunk.length
    this.#write(chunk)
  }

  /** Adds a line that the guest did not print. */
  mark(line: string): void {
    if (this.#error || this.#logged >= this.#most) return
    const bytes = Buffer.from(line)
    this.#mark = { at: this.#logged, bytes: bytes.length }
    this.#write(bytes)
  }

  /** The last bytes that the guest printed; undefined if not all so far are in the log. */
  printed(end: number, bytes: number): Buffer | undefined {
    if (this.#error || this.#logged < end) return undefined
    const mark = this.#mark ?? { at: 0, bytes: 0 }
    const tail = readTail(this.#path, bytes)
    const from = this.#logged + mark.bytes - tail.length
    return Buffer.concat([
      tail.subarray(0, Math.max(0, mark.at - from)),
      tail.subarray(Math.max(0, mark.at + mark.bytes - from)),
    ])
  }

  /** Adds the end of what was printed beyond the limit. What is missing before it is an error. */
  end(tape: Tape): void {
    if (tape.end > this.#logged && !this.#error) {
      const from = Math.max(this.#logged, tape.end - LOG_END_BYTES)
      const missing = from - this.#logged
      if (missing > 0) this.#write(Buffer.from(`\n[${missing} bytes are not in this log]\n`))
      this.#write(tape.read(from))
      if (missing > 0)
        this.#error = new Error(
          `the guest printed ${tape.end} bytes; its log has the first ${this.#logged} and the last ${tape.end - from}`,
        )
    }
    for (const fd of [this.#log, this.#timing]) closeSync(fd)
  }

  #write(chunk: Buffer): void {
    const now = this.#now()
    try {
      writeSync(this.#log, chunk)
      writeSync(this.#timing, `${((now - this.#lastMs) / 1000).toFixed(6)} ${chunk.length}\n`)
    } catch (error) {
      this.#error = error as Error
    }
    this.#lastMs = now
  }
}
