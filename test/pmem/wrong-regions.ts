/**
 * Regions that do not do, for a guest with 2 GiB: what bringup says of them, and what a kernel that is made to use them
 * says or does. The same table is used without a guest (`region-rules.test.ts`) and with (`regions.test.ts`).
 */

export interface WrongRegion {
  readonly bytes: number
  readonly start: number
  /** More of the command line. */
  readonly with?: string
  /** Codes of the errors and warnings, in order. */
  readonly codes: readonly string[]
  /** What the guest does with it. */
  readonly seen: /** It never gets to run commands; this is on its console, if anything. */
    | { readonly kind: 'no-boot'; readonly says?: RegExp }
    /** It boots without a device of that size; this is in its log. */
    | { readonly kind: 'no-device'; readonly says: RegExp }
    /** There is a device of that size, and mkfs is content, but nothing can be mounted. */
    | { readonly kind: 'no-memory' }
}

const K = 1024
const M = 1024 * K
const G = 1024 * M
const MISALIGNED = /misaligned, unable to map/

export const WRONG_REGIONS: readonly WrongRegion[] = [
  {
    bytes: 100_000 * K,
    start: 1_000_001 * K,
    codes: ['PMEM_UNALIGNED'],
    seen: { kind: 'no-device', says: MISALIGNED },
  },
  {
    bytes: 100 * M,
    start: 1_048_577 * K,
    codes: ['PMEM_UNALIGNED'],
    seen: { kind: 'no-device', says: MISALIGNED },
  },
  { bytes: 1 * M, start: 1 * G, codes: ['PMEM_UNALIGNED'], seen: { kind: 'no-device', says: MISALIGNED } },
  { bytes: 256 * M, start: 3 * G, codes: ['PMEM_NOT_RAM'], seen: { kind: 'no-memory' } },
  { bytes: 256 * M, start: 4 * G, codes: ['PMEM_NOT_RAM'], seen: { kind: 'no-memory' } },
  {
    bytes: 256 * M,
    start: 1900 * M,
    codes: ['PMEM_NOT_RAM', 'PMEM_RESERVED'],
    seen: { kind: 'no-device', says: MISALIGNED },
  },
  {
    bytes: 4 * G,
    start: 1 * G,
    codes: ['PMEM_NOT_RAM', 'PMEM_RESERVED'],
    seen: { kind: 'no-device', says: /persistent \(type 12\)/ },
  },
  {
    bytes: 256 * M,
    start: 0,
    codes: ['PMEM_LOW_MEMORY', 'PMEM_NOT_RAM', 'PMEM_RESERVED'],
    seen: { kind: 'no-boot', says: /Real mode trampoline was not allocated/ },
  },
  {
    bytes: 2 * G,
    start: 0,
    codes: ['PMEM_LOW_MEMORY', 'PMEM_NOT_RAM', 'PMEM_RESERVED', 'PMEM_TOO_LITTLE_RAM'],
    seen: { kind: 'no-boot' },
  },
  {
    bytes: 256 * M,
    start: 16 * M,
    with: 'nokaslr',
    codes: ['PMEM_UNDER_KERNEL'],
    seen: { kind: 'no-device', says: MISALIGNED },
  },
]
