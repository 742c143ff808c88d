/**
 * The plan of a run: its guests, in the order in which they are described, and what is wrong. A run of one machine is a
 * rack of one. Plain data: it can be printed, compared, saved as JSON, and run later.
 */
import { type Diagnostic, isClean } from '../diagnostics.ts'
import { distinct } from '../distinct.ts'
import type { NetworkPlan } from '../network/network-plan.ts'
import type { ServiceSpec } from '../services/service.ts'
import type { GuestPlan } from './plan.ts'

export interface RunPlan {
  /** Name of the rack; for one machine, its name. */
  readonly name: string
  /** Whether it was described as a rack. */
  readonly isRack: boolean
  /** Programs beside the guests, in the order in which they start. */
  readonly services: readonly ServiceSpec[]
  /** Private networks between the guests. */
  readonly networks: readonly NetworkPlan[]
  readonly guests: readonly GuestPlan[]
  /** What a run has to fetch, make or build first, for all guests. */
  readonly pending: GuestPlan['pending']
  /** All findings: those of each guest, and those between them. */
  readonly diagnostics: readonly Diagnostic[]
}

/** The run of one machine. */
export function runOfOne(guest: GuestPlan): RunPlan {
  const { name, pending, diagnostics } = guest
  return { name, isRack: false, services: [], networks: [], guests: [guest], pending, diagnostics }
}

/** The run of several machines. `found` is what is wrong between them. */
export function runOfRack(
  name: string,
  { guests, networks, services }: Pick<RunPlan, 'guests' | 'networks' | 'services'>,
  found: readonly Diagnostic[],
): RunPlan {
  return {
    name,
    isRack: true,
    services,
    networks,
    guests,
    // Guests of one description have the same findings and need the same files.
    pending: distinct(guests.flatMap(({ pending }) => pending)),
    diagnostics: distinct([...found, ...guests.flatMap(({ diagnostics }) => diagnostics)]),
  }
}

/** Errors that keep the run from starting. */
export function errorsOf({ diagnostics }: RunPlan): readonly Diagnostic[] {
  return isClean(diagnostics) ? [] : diagnostics.filter((d) => d.severity === 'error')
}
