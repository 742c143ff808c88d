/** Numbers of CPUs and their topology, with nothing left open. */
import type { MachineView } from '../device.ts'
import { MOST_CPUS, type NodeShares, splitCpus } from './numa-split.ts'

/** What a description says; undefined is filled in. */
export interface CpuNumbers {
  readonly count?: number
  readonly sockets?: number
  readonly dies?: number
  readonly cores?: number
  readonly threads?: number
  readonly max?: number
}

type Counts = MachineView['cpus']

/**
 * Fills in numbers and topology so that `sockets × dies × cores × threads` is always `max`, unless the
 * description itself contradicts that. Sockets follow the NUMA nodes: they are as large as they can be with each on one
 * node. Without nodes one socket has all cores.
 */
export function cpuCounts(
  cpu: CpuNumbers,
  numa: { readonly nodes: readonly NodeShares[] } | undefined,
): Counts {
  const nodes = numa?.nodes ?? []
  const { dies = 1, threads = 1 } = cpu
  const known = (cpu.sockets ?? 1) * dies * (cpu.cores ?? 1) * threads
  const isOpen = cpu.sockets === undefined && nodes.every((n) => n.cpus === undefined)
  const wanted = isOpen ? Math.max(1, nodes.length) * known : roundUp(cpusWanted(nodes), known)
  const max =
    cpu.max ??
    Math.max(
      cpu.count ?? wanted,
      cpu.sockets !== undefined && cpu.cores !== undefined
        ? known
        : roundUp(cpu.count ?? wanted, dies * threads),
    )
  const count = cpu.count ?? (nodes.length > 0 || known > 1 ? Math.min(wanted, max) : max)
  if (cpu.sockets !== undefined || cpu.cores !== undefined) return { count, max, ...fill(cpu, max) }
  const sockets = socketsByNodes(nodes, { count, max, unit: dies * threads })
  if (sockets !== undefined)
    return { count, max, sockets, dies, cores: max / (sockets * dies * threads), threads }
  return { count, max, ...fill(cpu, max) }
}

const roundUp = (value: number, unit: number) => (unit > 0 ? Math.ceil(value / unit) * unit : value)

/** Fills the level that is not said; what does not divide is left for the rule to report. */
function fill(cpu: CpuNumbers, max: number) {
  const { dies = 1, threads = 1 } = cpu
  const share = (rest: number) => Math.max(1, Math.floor(max / Math.max(1, rest)))
  const cores = cpu.cores ?? share((cpu.sockets ?? 1) * dies * threads)
  return { sockets: cpu.sockets ?? share(dies * cores * threads), dies, cores, threads }
}

/** Those that the nodes name, up to the highest index; one per node where none says anything. */
function cpusWanted(nodes: readonly NodeShares[]): number {
  if (nodes.every((n) => n.cpus === undefined)) return Math.max(1, nodes.length)
  const listed = nodes.flatMap((n) => (typeof n.cpus === 'object' ? n.cpus : []))
  const counted = nodes.reduce((sum, n) => sum + (typeof n.cpus === 'number' ? n.cpus : 0), 0)
  return Math.max(1, counted + new Set(listed).size, ...listed.map((cpu) => cpu + 1))
}

/** The fewest sockets of equal size that each lie on one node; undefined where the nodes do not allow any. */
function socketsByNodes(
  nodes: readonly NodeShares[],
  { count, max, unit }: { readonly count: number; readonly max: number; readonly unit: number },
): number | undefined {
  if (nodes.length < 2 || max > MOST_CPUS) return undefined
  const nodeOf: number[] = []
  splitCpus(nodes, { count, max, threads: unit }).forEach((list, node) => {
    for (const cpu of list) nodeOf[cpu] = node
  })
  const isWhole = (size: number) =>
    size % unit === 0 &&
    Array.from({ length: max }, (_, cpu) => cpu).every((cpu) => nodeOf[cpu] === nodeOf[cpu - (cpu % size)])
  const counts = Array.from({ length: Math.floor(max / Math.max(1, unit)) }, (_, i) => i + 1)
  return counts.find((sockets) => max % sockets === 0 && isWhole(max / sockets))
}

/** The highest APIC id plus one: each level takes whole bits (Intel SDM 3A, 9.9; QEMU `topology.h`). */
export function apicIdLimit(cpus: Counts): number {
  const bits = (n: number) => (n <= 1 ? 0 : Math.ceil(Math.log2(n)))
  const last = cpus.max - 1
  const perSocket = cpus.threads * cpus.cores * cpus.dies
  const core = bits(cpus.threads)
  const die = core + bits(cpus.cores)
  const socket = die + bits(cpus.dies)
  return (
    Math.floor(last / perSocket) * 2 ** socket +
    (Math.floor(last / (cpus.threads * cpus.cores)) % cpus.dies) * 2 ** die +
    (Math.floor(last / cpus.threads) % cpus.cores) * 2 ** core +
    (last % cpus.threads) +
    1
  )
}
