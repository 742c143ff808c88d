/**
 * Time as a guest had it: what its processes computed, or what passed while they waited for nothing of this computer. On
 * a slow or loaded computer the same test takes longer by the clock, and as long in this time.
 */
import { groupActivity } from '../host/process-group.ts'

/** USER_HZ of Linux on x86: 100 ticks a second (proc(5), utime). */
const TICK_MS = 10

export class GuestTime {
  readonly #group: number
  readonly #now: () => number
  readonly #activityOf: typeof groupActivity
  #lastMs: number
  #lastTicks: number
  #passed = 0

  constructor(group: number, now: () => number = () => performance.now(), activityOf = groupActivity) {
    this.#group = group
    this.#now = now
    this.#activityOf = activityOf
    this.#lastMs = now()
    this.#lastTicks = activityOf(group).ticks
  }

  /** Milliseconds since it was made. Look often: of the time between two looks, all or none was idle. */
  passed(): number {
    const { isBusy, ticks } = this.#activityOf(this.#group)
    const now = this.#now()
    const wall = now - this.#lastMs
    const computed = (ticks - this.#lastTicks) * TICK_MS
    // Several CPUs compute more than the clock shows.
    this.#passed += isBusy || computed > 0 ? Math.min(wall, computed) : wall
    this.#lastMs = now
    this.#lastTicks = ticks
    return this.#passed
  }
}
