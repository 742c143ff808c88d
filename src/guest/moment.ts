/** A moment of a guest's own time, in which it may show that it has crashed after all. */
import { processActivity } from '../host/process-group.ts'
import { pause } from '../timer.ts'

const LOOK_MS = 50
/** CPU time of QEMU. */
const ENOUGH_MS = 50
/** Of a clock tick in /proc: USER_HZ is 100 on all architectures of QEMU. */
const TICK_MS = 10
/** A computer that gives QEMU no time for so many looks gives it none. */
const MOST_LOOKS = 100

/** Resolves once QEMU has had that time, or waits. */
export async function momentOf(pid: number, activityOf = processActivity): Promise<void> {
  const first = activityOf(pid).ticks
  for (let look = 0; look < MOST_LOOKS; look++) {
    await pause(LOOK_MS)
    const { isBusy, ticks } = activityOf(pid)
    if (!isBusy || (ticks - first) * TICK_MS >= ENOUGH_MS) return
  }
}
