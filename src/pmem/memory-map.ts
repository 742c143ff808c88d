/** A computer’s physical memory: what the firmware says of it, which node it is on, and what is in it. Plain data. */

/** From `start` up to, not including, `end`; bytes. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * - `ram`: free for the kernel.
 * - `persistent`: real persistent memory (type 7).
 * - `emulated`: RAM that `memmap=size!start` has made persistent memory of (type 12).
 * - `soft-reserved`: memory that the firmware wants kept for a special purpose.
 * - `other`: a type that bringup does not know; treated as reserved.
 */
export type RangeKind =
  | 'ram'
  | 'reserved'
  | 'acpi-data'
  | 'acpi-nvs'
  | 'unusable'
  | 'persistent'
  | 'emulated'
  | 'soft-reserved'
  | 'other'

export interface MemoryRange extends Span {
  readonly kind: RangeKind
}

export interface NodeRange extends Span {
  readonly node: number
}

/**
 * What one `memmap=` or `mem=` of the command line does to the memory map; `memmap=` takes several, separated by commas.
 * Source: `Documentation/admin-guide/kernel-parameters.txt`, memmap.
 */
export interface MemmapParameter {
  /** One of several as it would stand alone: `memmap=64K$0x18690000`. */
  readonly word: string
  /**
   * What the span becomes; or `limit`: RAM from `bytes` on is dropped; `exact`: the map so far is dropped; `removed`:
   * what is in the span is dropped; `ignored`: the kernel does not understand it, and goes on without it.
   */
  readonly kind: RangeKind | 'limit' | 'exact' | 'removed' | 'ignored'
  /** Undefined for `limit`, `exact` and `ignored`. */
  readonly span?: Span
  /** Of `limit`. */
  readonly bytes?: number
  /** Of `memmap=size%start-from+to`: only memory of this type is changed; without it, memory is added or all is dropped. */
  readonly from?: number
  /** The number of the type that the span gets, where `kind` was derived from one. */
  readonly to?: number
}

/** What the command line of the running kernel says of memory. */
export interface MemoryParameters {
  /** In their order, which matters to the kernel. */
  readonly memmaps: readonly MemmapParameter[]
  /** What `efi_fake_mem=` wants to be special-purpose memory, where the kernel knows that parameter. */
  readonly fakeMemory: readonly MemmapParameter[]
  /** The kernel chooses its own place at every boot. */
  readonly hasKaslr: boolean
  /**
   * How many regions of `memmap=` the code that chooses the kernel’s place remembers, of at most four; `given-up` where
   * one parameter names more. Source: `arch/x86/boot/compressed/kaslr.c`, mem_avoid_memmap().
   */
  readonly avoided: number | 'given-up'
  /** Text of `crashkernel=`, when there is one. */
  readonly crashKernel?: string
}

export interface MemoryMap {
  /** By address; they do not overlap. The firmware’s own, before any `memmap=`. */
  readonly ranges: readonly MemoryRange[]
  /** By address. Empty with a single node, or if nothing is known of nodes. */
  readonly nodes: readonly NodeRange[]
  /** Code and data of the running kernel; undefined when it is not reported (the kernel reports it to root only). */
  readonly kernel?: Span
  /** Where the crash kernel is reserved now. */
  readonly crashKernel: readonly Span[]
  /** Where the boot loader had put the initramfs. */
  readonly initrd?: Span
  readonly parameters: MemoryParameters
  /** Started by UEFI, as far as is known. */
  readonly isEfi?: boolean
  /** Of the kernel’s stable series: `6.1.176`. */
  readonly version?: string
  /** Smallest piece of memory that is added or removed at once. Default: 128 MiB, as x86-64 has it. */
  readonly sectionBytes: number
}

/** A range that is to become persistent memory. */
export interface PmemRegion {
  readonly start: number
  readonly bytes: number
}

export function spanOf(region: PmemRegion): Span {
  return { start: region.start, end: region.start + region.bytes }
}

export function overlap(a: Span, b: Span): Span | undefined {
  const start = Math.max(a.start, b.start)
  const end = Math.min(a.end, b.end)
  return start < end ? { start, end } : undefined
}

/** What is left of some spans without others. */
export function subtract(spans: readonly Span[], without: readonly Span[]): readonly Span[] {
  return without.reduce<readonly Span[]>(
    (left, hole) =>
      left.flatMap((span) => {
        if (!overlap(span, hole)) return [span]
        return [
          { start: span.start, end: Math.min(span.end, hole.start) },
          { start: Math.max(span.start, hole.end), end: span.end },
        ].filter((s) => s.start < s.end)
      }),
    spans,
  )
}

export function intersect(spans: readonly Span[], others: readonly Span[]): readonly Span[] {
  return spans.flatMap((span) => others.flatMap((other) => overlap(span, other) ?? []))
}

export function totalBytes(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0)
}

/** Sorted, with neighbours of one kind joined. */
export function joinRanges(ranges: readonly MemoryRange[]): readonly MemoryRange[] {
  const joined: MemoryRange[] = []
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = joined.at(-1)
    if (last && last.end === range.start && last.kind === range.kind)
      joined.splice(-1, 1, { ...last, end: range.end })
    else joined.push(range)
  }
  return joined
}

/** Numbers of the nodes that have memory; node 0 where nothing is known of nodes. */
export function nodesOf(map: MemoryMap): readonly number[] {
  return map.nodes.length === 0 ? [0] : [...new Set(map.nodes.map((n) => n.node))].sort((a, b) => a - b)
}

/** Addresses of a node; all of them where nothing is known of nodes. */
export function spansOfNode(map: MemoryMap, node: number): readonly Span[] {
  return map.nodes.length === 0
    ? [{ start: 0, end: Number.MAX_SAFE_INTEGER }]
    : map.nodes.filter((n) => n.node === node)
}

/** Hexadecimal with as many digits as the kernel prints: `[mem 0x0000000100000000-0x00000001ffffffff]`. */
export function formatSpan({ start, end }: Span): string {
  return `[mem ${formatAddress(start)}-${formatAddress(end - 1)}]`
}

export function formatAddress(address: number): string {
  return `0x${address.toString(16).padStart(16, '0')}`
}
