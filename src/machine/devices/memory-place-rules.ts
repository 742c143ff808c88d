/** What can be wrong with where the guest's memory lies on the host: huge pages, a file, chosen nodes. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import { formatBytes } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import { backendOf, type MemoryConfig } from './memory-options.ts'
import { whyUnfit } from './unfit-file.ts'

export const problems = defineDiagnostics({
  MEMORY_HUGE_PAGES_MISSING: {
    title: 'The host has no huge pages of that size.',
    why: 'the page sizes are fixed by the processor and kernel',
    remedy: 'see /sys/kernel/mm/hugepages for the sizes there are; "2M" is the usual one',
    source: 'QEMU: "failed to create memfd with flags …: No such device"',
    qemu: 'refuses',
  },
  MEMORY_HUGE_PAGES_TOO_FEW: {
    title: 'Too few free huge pages.',
    why: 'huge pages are reserved beforehand, and QEMU exits if there are too few',
    remedy: 'raise /sys/kernel/mm/hugepages/hugepages-…/nr_hugepages as root, or omit memory.hugePages',
    source: 'QEMU: "unable to map backing store for guest RAM: Cannot allocate memory"',
    qemu: 'refuses',
  },
  MEMORY_HUGE_PAGES_UNALIGNED: {
    title: 'RAM (or a node’s share of it) that is not whole huge pages.',
    why: 'memory consists of whole huge pages',
    remedy: 'make memory.size, and each node’s memory, a multiple of memory.hugePages',
    source: 'QEMU: "failed to resize memfd to …: Invalid argument"',
    qemu: 'refuses',
  },
  MEMORY_HUGE_PAGES_BACKEND: {
    title: 'Huge pages with a backend that cannot take them.',
    why: 'anonymous memory has no page size option; a file takes its page size from the file system it is on',
    remedy: 'use backend "memfd", or "file" with a path on a hugetlbfs mount',
    qemu: 'accepts',
  },
  MEMORY_PATH_WITHOUT_FILE_BACKEND: {
    title: 'A path for memory that is not in a file.',
    why: 'only the file backend has a path; the others would silently ignore it',
    remedy: 'omit memory.path, or set backend "file"',
    qemu: 'accepts',
  },
  MEMORY_FILE_WITHOUT_PATH: {
    title: 'The file backend without a path.',
    why: 'QEMU does not choose a path for the RAM file',
    remedy: 'give memory.path: a file, or a folder for an unnamed one',
    source: 'QEMU: "Parameter \'mem-path\' is missing"',
    qemu: 'refuses',
  },
  MEMORY_PATH_UNUSABLE: {
    title: 'The RAM file cannot be made or opened.',
    why: 'QEMU exits if it cannot open the backing store',
    remedy: 'create the folder, or give another path that you may write to',
    source: 'QEMU: "can\'t open backing store … for guest RAM"',
    qemu: 'refuses',
  },
  MEMORY_FILE_SIZE: {
    title: 'The RAM file is smaller than the RAM.',
    why: 'QEMU does not grow a file that is there already',
    remedy: 'delete the file, or make memory.size match it',
    source: 'QEMU: "backing store size … does not match \'size\' option"',
    qemu: 'refuses',
  },
  MEMORY_FILE_FOR_SEVERAL_NODES: {
    title: 'One RAM file for several NUMA nodes.',
    why: 'each node has a backend of its own; two of them on one file would overwrite each other',
    remedy: 'give a folder as memory.path: each node gets an unnamed file in it',
    qemu: 'misbehaves',
  },
  MEMORY_HOST_NODE_MISSING: {
    title: 'Memory bound to a NUMA node that the host does not have.',
    why: 'the kernel refuses to bind memory to a missing node',
    remedy: '`bringup doctor` lists the nodes of this computer; most computers have only node 0',
    source: 'QEMU: "cannot bind memory to host NUMA nodes: Invalid argument"',
    qemu: 'refuses',
  },
  MEMORY_POLICY_WITHOUT_NODES: {
    title: 'A memory policy without host nodes.',
    why: 'bind, preferred and interleave all need to know which nodes',
    remedy: 'add memory.hostNodes, or `hostNodes` to each NUMA node; or omit memory.policy',
    source: 'QEMU: "host-nodes must be set for policy"',
    qemu: 'refuses',
  },
})

/** All problems of the place of the memory section. */
export function checkPlace(memory: MemoryConfig, context: RuleContext): readonly Diagnostic[] {
  return [...checkHugePages(memory, context), ...checkPath(memory, context), ...checkPolicy(memory, context)]
}

function checkHugePages(memory: MemoryConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const { hugePages } = memory
  if (hugePages === undefined) return []
  const at = `${path}.hugePages`
  const backend = backendOf(memory)
  const isOnHugetlbfs = facts.files.get(memory.path ?? '')?.fileSystem === 'hugetlbfs'
  if (backend === 'ram' || (backend === 'file' && !isOnHugetlbfs)) {
    return [
      problems.MEMORY_HUGE_PAGES_BACKEND.at(
        at,
        `hugePages with backend "${backend}"${backend === 'file' ? ` on ${facts.files.get(memory.path ?? '')?.fileSystem ?? 'no known file system'}` : ''}`,
      ),
    ]
  }
  const pool = facts.hugePages.find((p) => p.bytes === hugePages)
  if (!pool) {
    const sizes = facts.hugePages.map((p) => formatBytes(p.bytes)).join(', ') || 'none'
    return [
      problems.MEMORY_HUGE_PAGES_MISSING.at(
        at,
        `no ${formatBytes(hugePages)} pages on this computer; there are: ${sizes}`,
      ),
    ]
  }
  const parts = machine.nodes.length > 0 ? machine.nodes.map((n) => n.bytes) : [machine.ramBytes]
  const odd = parts.filter((bytes) => bytes % hugePages !== 0)
  if (odd.length > 0)
    return [
      problems.MEMORY_HUGE_PAGES_UNALIGNED.at(
        at,
        `${odd.map(formatBytes).join(', ')} in pages of ${formatBytes(hugePages)}`,
      ),
    ]
  const wanted = machine.ramBytes / hugePages
  return pool.free >= wanted
    ? []
    : [
        problems.MEMORY_HUGE_PAGES_TOO_FEW.at(
          at,
          `${wanted} pages of ${formatBytes(hugePages)} wanted, ${pool.free} free`,
        ),
      ]
}

function checkPath(memory: MemoryConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const at = `${path}.path`
  if (backendOf(memory) !== 'file') {
    return memory.path === undefined
      ? []
      : [problems.MEMORY_PATH_WITHOUT_FILE_BACKEND.at(at, `memory.path with backend "${backendOf(memory)}"`)]
  }
  if (memory.path === undefined)
    return [problems.MEMORY_FILE_WITHOUT_PATH.at(at, 'backend "file", and no path')]
  const file = facts.files.get(memory.path)
  if (!file) return []
  if (file.kind === 'missing' ? !file.hasParent : !file.isWritable) {
    return [
      problems.MEMORY_PATH_UNUSABLE.at(
        at,
        `${memory.path} ${file.kind === 'missing' ? 'has no parent folder' : 'is not writable'}`,
      ),
    ]
  }
  if (file.kind === 'directory') return []
  const unfit = whyUnfit(file)
  if (unfit !== undefined) return [problems.MEMORY_PATH_UNUSABLE.at(at, `${memory.path} ${unfit}`)]
  const found: Diagnostic[] = []
  if (machine.nodes.filter((n) => n.bytes > 0).length > 1)
    found.push(
      problems.MEMORY_FILE_FOR_SEVERAL_NODES.at(
        at,
        `${memory.path} for ${plural(machine.nodes.length, 'node')}`,
      ),
    )
  if (file.kind === 'file' && file.bytes > 0 && file.bytes < machine.ramBytes) {
    found.push(
      problems.MEMORY_FILE_SIZE.at(
        at,
        `${memory.path} holds ${formatBytes(file.bytes)}, the RAM ${formatBytes(machine.ramBytes)}`,
      ),
    )
  }
  return found
}

function checkPolicy(memory: MemoryConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const unbound = machine.nodes.flatMap((n, i) => (n.bytes > 0 && !n.hostNodes ? [i] : []))
  const isBound = machine.nodes.length > 0 && unbound.length === 0
  if (memory.policy !== undefined && memory.hostNodes === undefined && !isBound) {
    const where = machine.nodes.length === 0 ? '' : ` for node ${unbound.join(' and ')}`
    return [
      problems.MEMORY_POLICY_WITHOUT_NODES.at(
        `${path}.policy`,
        `policy "${memory.policy}" and no hostNodes${where}`,
      ),
    ]
  }
  return checkHostNodes(memory.hostNodes, facts.hostNodes, `${path}.hostNodes`)
}

/** Also for the NUMA nodes' own `hostNodes`. */
export function checkHostNodes(
  wanted: readonly number[] | undefined,
  there: readonly number[],
  path: string,
): readonly Diagnostic[] {
  const missing = (wanted ?? []).filter((n) => !there.includes(n))
  if (missing.length === 0) return []
  return [
    problems.MEMORY_HOST_NODE_MISSING.at(
      path,
      `host node ${missing.join(', ')} does not exist; this computer has ${there.join(', ')}`,
    ),
  ]
}
