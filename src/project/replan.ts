/** Plans of guests that were planned before: with another place on this computer, or with all that was added to them. */
import { startReadingLocks } from '../host/file-locks.ts'
import type { MachineConfig } from '../machine/machine.ts'
import { makePlan } from '../plan/make-plan.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { cacheFolder } from './cache-folder.ts'
import { factsFor } from './facts-for.ts'
import type { PlannedGuest } from './planning.ts'
import type { Profile } from './profile.ts'
import { withProfileNeeds } from './profile-needs.ts'

/** The plan of the same guest with another machine: same files, same QEMU, other arguments. Findings that are new are added. */
export function withMachine(planned: PlannedGuest, machine: MachineConfig): PlannedGuest {
  const { plan, facts, profile } = planned
  const { name, judgement } = plan
  const [before, now] = [plan.machine, machine].map((one) =>
    withProfileNeeds(
      makePlan({ name, profile: profile.name, machine: one, facts, judgement }),
      profile,
      facts,
    ),
  ) as [GuestPlan, GuestPlan]
  const known = new Set(before.diagnostics.map((finding) => JSON.stringify(finding)))
  const { args, argv, supervisedArgv, pins } = now
  const fresh = now.diagnostics.filter((finding) => !known.has(JSON.stringify(finding)))
  const diagnostics = [...plan.diagnostics, ...fresh]
  return { ...planned, plan: { ...plan, machine, args, argv, supervisedArgv, pins, diagnostics } }
}

/** A machine whose paths are absolute, as a plan has it. */
export interface PlacedMachine extends Pick<GuestPlan, 'name' | 'machine' | 'judgement'> {
  readonly profile: Profile
  readonly stateFolder: string
  readonly networks: readonly string[]
  readonly hostNetworks: readonly string[]
  readonly signal: AbortSignal
}

/**
 * Plans a machine that was planned before: nothing is added to it and nothing prepared for it.
 *
 * @throws BringupError when there is no QEMU to speak of
 */
export async function planPlaced(placed: PlacedMachine): Promise<PlannedGuest> {
  const { name, profile, machine, judgement, stateFolder, networks, hostNetworks, signal } = placed
  const means = {
    home: { machine: name, folder: machine.home?.folder ?? stateFolder, stateFolder },
    cache: cacheFolder(),
    locks: startReadingLocks(),
    networks,
    hostNetworks,
    signal,
    progress: () => {},
  }
  const facts = await factsFor(machine, means, [])
  const plan = makePlan({ name, profile: profile.name, machine, facts, judgement })
  return { plan: withProfileNeeds(plan, profile, facts), facts, profile }
}
