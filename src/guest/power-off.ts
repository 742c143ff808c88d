/** Lets a guest shut down in order where what it has not written yet would be missed. */
import { once } from 'node:events'
import { partsOf } from '../machine/parts.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { Shell } from './shell.ts'

/** How long a guest may take to shut down when its work is done. */
const POWER_OFF_MS = 120_000

/** Whether the guest writes to a disk that outlives it: ending QEMU would lose what the guest holds back in its memory. */
export function keepsDisk(plan: Pick<GuestPlan, 'machine'>): boolean {
  return partsOf(plan.machine).some(({ device, config }) => device.keeps?.(config) !== undefined)
}

/** Asks the guest to power off, and resolves when it has ended or the time is over. */
export async function powerOff(shell: Pick<Shell, 'end'>, ended: Promise<unknown>): Promise<void> {
  shell.end('power-off')
  await Promise.race([ended, once(AbortSignal.timeout(POWER_OFF_MS), 'abort')])
}
