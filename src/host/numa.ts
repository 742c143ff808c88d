/** The NUMA nodes of this computer. Source: `Documentation/ABI/stable/sysfs-devices-node`. */
import { parseCpuList } from '../cpu-list.ts'
import { listFolder, readText } from './read-file.ts'

export interface HostNodeFact {
  readonly node: number
  readonly cpus: readonly number[]
  readonly totalBytes: number
  readonly freeBytes: number
  /** Free memory, and what the kernel can free at once: clean page cache and reclaimable slabs. */
  readonly availableBytes: number
  /** By page size in bytes, smallest first. */
  readonly hugePages: readonly HugePagesFact[]
  /** Relative distances to the online nodes, in their order; 10 is local. */
  readonly distances: readonly number[]
}

export interface HugePagesFact {
  readonly bytes: number
  readonly total: number
  readonly free: number
}

const NODES = 'sys/devices/system/node'

/**
 * Online nodes. Empty when the kernel was built without NUMA.
 *
 * @param root Folder that stands for `/`; other than `/` in tests.
 */
export function readHostNodes(root = '/'): readonly HostNodeFact[] {
  return parseCpuList(readText(root, `${NODES}/online`) ?? '').map((node) => {
    const text = readText(root, `${NODES}/node${node}/meminfo`) ?? ''
    const bytes = (key: string) => kibibytes(text, key) * 1024
    const distances = (readText(root, `${NODES}/node${node}/distance`) ?? '').split(/\s+/).filter(Boolean)
    return {
      node,
      cpus: parseCpuList(readText(root, `${NODES}/node${node}/cpulist`) ?? ''),
      totalBytes: bytes('MemTotal'),
      freeBytes: bytes('MemFree'),
      availableBytes: ['MemFree', 'Active(file)', 'Inactive(file)', 'SReclaimable']
        .map(bytes)
        .reduce((sum, part) => sum + part, 0),
      hugePages: readHugePages(root, `${NODES}/node${node}/hugepages`),
      distances: distances.map(Number),
    }
  })
}

/** `Node 0 MemFree:  5841744 kB` of a node's meminfo. */
function kibibytes(text: string, key: string): number {
  const line = text.split('\n').find((one) => one.includes(` ${key}:`))
  return Number(/(\d+) kB$/.exec(line?.trim() ?? '')?.[1] ?? 0)
}

/** Huge pages in a folder of sysfs: of one node, or of the computer. Nodes have no `nr_overcommit`, but the same names. */
export function readHugePages(root: string, folder: string): readonly HugePagesFact[] {
  return listFolder(root, folder)
    .flatMap((name) => {
      const kiB = /^hugepages-(\d+)kB$/.exec(name)?.[1]
      const count = (file: string) => Number(readText(root, `${folder}/${name}/${file}`) ?? 0)
      return kiB === undefined
        ? []
        : [{ bytes: Number(kiB) * 1024, total: count('nr_hugepages'), free: count('free_hugepages') }]
    })
    .sort((a, b) => a.bytes - b.bytes)
}
