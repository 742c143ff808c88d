/** The time-out of a run that gdb may stop: it stands still while the machine does. */
import { startTimer, type Timer } from '../timer.ts'

export class RunDeadline {
  readonly #onEnd: () => void
  readonly #now: () => number
  #leftMs: number
  #timer: Timer | undefined
  #runsFrom = 0
  #isOver = false

  constructor(timeoutMs: number, onEnd: () => void, now: () => number = () => performance.now()) {
    this.#leftMs = timeoutMs
    this.#onEnd = onEnd
    this.#now = now
  }

  /** The machine runs, or runs again. */
  run(): void {
    if (this.#timer || this.#isOver) return
    this.#runsFrom = this.#now()
    this.#timer = startTimer(this.#leftMs, this.#onEnd)
  }

  /** The machine stands still. */
  pause(): void {
    if (!this.#timer) return
    this.#timer.clear()
    this.#timer = undefined
    this.#leftMs = Math.max(0, this.#leftMs - (this.#now() - this.#runsFrom))
  }

  /** The run is over. */
  clear(): void {
    this.pause()
    this.#isOver = true
  }
}
