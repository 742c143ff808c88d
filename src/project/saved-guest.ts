/** A planned guest that is restored from a saved state if possible. */
import { withState } from '../states/origin.ts'
import { cacheFolder } from './cache-folder.ts'
import type { PlannedGuest } from './planning.ts'

/** The same guest, restored, or saved by this run. If it boots, its plan says why. */
export function savedGuest(planned: PlannedGuest): PlannedGuest {
  const { plan, profile, facts } = planned
  const because = `profile ${plan.profile} does not support saved states`
  if (profile.canBeSaved !== true) return { ...planned, plan: { ...plan, origin: { kind: 'boot', because } } }
  const folders = { cache: cacheFolder(), firmware: facts.qemu?.dataFolders ?? [] }
  return { ...planned, plan: withState(plan, folders) }
}
