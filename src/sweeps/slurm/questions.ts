/** Questions to the controller, which nothing waits for, and the pauses between them. */
import type { Claim } from './queue.ts'
import type { Job } from './squeue.ts'

/** Between two looks at the shared folder, and between two questions to the controller: longer after each that brought nothing new. */
export const LOOK_MS = { least: 100, most: 2000, factor: 1.3 } as const
export const ASK_MS = { least: 300, most: 15_000, factor: 1.5 } as const

/** What the controller said, and which tasks were taken before it was asked: later ones it cannot know. */
export interface Known {
  readonly jobs: readonly Job[]
  readonly claims: ReadonlyMap<number, Claim>
}

/** A time that grows. */
export class Backoff {
  readonly #range: typeof LOOK_MS | typeof ASK_MS
  #ms: number
  constructor(range: typeof LOOK_MS | typeof ASK_MS) {
    this.#range = range
    this.#ms = range.least
  }
  get ms(): number {
    return this.#ms
  }
  reset(): void {
    this.#ms = this.#range.least
  }
  grow(): void {
    this.#ms = Math.min(this.#range.most, this.#ms * this.#range.factor)
  }
}

/** Asks the controller again and again, and nothing waits for its answer: where it is away, that takes a minute. */
export class Questions {
  readonly #ask: () => Promise<readonly Job[] | undefined>
  readonly #backoff = new Backoff(ASK_MS)
  #last = ''
  #nextAt = performance.now() + ASK_MS.least
  #isAsking = false
  #answer: Known | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(ask: () => Promise<readonly Job[] | undefined>) {
    this.#ask = ask
  }

  /** The answer that has come, once. Asks if it is time to. @throws what the last question failed with */
  next(claims: ReadonlyMap<number, Claim>): Known | undefined {
    if (this.#failure) throw this.#failure.error
    const answer = this.#answer
    this.#answer = undefined
    if (!this.#isAsking && performance.now() >= this.#nextAt) void this.#begin(claims)
    return answer
  }

  async #begin(claims: ReadonlyMap<number, Claim>): Promise<void> {
    this.#isAsking = true
    try {
      const jobs = await this.#ask()
      const text = JSON.stringify(jobs)
      if (jobs === undefined || text === this.#last) this.#backoff.grow()
      else this.#backoff.reset()
      this.#last = text ?? ''
      if (jobs) this.#answer = { jobs, claims }
    } catch (error) {
      this.#failure = { error }
    } finally {
      this.#isAsking = false
      this.#nextAt = performance.now() + this.#backoff.ms
    }
  }
}
