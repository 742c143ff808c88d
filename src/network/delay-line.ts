/** Frames that wait: each is delivered when its time has come, in the order of their times. */

/** The time in milliseconds, and a call later on. */
export interface Clock {
  now(): number
  /** Calls back once after that time; the returned function takes it back. */
  after(ms: number, call: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

interface Waiting {
  readonly due: number
  readonly order: number
  readonly deliver: () => void
}

/** A binary heap, the earliest on top. */
export class DelayLine {
  readonly #clock: Clock
  /** Called once after each batch of deliveries. */
  readonly #onDelivered: () => void
  readonly #heap: Waiting[] = []
  #order = 0
  #alarm: { readonly due: number; readonly cancel: () => void } | undefined

  constructor(clock: Clock, onDelivered: () => void) {
    this.#clock = clock
    this.#onDelivered = onDelivered
  }

  get size(): number {
    return this.#heap.length
  }

  /** What has the same time is delivered in the order in which it came. */
  add(due: number, deliver: () => void): void {
    const heap = this.#heap
    heap.push({ due, order: this.#order++, deliver })
    let at = heap.length - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#isBefore(at, above)) break
      this.#swap(at, above)
      at = above
    }
    this.#arm()
  }

  close(): void {
    this.#alarm?.cancel()
    this.#heap.length = 0
  }

  #arm(): void {
    const next = this.#heap[0]
    if (next === undefined || (this.#alarm !== undefined && this.#alarm.due <= next.due)) return
    this.#alarm?.cancel()
    const cancel = this.#clock.after(Math.max(0, next.due - this.#clock.now()), () => this.#ring())
    this.#alarm = { due: next.due, cancel }
  }

  #ring(): void {
    this.#alarm = undefined
    const now = this.#clock.now()
    let next = this.#heap[0]
    while (next !== undefined && next.due <= now) {
      this.#removeFirst()
      next.deliver()
      next = this.#heap[0]
    }
    this.#onDelivered()
    this.#arm()
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    heap[0] = last
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (left < heap.length && this.#isBefore(left, least)) least = left
      if (right < heap.length && this.#isBefore(right, least)) least = right
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]]
    if (first === undefined || second === undefined) return false
    return first.due < second.due || (first.due === second.due && first.order < second.order)
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]]
    if (first === undefined || second === undefined) return
    this.#heap[a] = second
    this.#heap[b] = first
  }
}
