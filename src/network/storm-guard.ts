/**
 * Frames to groups that go round in a loop. A bridge hands them on unchanged, so the same bytes come again thousands of
 * times a second; traffic that is meant differs from frame to frame (sequence numbers, IP identifiers).
 */
import type { Clock } from './delay-line.ts'

const WINDOW_MS = 1000
/** Copies of one frame in a window that may be meant: a program that repeats an announcement. */
const COPIES = 200
/** Distinct frames that are counted in a window. */
const MOST = 4096

export class StormGuard {
  readonly #clock: Clock
  readonly #onStorm: (copies: number) => void
  readonly #seen = new Map<number, number>()
  #began: number
  #isReported = false

  constructor(clock: Clock, onStorm: (copies: number) => void) {
    this.#clock = clock
    this.#onStorm = onStorm
    this.#began = clock.now()
  }

  /** Whether the frame is one copy too many. */
  isCopy(frame: Buffer): boolean {
    const now = this.#clock.now()
    if (now - this.#began >= WINDOW_MS) {
      // A storm that has ended may be reported again when it comes back.
      if (![...this.#seen.values()].some((count) => count > COPIES)) this.#isReported = false
      this.#seen.clear()
      this.#began = now
    }
    const key = hashOf(frame)
    const count = (this.#seen.get(key) ?? 0) + 1
    if (count === 1 && this.#seen.size >= MOST) return false
    this.#seen.set(key, count)
    if (count <= COPIES) return false
    if (!this.#isReported) {
      this.#isReported = true
      this.#onStorm(count)
    }
    return true
  }
}

/** FNV-1a over length and content. */
function hashOf(frame: Buffer): number {
  let hash = 0x811c_9dc5 ^ frame.length
  for (const byte of frame) hash = Math.imul(hash ^ byte, 0x0100_0193)
  return hash >>> 0
}
