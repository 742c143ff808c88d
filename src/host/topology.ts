/**
 * Cores and memory of this computer by NUMA node, within the cpuset of this process. Sources:
 * `Documentation/ABI/stable/sysfs-devices-system-cpu`, `Documentation/ABI/stable/sysfs-devices-node`, cpuset(7).
 */
import { parseCpuList } from '../cpu-list.ts'
import type { HostRoom, HostTopology } from '../machine/host-topology.ts'
import { readCgroup } from './cgroup.ts'
import { readCpus } from './cpus.ts'
import { readMemory } from './memory.ts'
import { type HostNodeFact, readHostNodes } from './numa.ts'
import { readText } from './read-file.ts'

/** @param root Folder that stands for `/`; other than `/` in tests. */
export function readTopology(root = '/'): HostTopology {
  const { allowed } = readCpus(root)
  const nodes = readHostNodes(root)
  const mayUse = allowedNodes(root)
  const { memoryBytes, cpus } = readCgroup(root)
  return {
    nodes:
      nodes.length === 0
        ? [wholeComputer(root, allowed)]
        : nodes.map((node) => roomOf(node, nodes, { root, allowed, hasMemory: mayUse(node.node) })),
    hasNuma: nodes.length > 0,
    ...(memoryBytes === undefined ? {} : { memoryLimitBytes: memoryBytes }),
    ...(cpus === undefined ? {} : { cpuQuota: cpus }),
  }
}

/** Nodes whose memory this process may use. A kernel without cpusets does not restrict them. */
function allowedNodes(root: string): (node: number) => boolean {
  const list = /^Mems_allowed_list:\s*(\S+)$/m.exec(readText(root, 'proc/self/status') ?? '')?.[1]
  const allowed = list === undefined ? undefined : new Set(parseCpuList(list))
  return (node) => allowed?.has(node) ?? true
}

function roomOf(
  { node, cpus, totalBytes, availableBytes, hugePages, distances }: HostNodeFact,
  nodes: readonly HostNodeFact[],
  { root, allowed, hasMemory }: { root: string; allowed: readonly number[]; hasMemory: boolean },
): HostRoom {
  return {
    node,
    cores: coresOf(
      root,
      cpus.filter((cpu) => allowed.includes(cpu)),
    ),
    totalBytes: hasMemory ? totalBytes : 0,
    availableBytes: hasMemory ? Math.min(availableBytes, totalBytes) : 0,
    hugePages: hasMemory ? hugePages : [],
    distances: Object.fromEntries(nodes.map((other, index) => [other.node, distances[index] ?? 10])),
  }
}

function wholeComputer(root: string, allowed: readonly number[]): HostRoom {
  const { totalBytes, availableBytes, hugePages } = readMemory(root)
  return {
    node: 0,
    cores: coresOf(root, allowed),
    totalBytes,
    availableBytes,
    hugePages,
    distances: { 0: 10 },
  }
}

/** Siblings together, in the order of their first CPUs. `thread_siblings_list` is the name before Linux 5.3. */
function coresOf(root: string, cpus: readonly number[]): readonly (readonly number[])[] {
  const left = new Set(cpus)
  return cpus.flatMap((cpu) => {
    if (!left.has(cpu)) return []
    const folder = `sys/devices/system/cpu/cpu${cpu}/topology`
    const list =
      readText(root, `${folder}/core_cpus_list`) ?? readText(root, `${folder}/thread_siblings_list`)
    const core = [cpu, ...parseCpuList(list ?? '').filter((other) => other !== cpu && left.has(other))]
    for (const one of core) left.delete(one)
    return [core]
  })
}
