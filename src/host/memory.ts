/** The memory of this computer, huge pages included. Source: proc_meminfo(5), `Documentation/admin-guide/mm/hugetlbpage.rst`. */
import { listFolder, readText } from './read-file.ts'

export interface MemoryFact {
  readonly totalBytes: number
  /** What is available without swapping, as the kernel estimates it. */
  readonly availableBytes: number
  /** By page size in bytes, smallest first. */
  readonly hugePages: readonly { readonly bytes: number; readonly total: number; readonly free: number }[]
}

/** @param root Folder that stands for `/`; other than `/` in tests. */
export function readMemory(root = '/'): MemoryFact {
  const text = readText(root, 'proc/meminfo') ?? ''
  const bytes = (key: string) => Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return { totalBytes: bytes('MemTotal'), availableBytes: bytes('MemAvailable'), hugePages: hugePages(root) }
}

const HUGE_PAGES = 'sys/kernel/mm/hugepages'

function hugePages(root: string): MemoryFact['hugePages'] {
  return listFolder(root, HUGE_PAGES)
    .flatMap((name) => {
      const kiB = /^hugepages-(\d+)kB$/.exec(name)?.[1]
      const count = (file: string) => Number(readText(root, `${HUGE_PAGES}/${name}/${file}`) ?? 0)
      return kiB === undefined
        ? []
        : [{ bytes: Number(kiB) * 1024, total: count('nr_hugepages'), free: count('free_hugepages') }]
    })
    .sort((a, b) => a.bytes - b.bytes)
}
