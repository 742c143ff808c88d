/** The time limit of a command in a guest. */
import { BringupError } from '../diagnostics.ts'
import { startTimer, type Timer } from '../timer.ts'
import { problems } from './shell-problems.ts'

/** One time limit over everything that a command waits for. */
export class CommandDeadline {
  onTimeout: () => void = () => {}
  readonly #timeoutMs: number | undefined
  #timer: Timer | undefined
  readonly #expired: Promise<never>
  #what = ''

  constructor(timeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs
    this.#expired = new Promise((_, reject) => {
      if (timeoutMs === undefined) return
      this.#timer = startTimer(timeoutMs, () => {
        this.onTimeout()
        reject(
          new BringupError([
            problems.SHELL_TIMEOUT.at('', `"${this.#what}" did not end within ${this.#timeoutMs} ms`),
          ]),
        )
      })
    })
    this.#expired.catch(() => {})
  }

  race<T>(promise: Promise<T>, what: string): Promise<T> {
    this.#what = what
    return Promise.race([promise, this.#expired])
  }

  clear(): void {
    this.#timer?.clear()
  }
}
