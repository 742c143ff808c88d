/** The memory of this computer, huge pages included. Source: proc_meminfo(5), `Documentation/admin-guide/mm/hugetlbpage.rst`. */
import { type HugePagesFact, readHugePages } from './numa.ts'
import { readText } from './read-file.ts'

export interface MemoryFact {
  readonly totalBytes: number
  /** What is available without swapping, as the kernel estimates it. */
  readonly availableBytes: number
  /** By page size in bytes, smallest first. */
  readonly hugePages: readonly HugePagesFact[]
}

/** @param root Folder that stands for `/`; other than `/` in tests. */
export function readMemory(root = '/'): MemoryFact {
  const text = readText(root, 'proc/meminfo') ?? ''
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return {
    totalBytes: bytes('MemTotal'),
    availableBytes: bytes('MemAvailable'),
    hugePages: readHugePages(root, 'sys/kernel/mm/hugepages'),
  }
}
