/** Compares what a guest saw with what was asked for, device by device. Pure. */
import type { Facts } from '../machine/facts.ts'
import type { GuestView } from '../machine/guest-view.ts'
import { expectationsOf } from '../machine/machine.ts'
import type { Plan } from './plan.ts'

/** One line of the comparison. `got` is null when the guest did not see it. */
export interface Comparison {
  readonly device: string
  readonly aspect: string
  readonly want: string
  readonly got: string | null
  readonly ok: boolean
}

/** What this guest could not tell is left out, so an empty list means that nothing was compared. */
export function verify(
  plan: Pick<Plan, 'machine' | 'name'>,
  facts: Facts,
  view: GuestView,
): readonly Comparison[] {
  return expectationsOf(plan.machine, facts, plan.name).flatMap(({ device, aspect, want, see }) => {
    const got = see(view)
    return got === undefined ? [] : [{ device, aspect, want, got, ok: got === want }]
  })
}
