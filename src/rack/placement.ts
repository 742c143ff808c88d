/**
 * Places guests on cores and memory of this computer. Pure. Cores of pins are reserved first; then guests with cores of
 * their own are placed, those first whose memory is bound already, then guests that share the rest.
 */
import type { HostTopology } from '../machine/host-topology.ts'
import { type MachineConfig, viewOf } from '../machine/machine.ts'
import type { GuestPlacement, GuestPlan, PlacedPart } from '../plan/plan.ts'
import { plural } from '../plural.ts'
import { formatBytes, formatRoundBytes } from '../units.ts'
import { type Core, HostState } from './host-state.ts'
import type { Placement } from './placement-schema.ts'
import { coresNeeded, guestCores, seatCpus } from './seat-cpus.ts'

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

interface DemandedPart extends Pick<PlacedPart, 'node' | 'cpus' | 'bytes'> {
  /** NUMA nodes of this computer that the description binds its memory to. */
  readonly hostNodes?: readonly number[]
}

/** Why a guest found no place. */
export interface Shortage {
  readonly guest: string
  readonly resource: 'cores' | 'memory' | 'huge pages' | 'pins'
  /** `2 cores`. */
  readonly need: string
  /** `1 core is left`. */
  readonly left: string
}

/** The place of one guest, and the pins that follow from it. */
export interface Place {
  readonly placement: GuestPlacement
  readonly pins: GuestPlan['pins']
}

export interface Places {
  readonly places: ReadonlyMap<string, Place>
  readonly shortages: readonly Shortage[]
}

type Placed = Demand & { readonly placement: Placement }

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

/** Where the next part of an `interleave` goes. */
interface Turn {
  next: number
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

interface Means {
  readonly turn: Turn
  readonly hasNuma: boolean
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

interface FoundPart {
  readonly part: PlacedPart
  readonly pins: GuestPlan['pins']
}

function placePart(
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

function shortageOf(
  { bytes, node }: DemandedPart,
  {
    free,
    demand,
    candidates,
    usable,
    isShortOf,
    state,
  }: {
    readonly free: readonly number[]
    readonly demand: Placed
    readonly candidates: readonly number[]
    readonly usable: readonly Core[]
    readonly isShortOf: 'cores' | 'memory'
    readonly state: HostState
  },
): Shortage {
  const { guest, hugePageBytes } = demand
  const of = node === undefined ? '' : ` for its node ${node}`
  const mine = (at: number) => usable.filter((core) => core.node === at).length
  if (isShortOf === 'cores') {
    const left = candidates.map((at) => `${mine(at)} on node ${at}`).join(', ')
    const need = `${plural(coresOf(free, demand, state), 'core')}${of}`
    return { guest, resource: 'cores', need, left: left === '' ? 'none is left' : `left: ${left}` }
  }
  const left = state.memoryNodesOf(candidates).map((at) => {
    const what = hugePageBytes === undefined ? '' : ` in pages of ${formatBytes(hugePageBytes)}`
    return `${mebibytes(state.bytesLeft(at, hugePageBytes))}${what} on node ${at}`
  })
  const resource = hugePageBytes === undefined ? 'memory' : 'huge pages'
  return { guest, resource, need: `${mebibytes(bytes)}${of}`, left: `left: ${left.join(', ') || 'none'}` }
}

/** How many cores of this computer the CPUs take. */
export function coresOf(
  cpus: readonly number[],
  { placement, threads }: Placed,
  { cores }: Pick<HostState, 'cores'>,
): number {
  const width = Math.max(1, ...cores.map((core) => core.cpus.length))
  return coresNeeded(guestCores(cpus, threads), width, placement.threads === 'apart')
}

const mebibytes = (bytes: number) => formatRoundBytes(Math.floor(bytes / 2 ** 20) * 2 ** 20)

const distinct = (numbers: readonly number[]) => [...new Set(numbers)]
const sorted = (numbers: readonly number[]) => distinct(numbers).sort((a, b) => a - b)

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
