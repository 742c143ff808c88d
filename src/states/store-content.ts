/** Whether a store has content that a saved guest may not know. */
import { statfsSync, statSync } from 'node:fs'
import type { StoreClaim } from '../machine/device.ts'

/**
 * File systems whose st_blocks counts every written byte, also inline data and blocks not yet allocated:
 * ext4_file_getattr, xfs_vn_getattr, btrfs_getattr, f2fs_getattr, shmem_getattr; overlayfs passes on those of the file
 * below. Types by statfs(2).
 */
const COUNTING: ReadonlySet<number> = new Set([
  0xef53, // ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0xf2f52010, // f2fs
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
])

/** Type of the file system, as an unsigned number. */
const typeOf = (path: string): number => Number(statfsSync(path).type) >>> 0

/** The first store whose content a saved guest may not know, as a clause. Undefined if it knows all. */
export function usedStore(
  stores: readonly Pick<StoreClaim, 'path' | 'device'>[],
  type: (path: string) => number = typeOf,
): string | undefined {
  for (const { path, device } of stores) {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) continue
    if (!found.isFile() || found.blocks > 0) return `the store ${device} has content`
    if (!COUNTING.has(type(path)))
      return `the store ${device} is on a file system that may not report content of sparse files`
  }
  return undefined
}
