/** A planned guest that goes on from a saved state, where that is possible. */
import { withState } from '../states/origin.ts'
import { cacheFolder } from './cache-folder.ts'
import type { PlannedGuest } from './planning.ts'

/** The same guest, saved before or saved by this run. Its plan says why it boots, where it does. */
export function savedGuest(planned: PlannedGuest): PlannedGuest {
  const { plan, profile } = planned
  const because = `the agent of profile ${plan.profile} cannot go on from a saved state`
  if (profile.canBeSaved !== true) return { ...planned, plan: { ...plan, origin: { kind: 'boot', because } } }
  return { ...planned, plan: withState(plan, cacheFolder()) }
}
