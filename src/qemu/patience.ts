/** A deadline for a program that may be slow on a loaded computer: one that waits is given up, one at work is not. */
import { groupActivity } from '../host/process-group.ts'
import { startTimer, type Timer } from '../timer.ts'

export interface Patience {
  /** Leader of the group of processes. */
  readonly group: number
  readonly withinMs: number
  /** However busy it is. */
  readonly mostMs: number
  /** CPU time after which one at work is given up too. Default: it may use all that it gets. */
  readonly cpuMs?: number
}

/** Of a clock tick in /proc: USER_HZ is 100 on all architectures of QEMU. */
const TICK_MS = 10

const LOOK_MS = 250
/** So many looks must find it waiting: between two of its steps, a busy program waits as well. */
const LOOKS = 3

/** Calls back with the time that passed. */
export function startPatience(
  { group, withinMs, mostMs, cpuMs }: Patience,
  onSilent: (afterMs: number) => void,
  activityOf = groupActivity,
): Timer {
  const first = cpuMs === undefined ? 0 : activityOf(group).ticks
  const hasUsedAll = (ticks: number) => cpuMs !== undefined && (ticks - first) * TICK_MS >= cpuMs
  // Not looked at before: reading /proc takes longer than QEMU does to start.
  let before = Number.POSITIVE_INFINITY
  let waiting = 0
  let passed = withinMs
  let timer = startTimer(withinMs, look)
  function look(): void {
    const { isBusy, ticks } = activityOf(group)
    waiting = isBusy || ticks > before ? 0 : waiting + 1
    before = ticks
    if (waiting >= LOOKS || passed >= mostMs || hasUsedAll(ticks)) {
      onSilent(passed)
      return
    }
    passed += LOOK_MS
    timer = startTimer(LOOK_MS, look)
  }
  return { clear: () => timer.clear() }
}
