/** The last frames of a network, for tests that look at them. */
import type { NetworkFrame } from './running-network.ts'

const MOST_FRAMES = 8192
const MOST_BYTES = 16 * 1024 * 1024

export class FrameRing {
  readonly #frames: (NetworkFrame | undefined)[] = []
  #first = 0
  #bytes = 0

  add(frame: NetworkFrame): void {
    this.#frames.push(frame)
    this.#bytes += frame.data.length
    while (this.#frames.length - this.#first > MOST_FRAMES || this.#bytes > MOST_BYTES) this.#dropFirst()
  }

  /** In the order in which they came in. */
  all(): readonly NetworkFrame[] {
    return this.#frames.slice(this.#first).filter((frame) => frame !== undefined)
  }

  #dropFirst(): void {
    this.#bytes -= this.#frames[this.#first]?.data.length ?? 0
    this.#frames[this.#first++] = undefined
    // Half of the list is empty: it is made short at once, not frame by frame.
    if (this.#first < MOST_FRAMES) return
    this.#frames.splice(0, this.#first)
    this.#first = 0
  }
}
