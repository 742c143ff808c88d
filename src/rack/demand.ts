/** What a guest needs of this computer: cores, memory, huge pages. Pure. */
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan, PlacedPart } from '../plan/plan.ts'
import type { Placement } from './placement-schema.ts'

/** What a guest needs. */
export interface Demand {
  readonly guest: string
  /** Undefined where the guest is not placed: its pins count all the same. */
  readonly placement: Placement | undefined
  /** Threads of one core of the guest. */
  readonly threads: number
  /** One for each NUMA node of the guest, or one for all of it. */
  readonly parts: readonly DemandedPart[]
  readonly pins: GuestPlan['pins']
  /** Page size, where its RAM is in huge pages. */
  readonly hugePageBytes?: number
}

export interface DemandedPart extends Pick<PlacedPart, 'node' | 'cpus' | 'bytes'> {
  /** NUMA nodes of this computer that the description binds its memory to. */
  readonly hostNodes?: readonly number[]
}

/** One that is to be placed. */
export type Placed = Demand & { readonly placement: Placement }

/** What the machine of a guest needs. */
export function demandOf(
  { guest, name, machine }: Pick<GuestPlan, 'guest' | 'name' | 'machine'>,
  placement: Placement | undefined,
): Demand {
  const { cpus, nodes, ramBytes, memory } = viewOf(name, machine)
  const ofAll = memory.hostNodes === undefined ? {} : { hostNodes: memory.hostNodes }
  const isAtBoot = (cpu: number) => cpu < cpus.count
  return {
    guest,
    placement,
    threads: cpus.threads,
    parts:
      nodes.length === 0
        ? [{ cpus: Array.from({ length: cpus.count }, (_, cpu) => cpu), bytes: ramBytes, ...ofAll }]
        : nodes.map((one, node) => ({
            node,
            cpus: one.cpus.filter(isAtBoot),
            bytes: one.bytes,
            ...ofAll,
            ...(one.hostNodes === undefined ? {} : { hostNodes: one.hostNodes }),
          })),
    pins: machine.pins,
    ...(memory.hugePages === undefined ? {} : { hugePageBytes: memory.hugePages }),
  }
}
