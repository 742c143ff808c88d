/** Writes down, for every store that a guest can write to, that it runs and how it ended. */
import type { StoreEnd } from '../machine/facts.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { beginUse } from '../stores/record.ts'
import type { Ending } from './ending.ts'
import type { Judged } from './judge.ts'

/** Uses that were begun. */
export interface OpenUses {
  /** Writes down the end; what could not be written down is returned, since a run does not fail of it. */
  end(end: StoreEnd): Error | undefined
}

/** To be called when QEMU has the locks, before the guest runs. */
export function beginUses(
  plan: Pick<GuestPlan, 'name' | 'stores' | 'locks' | 'files'>,
  run: string,
  stateFolder: string,
): OpenUses {
  let failed: Error | undefined
  const ends = plan.stores.flatMap(({ path, device, size, label }) => {
    const isNew = plan.files.some((file) => file.path === path)
    const isAlone = plan.locks.some((lock) => lock.path === path && lock.mode === 'exclusive')
    try {
      const request = { path, device, size, label, isNew, isAlone }
      return [beginUse(request, { machine: plan.name, run, stateFolder })]
    } catch (error) {
      failed ??= error as Error
      return []
    }
  })
  return {
    end(end) {
      for (const write of ends) {
        try {
          write(end)
        } catch (error) {
          failed ??= error as Error
        }
      }
      return failed
    },
  }
}

/** Only a guest that ended by itself, and did not crash, has had the chance to leave its stores in order. */
export function storeEndOf(ending: Ending, { verdict }: Pick<Judged, 'verdict'>): StoreEnd {
  if (ending.endedBy === 'kill' || ending.signal !== null) return 'killed'
  if (verdict === 'crashed') return 'guest-crashed'
  if (
    (ending.endedBy !== undefined && ending.endedBy !== 'halt') ||
    verdict === 'timed-out' ||
    verdict === 'interrupted'
  )
    return 'stopped'
  return verdict === 'machine-failed' ? 'killed' : 'guest-ended'
}
