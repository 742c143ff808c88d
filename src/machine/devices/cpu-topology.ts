/** Numbers of CPUs and their topology, with nothing left open. */
import type { MachineView } from '../device.ts'
import { type NodeShares, splitCpus } from './numa-split.ts'

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
 * description itself contradicts that. Sockets follow the NUMA nodes where each node is a run of equally many CPUs,
 * else one socket has all cores.
 */
export function cpuCounts(
  cpu: CpuNumbers,
  numa: { readonly nodes: readonly NodeShares[] } | undefined,
): Counts {
  const nodes = numa?.nodes ?? []
  const { dies = 1, threads = 1 } = cpu
  const known = (cpu.sockets ?? 1) * dies * (cpu.cores ?? 1) * threads
  const wanted = roundUp(cpusWanted(nodes), known)
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
  const sockets = socketsByNodes(nodes, { count, max, threads })
  const places = max / (dies * threads)
  if (sockets !== undefined && places % sockets === 0)
    return { count, max, sockets, dies, cores: places / sockets, threads }
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

function socketsByNodes(
  nodes: readonly NodeShares[],
  cpus: Pick<Counts, 'count' | 'max' | 'threads'>,
): number | undefined {
  if (nodes.length < 2) return undefined
  const groups = splitCpus(nodes, cpus).filter((list) => list.length > 0)
  const size = groups[0]?.length ?? 0
  const inARow = groups.every(
    (list, g) => list.length === size && list.every((cpu, i) => cpu === g * size + i),
  )
  return inARow && groups.length * size === cpus.max ? groups.length : undefined
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
