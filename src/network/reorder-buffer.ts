/** Frames that are to arrive after the next one of their flow. */
import type { Clock } from './delay-line.ts'

/** A flow that falls silent must not keep its last frame forever. */
const LONGEST_MS = 100

export class ReorderBuffer {
  readonly #clock: Clock
  readonly #onDelivered: () => void
  readonly #held = new Map<string, { readonly deliver: () => void; readonly cancel: () => void }>()

  constructor(clock: Clock, onDelivered: () => void) {
    this.#clock = clock
    this.#onDelivered = onDelivered
  }

  /** Keeps a frame until the next one of the flow. One that is held already goes first. */
  hold(flow: string, deliver: () => void): void {
    this.release(flow)
    const cancel = this.#clock.after(LONGEST_MS, () => {
      this.release(flow)
      this.#onDelivered()
    })
    this.#held.set(flow, { deliver, cancel })
  }

  /** The next frame of the flow has passed. */
  release(flow: string): void {
    const held = this.#held.get(flow)
    if (held === undefined) return
    this.#held.delete(flow)
    held.cancel()
    held.deliver()
  }

  close(): void {
    for (const { cancel } of this.#held.values()) cancel()
    this.#held.clear()
  }
}
