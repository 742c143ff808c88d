/**
 * Places guests on cores and memory of this computer. Pure. Cores of pins are reserved first; then guests with cores of
 * their own are placed, those first whose memory is bound already, then guests that share the rest.
 */
import type { HostTopology } from '../machine/host-topology.ts'
import type { MachineConfig } from '../machine/machine.ts'
import type { GuestPlacement, GuestPlan, PlacedPart } from '../plan/plan.ts'
import type { Demand, Placed } from './demand.ts'
import { HostState } from './host-state.ts'
import { type Means, placePart, sorted, type Turn } from './place-part.ts'
import type { Shortage } from './shortage.ts'

/** The place of one guest, and the pins that follow from it. */
export interface Place {
  readonly placement: GuestPlacement
  readonly pins: GuestPlan['pins']
}

export interface Places {
  readonly places: ReadonlyMap<string, Place>
  readonly shortages: readonly Shortage[]
}

/** The machine with its pins and the nodes of its memory. What the description says of them itself stays. */
export function inPlace(machine: MachineConfig, { placement, pins }: Place): MachineConfig {
  const { memory, numa } = machine
  const all = { ...machine, pins: [...machine.pins, ...pins] }
  const [whole] = placement.parts
  if (memory.hostNodes !== undefined) return all
  if (numa === undefined) {
    const nodes = whole?.memoryNodes
    if (nodes === undefined || !isFilled(nodes)) return all
    const isSpread = placement.strategy === 'interleave' && nodes.length > 1
    const policy = memory.policy ?? (isSpread ? 'interleave' : undefined)
    return { ...all, memory: { ...memory, hostNodes: nodes, ...(policy === undefined ? {} : { policy }) } }
  }
  const nodes = numa.nodes.map((node, index) => {
    const bound = placement.parts.find((part) => part.node === index)?.memoryNodes
    return node.hostNodes !== undefined || bound === undefined || !isFilled(bound)
      ? node
      : { ...node, hostNodes: bound }
  })
  return { ...all, numa: { ...numa, nodes } as NonNullable<MachineConfig['numa']> }
}

const isFilled = (nodes: readonly number[]): nodes is readonly [number, ...number[]] => nodes.length > 0

/** A place for each guest that has one, and why the others have none. */
export function placeGuests(demands: readonly Demand[], topology: HostTopology): Places {
  const start = new HostState(topology)
  const clashes = reservePins(demands, start)
  const clashing = new Set(clashes.map(({ guest }) => guest))
  const turn: Turn = { next: 0 }
  const places = new Map<string, Place>()
  const shortages: Shortage[] = [...clashes]
  let state = start
  for (const demand of inOrder(demands)) {
    if (clashing.has(demand.guest)) continue
    const trial = state.copy()
    const found = placeOne(demand, trial, { turn, hasNuma: topology.hasNuma })
    if ('resource' in found) shortages.push(found)
    else {
      places.set(demand.guest, found)
      state = trial
    }
  }
  return { places, shortages }
}

const isPlaced = (demand: Demand): demand is Placed => demand.placement !== undefined

function inOrder(demands: readonly Demand[]): readonly Placed[] {
  const all = demands.filter(isPlaced)
  const alone = all.filter(({ placement }) => placement.cores === 'exclusive')
  const isBound = ({ parts, pins }: Demand) =>
    pins.length > 0 || parts.some(({ hostNodes }) => hostNodes !== undefined)
  return [
    ...alone.filter(isBound),
    ...alone.filter((demand) => !isBound(demand)),
    ...all.filter(({ placement }) => placement.cores === 'shared'),
  ]
}

/** Cores that pins name belong to the guest, where it has its cores alone. Another guest's pins on them are refused. */
function reservePins(demands: readonly Demand[], state: HostState): readonly Shortage[] {
  const coresOf = ({ pins }: Demand) => {
    const named = new Set(pins.flatMap(({ hostCpus }) => hostCpus))
    return state.cores.filter(({ cpus }) => cpus.some((cpu) => named.has(cpu)))
  }
  const clash = (demand: Demand): readonly Shortage[] => {
    const taken = coresOf(demand).find((core) => (state.ownerOf(core) ?? demand.guest) !== demand.guest)
    if (!taken) return []
    const { guest } = demand
    const left = `guest "${state.ownerOf(taken)}" has that core alone`
    return [{ guest, resource: 'pins', need: `a pin to CPU ${taken.cpus.join(' or ')}`, left }]
  }
  const alone = demands.filter(({ placement }) => placement?.cores === 'exclusive')
  const found = alone.flatMap((demand) => {
    const clashes = clash(demand)
    if (clashes.length === 0) state.own(coresOf(demand), demand.guest)
    return clashes
  })
  return [...found, ...demands.filter((demand) => !alone.includes(demand)).flatMap(clash)]
}

function placeOne(demand: Placed, state: HostState, means: Means): Place | Shortage {
  const turn = means.turn.next
  const parts: PlacedPart[] = []
  const pins: { cpu: number; hostCpus: readonly number[] }[] = []
  for (const part of demand.parts) {
    const found = placePart(part, demand, state, means)
    if ('resource' in found) {
      means.turn.next = turn
      return found
    }
    parts.push(found.part)
    pins.push(...found.pins)
  }
  const { strategy, cores } = demand.placement
  const hostCpus = sorted([
    ...parts.flatMap((part) => part.hostCpus),
    ...demand.pins.flatMap((pin) => pin.hostCpus),
  ])
  return { placement: { strategy, cores, hostCpus, parts }, pins }
}
