/** A clock that stands still until a test moves it. */
import type { Clock } from '../../src/network/delay-line.ts'

export class FakeClock implements Clock {
  #now = 0
  #calls: { readonly at: number; readonly call: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(ms: number, call: () => void): () => void {
    const entry = { at: this.#now + ms, call }
    this.#calls.push(entry)
    return () => {
      this.#calls = this.#calls.filter((e) => e !== entry)
    }
  }

  /** Calls what is due on the way, at its time. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#calls.filter((e) => e.at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#calls = this.#calls.filter((e) => e !== next)
      this.#now = Math.max(this.#now, next.at)
      next.call()
    }
    this.#now = end
  }

  get waiting(): number {
    return this.#calls.length
  }
}
