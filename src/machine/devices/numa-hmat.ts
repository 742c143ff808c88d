/** HMAT: how fast each initiator node reaches each memory node, and the caches in front of memory. */
import { z } from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { formatBytes, MiB, parseBytes, zBytes } from '../../units.ts'
import { type Argument, type Expectation, type NodeView, option } from '../device.ts'

export const problems = defineDiagnostics({
  NUMA_HMAT_INITIATOR: {
    title: 'An HMAT entry starts from a node without CPUs.',
    why: 'an initiator is a node whose CPUs access memory',
    remedy: 'name a node that has CPUs as initiator',
    source: 'QEMU: "Invalid initiator=…, it isn\'t an initiator proximity domain"',
    qemu: 'refuses',
  },
  NUMA_HMAT_TARGET: {
    title: 'An HMAT entry or cache names a node that does not exist.',
    why: 'targets are NUMA nodes of this machine',
    remedy: 'use a number below that of the nodes, or add a node',
    source:
      'QEMU: "The target=… should point to an existing node"; "Invalid node-id=…, it should be less than"',
    qemu: 'refuses',
  },
  NUMA_HMAT_EMPTY: {
    title: 'An HMAT entry without latency and bandwidth.',
    why: 'it says nothing, so no guest could ever see it',
    remedy: 'give latency, bandwidth, or one of the read and write variants',
    qemu: 'accepts',
  },
  NUMA_HMAT_DUPLICATE: {
    title: 'The same HMAT value or cache is given twice.',
    why: 'the table has one place for each pair of nodes, hierarchy and kind of value',
    remedy: 'remove one of them',
    source: 'QEMU: "Duplicate configuration of the latency/bandwidth/side cache"',
    qemu: 'refuses',
  },
  NUMA_HMAT_BANDWIDTH_UNALIGNED: {
    title: 'An HMAT bandwidth that is not a multiple of 1M.',
    why: 'the table counts megabytes per second',
    remedy: 'use a multiple of "1M"',
    source: 'QEMU: "Bandwidth … should be 1MB aligned"',
    qemu: 'refuses',
  },
  NUMA_HMAT_SPREAD: {
    title: 'HMAT values of one kind differ too much.',
    why: 'the table holds 16 bit multiples of one common base: the largest decimal step (latency) or binary step (bandwidth) that divides all values',
    remedy: 'round the values, so that the largest is less than 65535 times their common base',
    source: 'QEMU: "should not differ from previously entered min or max values on more than 65534"',
    qemu: 'refuses',
  },
  NUMA_HMAT_LATENCY_WRAPS: {
    title: 'An HMAT latency that does not fit in 16 bits.',
    why: 'QEMU does not notice when the large value comes first or stands alone: the guest sees it modulo 65536, or as "unreachable"',
    remedy:
      'round the value, so that it is less than 65535 times the common decimal base of all latencies of its kind',
    source: 'QEMU hw/core/numa.c, parse_numa_hmat_lb; ACPI 6.4, table 5.146',
    qemu: 'misbehaves',
  },
  NUMA_HMAT_CACHE_LEVELS: {
    title: 'A memory-side cache without the level below it, or not larger than that.',
    why: 'levels are 1 to 3, each larger than the one before',
    remedy: 'describe every level from 1 on, each larger than the last',
    source:
      'QEMU: "Cache level=… shall be defined first"; "Invalid size=…, the size of level=… should be larger"',
    qemu: 'refuses',
  },
  NUMA_HMAT_CACHE_UNMEASURED: {
    title: 'A memory-side cache of a node whose latency and bandwidth are not given.',
    why: 'QEMU wants both for a node before it takes a cache in front of it',
    remedy: 'add an HMAT entry with that node as target, with latency and bandwidth',
    source:
      'QEMU: "The latency and bandwidth information of node-id=… should be provided before memory side cache attributes"',
    qemu: 'refuses',
  },
})

const zLatency = z
  .union([
    z.int().positive(),
    z
      .string()
      .regex(
        /^[1-9]\d*\s*(ns|us|µs|ms)?$/,
        'write nanoseconds, or a number with ns, us or ms, such as "80ns"',
      ),
  ])
  .transform((value) => {
    if (typeof value === 'number') return value
    return (
      Number.parseInt(value, 10) *
      (value.includes('ms') ? 1_000_000 : value.endsWith('us') || value.endsWith('µs') ? 1000 : 1)
    )
  })

const zBandwidth = z.union([z.int().positive(), z.string()]).transform((value, context) => {
  const bytes = typeof value === 'number' ? value : parseBytes(value.replace(/\/s$/, ''))
  if (bytes) return bytes
  context.addIssue({
    code: 'custom',
    message: `"${value}" is not a bandwidth; write bytes per second, or a number with M or G, such as "10G"`,
  })
  return z.NEVER
})

const node = z.int().nonnegative()
const latency = (what: string) => zLatency.optional().describe(`${what} in nanoseconds, or "80ns".`)
const bandwidth = (what: string) =>
  zBandwidth.optional().describe(`${what} in bytes per second, or "10G"; a multiple of 1M.`)

export const hmatEntrySchema = z.strictObject({
  initiator: node.describe('Node whose CPUs access the memory.'),
  target: node.describe('Node whose memory is accessed.'),
  hierarchy: z
    .enum(['memory', 'first-level', 'second-level', 'third-level'])
    .default('memory')
    .describe('Memory itself, or the memory-side cache of that level.'),
  latency: latency('Access latency'),
  readLatency: latency('Read latency'),
  writeLatency: latency('Write latency'),
  bandwidth: bandwidth('Access bandwidth'),
  readBandwidth: bandwidth('Read bandwidth'),
  writeBandwidth: bandwidth('Write bandwidth'),
})

export const cacheSchema = z.strictObject({
  node: node.describe('Node whose memory the cache is in front of.'),
  level: z.int().min(1).max(3).default(1),
  size: zBytes,
  associativity: z.enum(['none', 'direct', 'complex']).default('direct'),
  policy: z.enum(['none', 'write-back', 'write-through']).default('write-back'),
  line: z.int().min(0).max(65535).default(64).describe('Bytes of a cache line.'),
})

type HmatEntry = z.output<typeof hmatEntrySchema>
type Cache = z.output<typeof cacheSchema>
export interface Hmat {
  readonly hmat: readonly HmatEntry[]
  readonly caches: readonly Cache[]
}

const KINDS = [
  ['latency', 'access-latency'],
  ['readLatency', 'read-latency'],
  ['writeLatency', 'write-latency'],
  ['bandwidth', 'access-bandwidth'],
  ['readBandwidth', 'read-bandwidth'],
  ['writeBandwidth', 'write-bandwidth'],
] as const

interface Value {
  readonly entry: number
  readonly key: (typeof KINDS)[number][0]
  readonly initiator: number
  readonly target: number
  readonly hierarchy: string
  readonly type: (typeof KINDS)[number][1]
  readonly value: number
}

function valuesOf(hmat: readonly HmatEntry[]): readonly Value[] {
  return hmat.flatMap(({ initiator, target, hierarchy, ...given }, entry) =>
    KINDS.flatMap(([key, type]) => {
      const value = given[key]
      return value === undefined ? [] : [{ entry, key, initiator, target, hierarchy, type, value }]
    }),
  )
}

const byLevel = (caches: readonly Cache[]) => caches.toSorted((a, b) => a.node - b.node || a.level - b.level)

export function hmatArgs({ hmat, caches }: Hmat): readonly Argument[] {
  return [
    ...valuesOf(hmat).map(({ initiator, target, hierarchy, type, value }) =>
      option('-numa', 'hmat-lb', {
        initiator,
        target,
        hierarchy,
        'data-type': type,
        [type.endsWith('latency') ? 'latency' : 'bandwidth']: value,
      }),
    ),
    ...byLevel(caches).map(({ node, size, level, associativity, policy, line }) =>
      option('-numa', 'hmat-cache', { 'node-id': node, size, level, associativity, policy, line }),
    ),
  ]
}

export function hmatExpectations({ hmat }: Hmat): readonly Expectation[] {
  return valuesOf(hmat).map(({ initiator, target, hierarchy, type, value }) => {
    const isLatency = type.endsWith('latency')
    // QEMU takes nanoseconds; the guest sees picoseconds.
    const show = (n: number) => (isLatency ? `${n / 1000} ns` : `${formatBytes(n)}/s`)
    return {
      device: 'numa',
      aspect: `HMAT ${hierarchy} ${type} ${initiator} → ${target}`,
      want: show(isLatency ? value * 1000 : value),
      see: (view) => {
        const entry = view.hmat?.find(
          (e) =>
            e.initiator === initiator && e.target === target && e.hierarchy === hierarchy && e.type === type,
        )
        return view.hmat && (entry ? show(entry.value) : null)
      },
    }
  })
}

export function checkHmat(config: Hmat, nodes: readonly NodeView[], path: string): readonly Diagnostic[] {
  const values = valuesOf(config.hmat)
  return [
    ...checkEntries(config.hmat, nodes, path),
    ...checkValues(values, path),
    ...checkCaches(config, nodes, path),
  ]
}

function checkEntries(
  hmat: readonly HmatEntry[],
  nodes: readonly NodeView[],
  path: string,
): readonly Diagnostic[] {
  return hmat.flatMap((entry, i) => {
    const found: Diagnostic[] = []
    const at = `${path}.hmat[${i}]`
    if (!nodes[entry.initiator]?.cpus.length) {
      found.push(
        problems.NUMA_HMAT_INITIATOR.at(
          `${at}.initiator`,
          `node ${entry.initiator} ${nodes[entry.initiator] ? 'has no CPUs' : 'does not exist'}`,
        ),
      )
    }
    if (!nodes[entry.target])
      found.push(
        problems.NUMA_HMAT_TARGET.at(
          `${at}.target`,
          `node ${entry.target} does not exist; there are ${nodes.length}`,
        ),
      )
    if (KINDS.every(([key]) => entry[key] === undefined))
      found.push(problems.NUMA_HMAT_EMPTY.at(at, `entry ${i} has neither latency nor bandwidth`))
    return found
  })
}

function checkValues(values: readonly Value[], path: string): readonly Diagnostic[] {
  const tables = groupBy(values, (v) => `${v.hierarchy} ${v.type}`)
  return [...tables.values()].flatMap((table) => {
    const seen = new Set<string>()
    const found: Diagnostic[] = []
    for (const v of table) {
      const pair = `${v.initiator} → ${v.target}`
      if (seen.has(pair))
        found.push(
          problems.NUMA_HMAT_DUPLICATE.at(
            `${path}.hmat[${v.entry}].${v.key}`,
            `${v.hierarchy} ${v.type} ${pair} is given twice`,
          ),
        )
      seen.add(pair)
    }
    return found.length > 0
      ? found
      : table[0]?.type.endsWith('latency')
        ? checkLatencies(table, path)
        : checkBandwidths(table, path)
  })
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

function decimalBase(value: number): number {
  let base = 1
  while (value % (base * 10) === 0) base *= 10
  return base
}

/** Follows QEMU, which compares each value with the base of those before it only. */
function checkLatencies(table: readonly Value[], path: string): readonly Diagnostic[] {
  let base = Number.POSITIVE_INFINITY
  let largest = 0
  for (const v of table) {
    const before = base
    base = Math.min(base, decimalBase(v.value))
    largest = Math.max(largest, Math.floor(v.value / before))
    if (largest >= 65535) {
      return [
        problems.NUMA_HMAT_SPREAD.at(
          `${path}.hmat[${v.entry}].${v.key}`,
          `${v.type} ${v.value} ns is ${largest} times the base ${before} ns of the values before it`,
        ),
      ]
    }
  }
  const wraps = table.find((v) => v.value / base >= 65535)
  if (!wraps) return []
  return [
    problems.NUMA_HMAT_LATENCY_WRAPS.at(
      `${path}.hmat[${wraps.entry}].${wraps.key}`,
      `${wraps.type} ${wraps.value} ns is ${wraps.value / base} times the common base of ${base} ns`,
    ),
  ]
}

function checkBandwidths(table: readonly Value[], path: string): readonly Diagnostic[] {
  const odd = table.filter((v) => v.value % MiB !== 0)
  if (odd.length > 0)
    return odd.map((v) =>
      problems.NUMA_HMAT_BANDWIDTH_UNALIGNED.at(
        `${path}.hmat[${v.entry}].${v.key}`,
        `${v.value} bytes per second`,
      ),
    )
  let base = Number.POSITIVE_INFINITY
  for (const v of table) {
    base = Math.min(base, Number(BigInt(v.value) & -BigInt(v.value)))
    const largest = Math.max(...table.slice(0, table.indexOf(v) + 1).map((w) => w.value))
    if (v.value / base >= 65535 || largest / base >= 65536) {
      return [
        problems.NUMA_HMAT_SPREAD.at(
          `${path}.hmat[${v.entry}].${v.key}`,
          `${v.type} values from ${formatBytes(base)} to ${formatBytes(largest)} per second`,
        ),
      ]
    }
  }
  return []
}

function checkCaches(
  { hmat, caches }: Hmat,
  nodes: readonly NodeView[],
  path: string,
): readonly Diagnostic[] {
  return caches.flatMap((cache, i) => {
    const at = `${path}.caches[${i}]`
    if (!nodes[cache.node])
      return [
        problems.NUMA_HMAT_TARGET.at(
          `${at}.node`,
          `node ${cache.node} does not exist; there are ${nodes.length}`,
        ),
      ]
    const found: Diagnostic[] = []
    const about = hmat.filter((e) => e.target === cache.node)
    const hasLatency = about.some((e) => e.latency ?? e.readLatency ?? e.writeLatency)
    const hasBandwidth = about.some((e) => e.bandwidth ?? e.readBandwidth ?? e.writeBandwidth)
    if (!hasLatency || !hasBandwidth) {
      found.push(
        problems.NUMA_HMAT_CACHE_UNMEASURED.at(
          at,
          `node ${cache.node} has a cache, but no HMAT ${hasLatency ? 'bandwidth' : 'latency'}`,
        ),
      )
    }
    if (caches.some((c, j) => j < i && c.node === cache.node && c.level === cache.level)) {
      found.push(
        problems.NUMA_HMAT_DUPLICATE.at(
          at,
          `cache level ${cache.level} of node ${cache.node} is given twice`,
        ),
      )
    }
    const below = caches.find((c) => c.node === cache.node && c.level === cache.level - 1)
    if (cache.level > 1 && (!below || below.size >= cache.size)) {
      found.push(
        problems.NUMA_HMAT_CACHE_LEVELS.at(
          at,
          below
            ? `level ${cache.level} is no larger than level ${below.level}`
            : `level ${cache.level} of node ${cache.node} without level ${cache.level - 1}`,
        ),
      )
    }
    return found
  })
}
