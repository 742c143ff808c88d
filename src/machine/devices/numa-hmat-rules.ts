/** What can be wrong with HMAT entries and memory-side caches. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { formatBytes, MiB } from '../../units.ts'
import type { NodeView } from '../device.ts'
import { type Hmat, type HmatEntry, KINDS, type Value, valuesOf } from './numa-hmat.ts'

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
  NUMA_HMAT_QEMU_TOO_OLD: {
    title: 'This QEMU requires an initiator for each node of a machine with an HMAT.',
    why: 'QEMU before 6.0 does not start without them',
    remedy: 'install a newer QEMU beside this one: `bringup qemu install 10.0 --from packages`',
    source: 'QEMU 5.2: "The initiator of NUMA node … is missing"',
    qemu: 'refuses',
  },
  NUMA_HMAT_EMPTY: {
    title: 'An HMAT entry without latency and bandwidth.',
    why: 'an entry without values has no effect',
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
    why: 'QEMU requires both values for a node with a memory-side cache',
    remedy: 'add an HMAT entry with that node as target, with latency and bandwidth',
    source:
      'QEMU: "The latency and bandwidth information of node-id=… should be provided before memory side cache attributes"',
    qemu: 'refuses',
  },
})

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
