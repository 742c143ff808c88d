/** Times of one run: until its machine ran, while it ran, and both. */
import type { GuestResult } from './record.ts'

export interface RunClock {
  /** What went before does not count. */
  restart(): void
  /** The machine begins to run. */
  run(): void
  /** The guest's agent answers for the first time. */
  answer(): void
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
  let beganAt = now()
  let runsFrom: number | undefined
  let answeredAt: number | undefined
  return {
    restart: () => {
      beganAt = now()
    },
    run: () => {
      runsFrom = now()
    },
    answer: () => {
      answeredAt ??= now()
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
        ...(answeredAt === undefined ? {} : { bootMs: Math.max(0, round(answeredAt - from)) }),
        runMs: round(endedAt - from),
        totalMs: round(endedAt - beganAt),
      }
    },
  }
}

const round = (ms: number) => Math.round(ms * 10) / 10
