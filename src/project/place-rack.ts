/** Places the guests of a rack on this computer, once their machines are known. */
import type { Diagnostic } from '../diagnostics.ts'
import type { HostTopology } from '../machine/host-topology.ts'
import { demandOf } from '../rack/demand.ts'
import { inPlace, placeGuests } from '../rack/placement.ts'
import { checkPlaces } from '../rack/placement-rules.ts'
import type { Placement } from '../rack/placement-schema.ts'
import type { PlannedGuest } from './planning.ts'
import { withMachine } from './replan.ts'

/**
 * The guests with the cores and memory that they get, and findings where this computer is too small.
 *
 * @param placements of the guests, in their order; undefined where one is not placed
 * @param at path of the rack, such as `['racks', 'pair']`
 */
export function placeRack(
  guests: readonly PlannedGuest[],
  placements: readonly (Placement | undefined)[],
  { topology, at }: { readonly topology: () => HostTopology; readonly at: readonly PropertyKey[] },
): { readonly guests: readonly PlannedGuest[]; readonly diagnostics: readonly Diagnostic[] } {
  if (placements.every((placement) => placement === undefined)) return { guests, diagnostics: [] }
  const demands = guests.map(({ plan }, index) => demandOf(plan, placements[index]))
  const host = topology()
  const found = placeGuests(demands, host)
  return {
    guests: guests.map((guest) => {
      const place = found.places.get(guest.plan.guest)
      if (!place) return guest
      const planned = withMachine(guest, inPlace(guest.plan.machine, place))
      return { ...planned, plan: { ...planned.plan, placement: place.placement } }
    }),
    diagnostics: checkPlaces(demands, found, host, at),
  }
}
