/** The NUMA nodes of this computer. Source: `Documentation/ABI/stable/sysfs-devices-node`. */
import { parseCpuList } from '../cpu-list.ts'
import { readText } from './read-file.ts'

export interface HostNodeFact {
  readonly node: number
  readonly cpus: readonly number[]
  readonly totalBytes: number
  readonly freeBytes: number
  /** Relative distances to the online nodes, in their order; 10 is local. */
  readonly distances: readonly number[]
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
    const bytes = (key: string) => Number(new RegExp(`${key}:\\s*(\\d+) kB`).exec(text)?.[1] ?? 0) * 1024
    const distances = (readText(root, `${NODES}/node${node}/distance`) ?? '').split(/\s+/).filter(Boolean)
    return {
      node,
      cpus: parseCpuList(readText(root, `${NODES}/node${node}/cpulist`) ?? ''),
      totalBytes: bytes('MemTotal'),
      freeBytes: bytes('MemFree'),
      distances: distances.map(Number),
    }
  })
}
