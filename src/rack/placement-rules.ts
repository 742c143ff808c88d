/** Findings about places of guests, with the arithmetic. Pure. */
import { formatCpuList } from '../cpu-list.ts'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { HostTopology } from '../machine/host-topology.ts'
import { formatPath } from '../machine/schema-issues.ts'
import { plural } from '../plural.ts'
import { formatBytes, formatRoundBytes } from '../units.ts'
import type { Demand } from './demand.ts'
import type { Places } from './placement.ts'
import { coresOf, type Shortage } from './shortage.ts'

export const problems = defineDiagnostics({
  PLACEMENT_CORES_SHORT: {
    title: 'The guests of a rack need more cores than this computer has for them.',
    why: 'with `cores: "exclusive"` no two guests use the same core',
    remedy: 'lower `count` or `cpu.count` of guests, or let them share: placement: { cores: "shared" }',
  },
  PLACEMENT_MEMORY_SHORT: {
    title: 'The memory of a guest does not fit on the nodes of its cores.',
    why: 'memory is bound to the nodes whose cores the guest has; beyond what is free there the kernel ends QEMU',
    remedy:
      'give guests less memory, or let it come from anywhere: placement: { memory: "any" }; `bringup doctor --capacity` shows what fits',
    source: 'mbind(2), Documentation/admin-guide/mm/numa_memory_policy.rst',
  },
  PLACEMENT_HUGE_PAGES_SHORT: {
    title: 'The nodes of a guest have too few huge pages.',
    why: 'huge pages are reserved by node, and memory is bound to the nodes whose cores the guest has',
    remedy:
      'reserve more: echo N > /sys/devices/system/node/nodeN/hugepages/hugepages-SIZEkB/nr_hugepages, or omit memory.hugePages',
    source: 'Documentation/admin-guide/mm/hugetlbpage.rst',
  },
  PLACEMENT_MEMORY_LIMIT: {
    title: 'The guests of a rack need more memory than the control group of this process may use.',
    why: 'the kernel ends a process of a group that is at its limit',
    remedy: 'give guests less memory, or raise the limit (systemd: MemoryMax=)',
    source: 'Documentation/admin-guide/cgroup-v2.rst',
  },
  PLACEMENT_PINS_OVERLAP: {
    title: 'A guest is pinned to a core that another guest of the rack has alone.',
    why: 'pins that a machine says itself are kept, and with `cores: "exclusive"` no two guests use the same core',
    remedy: 'change `pins` of one of the machines, or let them share: placement: { cores: "shared" }',
  },
})

const CODES = {
  cores: problems.PLACEMENT_CORES_SHORT,
  memory: problems.PLACEMENT_MEMORY_SHORT,
  'huge pages': problems.PLACEMENT_HUGE_PAGES_SHORT,
  pins: problems.PLACEMENT_PINS_OVERLAP,
} as const

/**
 * One finding for each resource that does not suffice: what all guests need, what there is, and who got what.
 *
 * @param at path of the rack, such as `['racks', 'pair']`
 */
export function checkPlaces(
  demands: readonly Demand[],
  { places, shortages }: Places,
  topology: HostTopology,
  at: readonly PropertyKey[],
): readonly Diagnostic[] {
  const path = formatPath([...at, 'placement'])
  const evidence = [...roomLines(topology), ...demands.map((demand) => seatLine(demand, places, shortages))]
  const found = (Object.keys(CODES) as Shortage['resource'][]).flatMap((resource) => {
    const short = shortages.filter((one) => one.resource === resource)
    if (short.length === 0) return []
    const who = short.map(({ guest, need, left }) => `${guest} needs ${need}, ${left}`)
    const sum = resource === 'cores' ? `${coreSum(demands, topology)}: ` : ''
    const more = who.length > 3 ? `; and ${plural(who.length - 3, 'more guest')}` : ''
    return [CODES[resource].at(path, `${sum}${who.slice(0, 3).join('; ')}${more}`, { evidence })]
  })
  return [...found, ...checkLimit(demands, topology, path)]
}

/** `the guests need 12 cores and this computer has 8`. */
function coreSum(demands: readonly Demand[], { nodes }: HostTopology): string {
  const cores = nodes.flatMap((room) => room.cores.map((cpus) => ({ node: room.node, cpus })))
  const alone = demands.flatMap((demand) =>
    demand.placement?.cores === 'exclusive'
      ? coresOf(
          demand.parts.flatMap(({ cpus }) => cpus),
          { ...demand, placement: demand.placement },
          { cores },
        )
      : 0,
  )
  const needed = alone.reduce((sum, count) => sum + count, 0)
  return `the guests need ${plural(needed, 'core')} and bringup may use ${cores.length} of this computer`
}

function checkLimit(
  demands: readonly Demand[],
  { memoryLimitBytes }: HostTopology,
  path: string,
): readonly Diagnostic[] {
  const needed = demands.flatMap(({ parts }) => parts).reduce((sum, { bytes }) => sum + bytes, 0)
  if (memoryLimitBytes === undefined || needed <= memoryLimitBytes) return []
  const what = `the guests have ${formatBytes(needed)} of memory, and the limit is ${formatRoundBytes(memoryLimitBytes)}`
  return [problems.PLACEMENT_MEMORY_LIMIT.at(path, what)]
}

/** `node 0: 4 cores (CPUs 0-7), 12.3G of 16G available`. */
export function roomLines({ nodes }: HostTopology): readonly string[] {
  return nodes.map(({ node, cores, availableBytes, totalBytes, hugePages }) => {
    const pages = hugePages
      .filter(({ total }) => total > 0)
      .map(({ bytes, free, total }) => `, ${free} of ${total} pages of ${formatBytes(bytes)} free`)
    const cpus = cores.length === 0 ? '' : ` (CPUs ${formatCpuList(cores.flat())})`
    return `node ${node}: ${plural(cores.length, 'core')}${cpus}, ${formatRoundBytes(availableBytes)} of ${formatRoundBytes(totalBytes)} available${pages.join('')}`
  })
}

/** `client-1: CPUs 2-3 on node 0`, `client-2: no place`. */
function seatLine(
  { guest, placement }: Demand,
  places: Places['places'],
  shortages: readonly Shortage[],
): string {
  const place = places.get(guest)?.placement
  if (place)
    return `${guest}: CPUs ${formatCpuList(place.hostCpus)} on node ${formatCpuList(place.parts.flatMap((part) => part.onNodes))}`
  const short = shortages.find((one) => one.guest === guest)
  if (short) return `${guest}: needs ${short.need}, ${short.left}`
  return `${guest}: ${placement ? 'no place' : 'not placed'}`
}
