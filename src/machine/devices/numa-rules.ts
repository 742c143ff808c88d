/** What can be wrong with NUMA nodes. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import { formatBytes, KiB, MiB } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import { checkHostNodes } from './memory-place-rules.ts'
import { checkHmat, problems as hmatProblems } from './numa-hmat-rules.ts'
import { distancePairs, type NumaConfig, usesHmat } from './numa-options.ts'
import { cpuRanges, MOST_CPUS } from './numa-split.ts'

const own = defineDiagnostics({
  NUMA_MEMORY_SUM: {
    title: 'The nodes’ memory does not add up to the RAM.',
    why: 'every byte of RAM lies on exactly one node',
    remedy: 'omit memory.size (it is then the sum), or one node’s memory (it then gets the rest)',
    source: 'QEMU: "total memory for NUMA nodes (0x…) should equal RAM size"',
    qemu: 'refuses',
  },
  NUMA_NODE_MEMORY_ODD: {
    title: 'A node with less than 1 MiB, or with a part of a page.',
    why: 'the SRAT leaves out 640K to 1M, and guests drop what is not whole pages, so they would see another size',
    remedy: 'use a multiple of 4K and at least 1M, or 0 for a node without memory',
    qemu: 'accepts',
  },
  NUMA_NODE_PAGE_SPLIT: {
    title: 'A node ends within a page, and this QEMU aborts on that.',
    why: 'under TCG memory has to begin and end with whole pages',
    remedy: 'use a multiple of 4K',
    source: 'QEMU 10.0: "tlb_set_page_full: Assertion `!(iotlb & ~TARGET_PAGE_MASK)\' failed"',
    qemu: 'misbehaves',
  },
  NUMA_CPU_TWICE: {
    title: 'A CPU is on two nodes.',
    why: 'a CPU can be on only one node',
    remedy: 'remove it from one of them',
    source: 'QEMU: "CPU is already assigned to node-id"',
    qemu: 'refuses',
  },
  NUMA_CPU_NOWHERE: {
    title: 'A CPU is on no node.',
    why: 'QEMU warns, puts it on node 0, and will stop accepting it',
    remedy: 'assign it to a node, or omit `cpus` of one node, which then gets the rest',
    source:
      'QEMU: "CPU(s) not present in any NUMA nodes"; "All CPU(s) up to maxcpus should be described in NUMA config"',
    qemu: 'misbehaves',
  },
  NUMA_CPU_BEYOND_MAX: {
    title: 'A node has a CPU that the machine does not have.',
    why: 'CPU indices go from 0 to cpu.max - 1',
    remedy: 'raise cpu.count or cpu.max, or lower the index',
    source: 'QEMU: "CPU index (…) should be smaller than maxcpus"',
    qemu: 'refuses',
  },
  NUMA_CORE_SPLIT: {
    severity: 'warning',
    title: 'Threads of one core are on different nodes.',
    why: 'no real machine is like that; Linux warns and its scheduler may misjudge the topology',
    remedy: 'give whole cores to the nodes, or lower cpu.threads',
    qemu: 'accepts',
  },
  NUMA_SOCKET_SPLIT: {
    severity: 'warning',
    title: 'One socket, or one die of several, lies on different nodes.',
    why: 'its CPUs share a last-level cache, so Linux warns ("llc-sibling CPU … is not on the same node") and ignores that part of the topology',
    remedy: 'omit cpu.sockets, cpu.cores and the nodes’ `cpus`, and each node gets whole sockets',
    source: 'Linux arch/x86/kernel/smpboot.c, topology_sane()',
    qemu: 'accepts',
  },
  NUMA_TOO_MANY_NODES: {
    title: 'More NUMA nodes than QEMU has.',
    why: 'QEMU numbers nodes from 0 to 127',
    remedy: 'use at most 128 nodes',
    source: 'QEMU: "Max number of NUMA nodes reached: 128"',
    qemu: 'refuses',
  },
  NUMA_DISTANCE_SHAPE: {
    title: 'The distance matrix does not have one row and one column per node.',
    why: 'with a number missing or left over, the others are probably in the wrong place',
    remedy: 'write as many rows as nodes, each with as many numbers; or list single pairs',
    qemu: 'accepts',
  },
  NUMA_DISTANCE_NODE_MISSING: {
    title: 'A distance names a node that does not exist.',
    why: 'distances are between nodes of this machine',
    remedy: 'use numbers below that of the nodes, or add a node',
    source:
      'QEMU: "Source/Destination NUMA node is missing. Please use \'-numa node\' option to declare it first."',
    qemu: 'refuses',
  },
  NUMA_DISTANCE_RANGE: {
    title: 'A distance below 10 or above 255.',
    why: 'distances are bytes, and 10 is the distance of a node to itself',
    remedy: 'use 11 to 254 between nodes; 20 is usual for the next one',
    source:
      'QEMU: "NUMA distance (…) is invalid, it shouldn\'t be less than 10."; "Parameter \'val\' expects uint8_t"',
    qemu: 'refuses',
  },
  NUMA_DISTANCE_LOCAL: {
    title: 'The distance of a node to itself is not 10.',
    why: 'ACPI defines it as 10',
    remedy: 'use 10 on the diagonal',
    source: 'QEMU: "Local distance of node … should be 10."',
    qemu: 'refuses',
  },
  NUMA_DISTANCE_MISSING: {
    title: 'Some distances are given, but not that of a pair of nodes.',
    why: 'the SLIT has a place for every pair',
    remedy: 'give every pair, in one direction at least',
    source:
      'QEMU: "The distance between node … and … is missing, at least one distance value between each nodes should be provided."',
    qemu: 'refuses',
  },
  NUMA_DISTANCE_ONE_WAY: {
    title: 'One pair has different distances there and back, another has one direction only.',
    why: 'once distances are asymmetrical, QEMU no longer fills in the way back',
    remedy: 'give both directions of every pair',
    source:
      'QEMU: "At least one asymmetrical pair of distances is given, please provide distances for both directions of all node pairs."',
    qemu: 'refuses',
  },
  NUMA_DISTANCE_TWICE: {
    title: 'The same distance is given twice, with different values.',
    why: 'QEMU takes the last one silently',
    remedy: 'remove one of them',
    qemu: 'misbehaves',
  },
  NUMA_DISTANCE_REMOTE_10: {
    severity: 'warning',
    title: 'A remote distance of 10.',
    why: 'Linux takes 10 for local only, finds the table invalid and ignores all of it',
    remedy: 'use 11 or more between different nodes',
    source: 'Linux drivers/acpi/numa/srat.c, slit_valid()',
    qemu: 'accepts',
  },
  NUMA_DISTANCE_UNREACHABLE: {
    severity: 'warning',
    title: 'A distance of 255.',
    why: '255 means that there is no way between the two nodes (ACPI 6.4, 5.2.17), not that it is far',
    remedy: 'use 254 at most, unless unreachable is what you mean',
    qemu: 'accepts',
  },
  NUMA_INITIATOR: {
    title: 'A node’s initiator has no CPUs, or a node with CPUs has another initiator than itself.',
    why: 'the initiator is the node whose CPUs are attached to this memory',
    remedy: 'name a node that has CPUs; omit it on nodes with CPUs',
    source:
      'QEMU: "The initiator of NUMA node … is invalid"; "The initiator of CPU NUMA node … should be itself"',
    qemu: 'refuses',
  },
})

export const problems = { ...own, ...hmatProblems }

/** All problems of the NUMA section. */
export function check(numa: NumaConfig, context: RuleContext): readonly Diagnostic[] {
  const { machine, facts, path } = context
  const found: Diagnostic[] = []
  if (numa.nodes.length > 128)
    found.push(own.NUMA_TOO_MANY_NODES.at(`${path}.nodes`, `${numa.nodes.length} nodes`))
  numa.nodes.forEach((node, i) => {
    found.push(...checkHostNodes(node.hostNodes, facts.hostNodes, `${path}.nodes[${i}].hostNodes`))
    const { initiator } = node
    // Where no node has CPUs, QEMU gives out all of them itself, initiators or not.
    if (initiator === undefined || machine.nodes.every((n) => n.cpus.length === 0)) return
    const isOwn = machine.nodes[i]?.cpus.length
      ? initiator === i
      : (machine.nodes[initiator]?.cpus.length ?? 0) > 0
    if (!isOwn)
      found.push(
        own.NUMA_INITIATOR.at(
          `${path}.nodes[${i}].initiator`,
          `initiator ${initiator} of node ${i} ${machine.nodes[i]?.cpus.length ? 'is not the node itself' : 'has no CPUs'}`,
        ),
      )
  })
  return [
    ...found,
    ...checkMemory(context),
    ...checkCpus(context),
    ...checkDistances(numa, path),
    ...checkHmat(numa, machine.nodes, path),
    ...checkInitiators(numa, context),
  ]
}

/** Debian's 5.2 refuses them, 7.2 does not; no property tells. Source: numa_validate_initiator in hw/core/numa.c. */
function checkInitiators(numa: NumaConfig, { machine, facts, path }: RuleContext) {
  const { qemu } = facts
  const [major = 0] = qemu?.version ?? []
  if (!qemu || major >= 6 || !usesHmat(numa)) return []
  const without = machine.nodes.flatMap((_, i) => (numa.nodes[i]?.initiator === undefined ? [i] : []))
  if (without.length === 0) return []
  const what = `${plural(without.length, 'node')} without \`initiator\` (${without.join(', ')}), and QEMU ${qemu.version.join('.')} at ${qemu.path}`
  return [hmatProblems.NUMA_HMAT_QEMU_TOO_OLD.at(`${path}.nodes`, what)]
}

/** Seen with 10.0.2, and not with 7.2; nothing but the version tells. */
const abortsOnPart = ({ qemu }: RuleContext['facts']) => (qemu?.version[0] ?? 0) >= 8

function checkMemory({ machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const sum = machine.nodes.reduce((total, n) => total + n.bytes, 0)
  const odd = machine.nodes.flatMap(({ bytes }, i) => {
    const at = `${path}.nodes[${i}].memory`
    const what = `node ${i} has ${formatBytes(bytes)}`
    const isPageSplit = bytes % (4 * KiB) !== 0
    if (isPageSplit && abortsOnPart(facts)) return [own.NUMA_NODE_PAGE_SPLIT.at(at, what)]
    return bytes > 0 && (bytes < MiB || isPageSplit) ? [own.NUMA_NODE_MEMORY_ODD.at(at, what)] : []
  })
  // Of no RAM QEMU makes its default, 128M, which the nodes may well add up to (MEMORY_TOO_SMALL says the rest).
  if (sum === machine.ramBytes || machine.ramBytes === 0) return odd
  return [
    ...odd,
    own.NUMA_MEMORY_SUM.at(
      `${path}.nodes`,
      `the nodes have ${formatBytes(sum)} together, the machine ${formatBytes(machine.ramBytes)}`,
    ),
  ]
}

function checkCpus({ machine, path }: RuleContext): readonly Diagnostic[] {
  const { threads, cores, dies } = machine.cpus
  const max = Math.min(machine.cpus.max, MOST_CPUS)
  const places = new Map<number, number[]>()
  machine.nodes.forEach((node, i) => {
    for (const cpu of node.cpus) places.set(cpu, [...(places.get(cpu) ?? []), i])
  })
  const found: Diagnostic[] = []
  for (const [cpu, [node = 0, other]] of places) {
    if (other !== undefined)
      found.push(
        own.NUMA_CPU_TWICE.at(
          `${path}.nodes[${other}].cpus`,
          `CPU ${cpu} is on node ${node} and on node ${other}`,
        ),
      )
    if (cpu >= max)
      found.push(
        own.NUMA_CPU_BEYOND_MAX.at(
          `${path}.nodes[${node}].cpus`,
          `CPU ${cpu} on node ${node}, but the last one is ${max - 1}`,
        ),
      )
  }
  const nowhere = Array.from({ length: max }, (_, i) => i).filter((cpu) => !places.has(cpu))
  if (nowhere.length > 0)
    found.push(own.NUMA_CPU_NOWHERE.at(`${path}.nodes`, `CPU ${cpuRanges(nowhere).join(', ')} on no node`))
  const splitBy = (unit: number) =>
    [...places].filter(
      ([cpu, [node]]) => cpu % unit !== 0 && cpu < max && places.get(cpu - (cpu % unit))?.[0] !== node,
    )
  const split = splitBy(threads)
  const apart = split.length > 0 || nowhere.length > 0 ? [] : splitBy(cores * threads)
  if (apart.length > 0) {
    const level = dies > 1 ? 'die' : 'socket'
    const numbers = new Set(apart.map(([cpu]) => Math.floor(cpu / (cores * threads))))
    found.push(
      own.NUMA_SOCKET_SPLIT.at(
        `${path}.nodes`,
        `${level} ${[...numbers].join(', ')} has CPUs on different nodes`,
      ),
    )
  }
  if (split.length > 0 && nowhere.length === 0) {
    found.push(
      own.NUMA_CORE_SPLIT.at(
        `${path}.nodes`,
        `the threads of the core of CPU ${split.map(([cpu]) => cpu).join(', ')} are on different nodes`,
      ),
    )
  }
  return found
}

function checkDistances(numa: NumaConfig, path: string): readonly Diagnostic[] {
  const pairs = distancePairs(numa)
  const count = numa.nodes.length
  const at = `${path}.distances`
  const found: Diagnostic[] = [...checkShape(numa, at)]
  const given = new Map<string, number>()
  for (const { from, to, value } of pairs) {
    const what = `distance ${value} from node ${from} to ${to}`
    if (from >= count || to >= count)
      found.push(
        own.NUMA_DISTANCE_NODE_MISSING.at(at, `${what}, but the machine has ${plural(count, 'node')}`),
      )
    else if (value < 10 || value > 255) found.push(own.NUMA_DISTANCE_RANGE.at(at, what))
    else if (from === to && value !== 10) found.push(own.NUMA_DISTANCE_LOCAL.at(at, what))
    else if (from !== to && value === 10) found.push(own.NUMA_DISTANCE_REMOTE_10.at(at, what))
    else if (value === 255) found.push(own.NUMA_DISTANCE_UNREACHABLE.at(at, what))
    const before = given.get(`${from} ${to}`)
    if (before !== undefined && before !== value)
      found.push(own.NUMA_DISTANCE_TWICE.at(at, `${what}, and ${before}`))
    given.set(`${from} ${to}`, value)
  }
  return pairs.length === 0 ? found : [...found, ...checkPairs(given, count, at)]
}

function checkShape({ distances, nodes }: NumaConfig, at: string): readonly Diagnostic[] {
  if (!Array.isArray(distances) || !Array.isArray(distances[0])) return []
  const widths = (distances as readonly (readonly number[])[]).map((row) => row.length)
  if (widths.length === nodes.length && widths.every((width) => width === nodes.length)) return []
  const what = `${plural(widths.length, 'row')} of ${widths.join(', ')} numbers for ${plural(nodes.length, 'node')}`
  return [own.NUMA_DISTANCE_SHAPE.at(at, what)]
}

/** QEMU fills in the way back, unless any pair is asymmetrical; then it wants both ways of all. */
function checkPairs(given: ReadonlyMap<string, number>, count: number, at: string): readonly Diagnostic[] {
  const pairs = Array.from({ length: count }, (_, a) =>
    Array.from({ length: count }, (_, b) => [a, b] as const),
  )
    .flat()
    .filter(([a, b]) => a < b)
  const missing = pairs.filter(([a, b]) => !given.has(`${a} ${b}`) && !given.has(`${b} ${a}`))
  if (missing.length > 0)
    return [
      own.NUMA_DISTANCE_MISSING.at(
        at,
        `no distance between nodes ${missing.map(([a, b]) => `${a} and ${b}`).join(', ')}`,
      ),
    ]
  const both = pairs.filter(([a, b]) => given.has(`${a} ${b}`) && given.has(`${b} ${a}`))
  const isAsymmetric = both.some(([a, b]) => given.get(`${a} ${b}`) !== given.get(`${b} ${a}`))
  if (!isAsymmetric || both.length === pairs.length) return []
  const oneWay = pairs.filter((p) => !both.includes(p))
  return [
    own.NUMA_DISTANCE_ONE_WAY.at(
      at,
      `only one direction between nodes ${oneWay.map(([a, b]) => `${a} and ${b}`).join(', ')}`,
    ),
  ]
}
