/**
 * The test API for this project's own guests. Their machines have the time that a loaded computer takes; a guest that
 * hangs is told by the CPU time that its QEMU has used.
 */
import type { Guest, MachineInput } from '../../src/index.ts'
import { test as base } from '../../src/testing/index.ts'
import { watchProgress } from './progress.ts'

export { expect, type Launch } from '../../src/testing/index.ts'

const NET = '20m'
/** What the slowest guest of these tests uses under TCG, several times over. */
const CPU_SECONDS = 300

export const test = base.extend('launch', async ({ launch }, { onCleanup }) => {
  const ends: (() => void)[] = []
  onCleanup(() => {
    for (const end of ends) end()
  })
  return async (
    machine: MachineInput | string = {},
    request: Parameters<typeof launch>[1] = {},
  ): Promise<Guest> => {
    const patient = typeof machine === 'string' ? machine : { timeout: NET, ...machine }
    const guest = await launch(patient, request)
    ends.push(
      watchProgress(guest.qemu.pid, { cpuSeconds: CPU_SECONDS, onStuck: () => void guest.interrupt() }),
    )
    return guest
  }
})
