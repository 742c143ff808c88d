/** Places one NUMA node of a guest, or all of a guest that has none, on nodes and cores of this computer. Pure. */
import type { GuestPlan, PlacedPart } from '../plan/plan.ts'
import type { DemandedPart, Placed } from './demand.ts'
import type { Core, HostState } from './host-state.ts'
import type { Placement } from './placement-schema.ts'
import { guestCores, seatCpus } from './seat-cpus.ts'
import { type Shortage, shortageOf } from './shortage.ts'

/** Where the next part of an `interleave` goes. */
export interface Turn {
  next: number
}

export interface Means {
  readonly turn: Turn
  readonly hasNuma: boolean
}

interface FoundPart {
  readonly part: PlacedPart
  readonly pins: GuestPlan['pins']
}

export function placePart(
  part: DemandedPart,
  demand: Placed,
  state: HostState,
  { turn, hasNuma }: Means,
): FoundPart | Shortage {
  const { placement } = demand
  const pinned = new Map(demand.pins.map(({ cpu, hostCpus }) => [cpu, hostCpus]))
  const free = part.cpus.filter((cpu) => !pinned.has(cpu))
  const own = part.cpus.flatMap((cpu) => pinned.get(cpu) ?? [])
  const usable = usableCores(demand, state)
  const candidates = candidatesFor(part, { usable, own, state, placement })
  const isFixed = part.hostNodes !== undefined || own.length > 0
  const ordered = placement.strategy === 'pack' || isFixed ? candidates : rotated(candidates, turn.next)
  let isShortOf: 'cores' | 'memory' = 'cores'
  for (const nodes of choices(ordered, { usable, placement, cpus: free.length, state })) {
    const seated = seatOn(nodes, free, { demand, usable })
    if (!seated) continue
    const from = memoryFor(part, nodes, placement, state)
    isShortOf = 'memory'
    if (from && !state.takeBytes(from, part.bytes, demand.hugePageBytes)) continue
    const bound = hasNuma ? from : part.hostNodes
    if (placement.cores === 'exclusive') state.own(seated.cores, demand.guest)
    else state.addLoad(nodes, free.length)
    if (!isFixed && placement.strategy === 'interleave') turn.next = (nodes.at(-1) ?? 0) + 1
    return { part: placedPart(part, { seated, own, nodes, bound, state }), pins: seated.pins }
  }
  return shortageOf(part, { free, demand, candidates, usable, isShortOf, state })
}

/** Cores that are not another guest's, with the CPUs on which the guest may be placed. */
function usableCores({ guest, placement }: Placed, state: HostState): readonly Core[] {
  const { hostCpus, hostNodes, cores } = placement
  return state.cores.flatMap((core) => {
    const owner = state.ownerOf(core)
    const cpus = hostCpus ? core.cpus.filter((cpu) => hostCpus.includes(cpu)) : core.cpus
    // Its own cores are those of its pins, and of its parts before.
    const isTaken = owner !== undefined && (cores === 'exclusive' || owner !== guest)
    return isTaken || cpus.length === 0 || hostNodes?.includes(core.node) === false ? [] : [core]
  })
}

interface CandidateMeans {
  readonly usable: readonly Core[]
  /** Host CPUs of its pins. */
  readonly own: readonly number[]
  readonly state: HostState
  readonly placement: Placement
}

/** Nodes that the part may be on. Memory that is bound already, and pins, say which. */
function candidatesFor(
  { hostNodes, cpus }: DemandedPart,
  { usable, own, state, placement }: CandidateMeans,
): readonly number[] {
  const withCores = new Set(usable.map(({ node }) => node))
  const ofPins = state.cores.filter(({ cpus }) => cpus.some((cpu) => own.includes(cpu)))
  const fixed = hostNodes ?? (own.length > 0 ? distinct(ofPins.map(({ node }) => node)) : undefined)
  if (fixed === undefined && cpus.length === 0)
    return state.rooms
      .filter(({ node, totalBytes }) => totalBytes > 0 && placement.hostNodes?.includes(node) !== false)
      .map(({ node }) => node)
  if (fixed === undefined) return sorted([...withCores])
  const there = new Set(state.cores.map(({ node }) => node))
  // Memory without cores: those of the nearest node.
  return distinct(
    fixed.flatMap((node) =>
      there.has(node) ? [node] : state.nearest(node, (other) => withCores.has(other)),
    ),
  )
}

interface ChoiceMeans {
  readonly usable: readonly Core[]
  readonly placement: Placement
  readonly cpus: number
  readonly state: HostState
}

/** Sets of nodes to try, the best first: one node, then as few as will do, the emptiest first. */
function choices(
  candidates: readonly number[],
  { usable, placement, cpus, state }: ChoiceMeans,
): readonly (readonly number[])[] {
  const room = (node: number) =>
    usable.filter((core) => core.node === node).reduce((sum, core) => sum + core.cpus.length, 0)
  const emptiest = candidates.toSorted((a, b) => room(b) - room(a))
  const several = Array.from({ length: Math.max(0, candidates.length - 1) }, (_, index) =>
    emptiest.slice(0, index + 2),
  )
  const single = candidates.map((node) => [node])
  if (placement.cores === 'exclusive') return [...single, ...several]
  const total = (nodes: readonly number[]) => nodes.reduce((sum, node) => sum + room(node), 0)
  const load = (nodes: readonly number[]) => nodes.reduce((sum, node) => sum + state.loadOf(node), 0)
  const byLoad = single.toSorted((a, b) => load(a) / Math.max(1, total(a)) - load(b) / Math.max(1, total(b)))
  return [
    ...single.filter((nodes) => load(nodes) + cpus <= total(nodes)),
    ...byLoad.filter((nodes) => cpus <= total(nodes)),
    ...several.filter((nodes) => cpus <= total(nodes)),
    ...several.slice(-1),
    ...byLoad,
  ]
}

interface SeatedPart {
  readonly pins: GuestPlan['pins']
  /** All threads of its cores, as far as the guest may be placed on them. */
  readonly hostCpus: readonly number[]
  readonly cores: readonly Core[]
}

function seatOn(
  nodes: readonly number[],
  free: readonly number[],
  { demand, usable }: { readonly demand: Placed; readonly usable: readonly Core[] },
): SeatedPart | undefined {
  const { placement, threads } = demand
  const { hostCpus } = placement
  const mine = usable
    .filter(({ node }) => nodes.includes(node))
    .map((core) => ({ core, cpus: hostCpus ? core.cpus.filter((cpu) => hostCpus.includes(cpu)) : core.cpus }))
  if (placement.cores === 'shared') {
    const all = sorted(mine.flatMap(({ cpus }) => cpus))
    if (all.length === 0 && free.length > 0) return undefined
    const cores = free.length === 0 ? [] : mine.map(({ core }) => core)
    return {
      pins: free.map((cpu) => ({ cpu, hostCpus: all })),
      hostCpus: cores.length === 0 ? [] : all,
      cores,
    }
  }
  const limited = mine.map(({ core, cpus }) => ({ node: core.node, cpus, core }))
  const order =
    placement.strategy === 'interleave'
      ? alternating(nodes.map((node) => limited.filter((core) => core.node === node)))
      : nodes.flatMap((node) => limited.filter((core) => core.node === node))
  const seated = seatCpus(guestCores(free, threads), order, placement.threads === 'apart')
  if (!seated) return undefined
  return {
    pins: [...seated.cpus].map(([cpu, host]) => ({ cpu, hostCpus: [host] })),
    hostCpus: seated.cores.flatMap(({ cpus }) => cpus),
    cores: limited.filter((core) => seated.cores.includes(core)).map(({ core }) => core),
  }
}

/** Nodes that the memory of the part is to come from; undefined where the kernel chooses. */
function memoryFor(
  { bytes, hostNodes }: DemandedPart,
  nodes: readonly number[],
  { memory }: Placement,
  state: HostState,
): readonly number[] | undefined {
  if (hostNodes) return hostNodes
  return bytes === 0 || memory === 'any' ? undefined : state.memoryNodesOf(nodes)
}

function placedPart(
  { node, cpus, bytes }: DemandedPart,
  {
    seated,
    own,
    nodes,
    bound,
    state,
  }: {
    readonly seated: SeatedPart
    readonly own: readonly number[]
    readonly nodes: readonly number[]
    readonly bound: readonly number[] | undefined
    readonly state: HostState
  },
): PlacedPart {
  const hostCpus = sorted([...own, ...seated.hostCpus])
  const used = state.cores.filter((core) => core.cpus.some((cpu) => hostCpus.includes(cpu)))
  return {
    ...(node === undefined ? {} : { node }),
    cpus,
    hostCpus,
    onNodes: used.length === 0 ? nodes.slice(0, 1) : sorted(used.map((core) => core.node)),
    ...(bound === undefined ? {} : { memoryNodes: bound }),
    bytes,
  }
}

const distinct = (numbers: readonly number[]) => [...new Set(numbers)]
export const sorted = (numbers: readonly number[]) => distinct(numbers).sort((a, b) => a - b)

/** From the first node at or beyond the turn on, round and round. */
function rotated(nodes: readonly number[], next: number): readonly number[] {
  const first = nodes.findIndex((node) => node >= next)
  return first <= 0 ? nodes : [...nodes.slice(first), ...nodes.slice(0, first)]
}

/** One of each list in turn. */
function alternating<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, index) =>
    lists.flatMap((list) => list.slice(index, index + 1)),
  ).flat()
}
