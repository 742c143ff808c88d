/** Which CPUs and how much memory each NUMA node has. Splits always add up, whatever the numbers are. */
import { KiB, MiB } from '../../units.ts'
import type { NodeView } from '../device.ts'

/** What splitting needs of a node's description; `numa.ts` has the schema. */
export interface NodeShares {
  /** A number of CPUs, or their indices; undefined takes an even share of what the others leave. */
  readonly cpus?: number | readonly number[]
  /** Bytes; undefined takes an even share of what the others leave. */
  readonly memory?: number
  readonly hostNodes?: readonly number[]
}

/** Splits `total` into `parts` multiples of `unit`; the first parts get what does not divide, the very first the rest below a unit. */
export function evenSplit(total: number, parts: number, unit = 1): readonly number[] {
  if (parts <= 0) return []
  const units = Math.floor(total / unit)
  const shares = Array.from(
    { length: parts },
    (_, i) => (Math.floor(units / parts) + (i < units % parts ? 1 : 0)) * unit,
  )
  return shares.map((share, i) => (i === 0 ? share + (total - units * unit) : share))
}

/** Memory of each node. Whole MiB where the sum is, whole pages otherwise. */
export function splitMemory(
  nodes: readonly NodeShares[],
  ramBytes: number,
  pageBytes?: number,
): readonly number[] {
  const silent = nodes.filter((n) => n.memory === undefined).length
  const said = nodes.reduce((sum, n) => sum + (n.memory ?? 0), 0)
  const unit = pageBytes ?? (ramBytes % MiB === 0 && said % MiB === 0 ? MiB : 4 * KiB)
  const shares = [...evenSplit(Math.max(0, ramBytes - said), silent, unit)]
  return nodes.map((n) => n.memory ?? shares.shift() ?? 0)
}

/** Beyond any machine type's limit (QEMU 10: 4096): a description with more is refused, and needs no lists. */
export const MOST_CPUS = 65_536

/** What splitting needs of the topology; levels that are not given are 1. */
export interface CpuLevels {
  readonly count: number
  readonly max: number
  readonly threads: number
  readonly dies?: number
  readonly cores?: number
}

/**
 * CPU indices of each node. CPUs that are online at boot are split evenly, and so are all of them together, so that
 * every node is of use before anything is plugged: in whole sockets, else dies, else cores, as far as they go round.
 */
export function splitCpus(nodes: readonly NodeShares[], cpus: CpuLevels): readonly (readonly number[])[] {
  const listed = new Set(nodes.flatMap((n) => (typeof n.cpus === 'object' ? n.cpus : [])))
  const free = Array.from({ length: Math.min(cpus.max, MOST_CPUS) }, (_, i) => i).filter(
    (i) => !listed.has(i),
  )
  const counted = nodes.reduce((sum, n) => sum + (typeof n.cpus === 'number' ? n.cpus : 0), 0)
  const silent = nodes.filter((n) => n.cpus === undefined).length
  if (counted === 0) return splitFree(nodes, free, cpus)
  const shares = [
    ...evenSplit(
      Math.max(0, free.length - counted),
      silent,
      unitOf([free.length, Math.max(0, free.length - counted)], silent, cpus),
    ),
  ]
  let at = 0
  // A count that reaches beyond the last CPU yields indices beyond it, for the rule (and QEMU) to refuse.
  return nodes.map((n) => {
    if (typeof n.cpus === 'object') return n.cpus
    const want = n.cpus ?? shares.shift() ?? 0
    const mine = Array.from({ length: want }, (_, i) => free[at + i] ?? cpus.max + (at + i - free.length))
    at += want
    return mine
  })
}

function splitFree(nodes: readonly NodeShares[], free: readonly number[], cpus: CpuLevels) {
  const takers = nodes.filter((n) => n.cpus === undefined).length
  const online = free.filter((i) => i < cpus.count)
  const later = free.filter((i) => i >= cpus.count)
  const unit = unitOf([online.length, later.length], takers, cpus)
  const now = evenSplit(online.length, takers, unit)
  // Shares of a larger sum are nowhere smaller, so that what is left for later is never negative.
  const inAll = evenSplit(free.length, takers, unit)
  const first = cut(online, now)
  const second = cut(
    later,
    inAll.map((n, i) => n - (now[i] ?? 0)),
  )
  let taker = -1
  return nodes.map((n) => {
    if (typeof n.cpus === 'object') return n.cpus
    if (n.cpus !== undefined) return []
    taker += 1
    return [...(first[taker] ?? []), ...(second[taker] ?? [])]
  })
}

/** CPUs that stay together: the largest level of which all lists are made, and of which every taker gets one. */
function unitOf(
  lengths: readonly number[],
  takers: number,
  { threads, cores = 1, dies = 1 }: CpuLevels,
): number {
  const total = Math.max(
    ...lengths,
    lengths.reduce((sum, length) => sum + length, 0),
  )
  const isWhole = (unit: number) => unit > 0 && lengths.every((length) => length % unit === 0)
  const levels = [dies * cores * threads, cores * threads]
  return levels.find((unit) => isWhole(unit) && total / unit >= takers) ?? (isWhole(threads) ? threads : 1)
}

function cut(list: readonly number[], sizes: readonly number[]): readonly (readonly number[])[] {
  let at = 0
  return sizes.map((n) => {
    at += n
    return list.slice(at - n, at)
  })
}

/** What the RAM must agree with where its size is not said. */
export interface RamLimits {
  readonly nodes?: readonly NodeShares[]
  /** Page size of the host's huge pages. */
  readonly hugePages?: number
  /** RAM and all DIMMs together at most. */
  readonly max?: number
  /** DIMMs that are described. */
  readonly dimmBytes: number
}

/**
 * RAM where no size is said: `bytes`, unless the nodes, the page size or the maximum say otherwise. Nodes that say nothing
 * share what the others leave of it.
 */
export function defaultRamBytes(bytes: number, limits: RamLimits): number {
  const { nodes = [], hugePages = 0, max, dimmBytes } = limits
  const said = nodes.flatMap((n) => n.memory ?? [])
  const sum = said.reduce((total, memory) => total + memory, 0)
  if (said.length > 0 && said.length === nodes.length) return sum
  const silent = nodes.length - said.length
  const whole = hugePages > 0 ? sum + roundUp(Math.max(bytes - sum, hugePages * silent), hugePages) : bytes
  const wanted = Math.max(whole, sum)
  if (max === undefined) return wanted
  // With nothing described to plug, half of the maximum is left for what may be.
  const room = dimmBytes > 0 ? max - dimmBytes : Math.floor(max / 2)
  const unit = Math.max(hugePages, MiB)
  const isFitting = dimmBytes > 0 ? wanted + dimmBytes <= max : wanted < max
  return isFitting || room < unit ? wanted : Math.max(sum, Math.floor(room / unit) * unit)
}

const roundUp = (bytes: number, unit: number) => Math.ceil(bytes / unit) * unit

/** RAM of the machine: what is said, else what follows, else 256 MiB. */
export function ramBytesOf(size: number | undefined, limits: RamLimits): number {
  return size ?? defaultRamBytes(256 * MiB, limits)
}

/** The nodes as every device may know them; empty without NUMA. */
export function nodeViews(
  numa: { readonly nodes: readonly NodeShares[] } | undefined,
  machine: {
    readonly ramBytes: number
    readonly pageBytes?: number
    readonly cpus: CpuLevels
  },
): readonly NodeView[] {
  if (!numa) return []
  const bytes = splitMemory(numa.nodes, machine.ramBytes, machine.pageBytes)
  const cpus = splitCpus(numa.nodes, machine.cpus)
  return numa.nodes.map(({ hostNodes }, i) => ({
    bytes: bytes[i] ?? 0,
    cpus: cpus[i] ?? [],
    ...(hostNodes === undefined ? {} : { hostNodes }),
  }))
}

/** `[0,1,2,5]` as QEMU's `0-2`, `5`. */
export function cpuRanges(cpus: readonly number[]): readonly string[] {
  const ranges: [number, number][] = []
  for (const cpu of cpus) {
    const last = ranges.at(-1)
    if (last && cpu === last[1] + 1) last[1] = cpu
    else ranges.push([cpu, cpu])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
}
