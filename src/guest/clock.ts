/** Times of one run: until its machine ran, while it ran, and both. */
import type { GuestResult } from './record.ts'

export interface RunClock {
  /** The machine begins to run. */
  run(): void
  /** True once it has begun to run. */
  readonly hasRun: boolean
  /** The times until now, in milliseconds with one decimal. A machine that never ran has run for none. */
  stop(): GuestResult['timings']
}

/** @param buildMs What building took before. */
export function startClock(
  buildMs: number | undefined,
  now: () => number = () => performance.now(),
): RunClock {
  const beganAt = now()
  let runsFrom: number | undefined
  return {
    run: () => {
      runsFrom = now()
    },
    get hasRun() {
      return runsFrom !== undefined
    },
    stop: () => {
      const endedAt = now()
      const from = runsFrom ?? endedAt
      return {
        ...(buildMs === undefined ? {} : { buildMs }),
        startMs: round(from - beganAt),
        runMs: round(endedAt - from),
        totalMs: round(endedAt - beganAt),
      }
    },
  }
}

const round = (ms: number) => Math.round(ms * 10) / 10
