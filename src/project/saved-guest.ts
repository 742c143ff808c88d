/** A planned guest that is restored from a saved state if possible. */
import { withState } from '../states/origin.ts'
import { cacheFolder } from './cache-folder.ts'
import type { PlannedGuest } from './planning.ts'
import type { PlannedRun } from './run-planning.ts'

/** The same guest, restored, or saved by this run. If it boots, its plan says why. */
export function savedGuest(planned: PlannedGuest): PlannedGuest {
  const { plan, profile, facts } = planned
  const because = `profile ${plan.profile} does not support saved states`
  if (profile.canBeSaved !== true) return { ...planned, plan: { ...plan, origin: { kind: 'boot', because } } }
  const folders = { cache: cacheFolder(), firmware: facts.qemu?.dataFolders ?? [] }
  return { ...planned, plan: withState(plan, folders) }
}

/** The same run; if it is a single guest that runs a command, as above. */
export function savedForCommand(made: PlannedRun): PlannedRun {
  const [guest] = made.guests
  if (made.plan.isRack || guest === undefined || guest.plan.command.length === 0) return made
  const saved = savedGuest(guest)
  return { plan: { ...made.plan, guests: [saved.plan] }, guests: [saved] }
}
