/** Reads memory maps as text: the kernel’s log (also a pasted one), `/sys/firmware/memmap`, `/proc/iomem`. Pure. */
import { joinRanges, type MemoryRange, type NodeRange, type RangeKind, type Span } from './memory-map.ts'

/** Words of the kernel’s log (`e820_print_type`) and of `/sys/firmware/memmap` (`e820_type_to_string`). */
const KINDS: Readonly<Record<string, RangeKind>> = {
  usable: 'ram',
  'system ram': 'ram',
  reserved: 'reserved',
  'acpi data': 'acpi-data',
  'acpi tables': 'acpi-data',
  'acpi nvs': 'acpi-nvs',
  'acpi non-volatile storage': 'acpi-nvs',
  unusable: 'unusable',
  'unusable memory': 'unusable',
  'persistent (type 7)': 'persistent',
  'persistent memory': 'persistent',
  'persistent (type 12)': 'emulated',
  'persistent memory (legacy)': 'emulated',
  'soft reserved': 'soft-reserved',
}

export function kindOf(word: string): RangeKind {
  return KINDS[word.trim().toLowerCase()] ?? 'other'
}

const MEM = String.raw`\[mem (0x[0-9a-f]+)-(0x[0-9a-f]+)\]`
const FIRMWARE = new RegExp(`BIOS-e820:\\s*${MEM}\\s+([^\\r\\n]+)`, 'gi')
const USER = new RegExp(`\\buser:\\s*${MEM}\\s+([^\\r\\n]+)`, 'gi')
const SRAT = new RegExp(`SRAT: Node (\\d+) PXM \\d+ ${MEM}([^\\r\\n]*)`, 'gi')
const RAMDISK = new RegExp(`RAMDISK: ${MEM}`, 'i')

/** The firmware’s map in a kernel’s log. Of several boots in one text, the last counts. Empty for a log without a map. */
export function parseFirmwareLog(text: string): readonly MemoryRange[] {
  return joinRanges(lastBoot(rangesIn(text, FIRMWARE)))
}

/** The map that `memmap=` made of it, as the kernel logs it. Empty when nothing was changed. */
export function parseUserLog(text: string): readonly MemoryRange[] {
  return joinRanges(lastBoot(rangesIn(text, USER)))
}

/** Nodes as the firmware’s SRAT has them. Non-volatile memory is left out: it is no RAM. */
export function parseSratLog(text: string): readonly NodeRange[] {
  const found = [...text.matchAll(SRAT)].flatMap(([, node, from, to, rest = '']) =>
    rest.includes('non-volatile') ? [] : [{ node: Number(node), ...spanFrom(from, to) }],
  )
  // The same lines twice are two boots of one computer.
  const unique = new Map(found.map((n) => [`${n.node} ${n.start} ${n.end}`, n]))
  return [...unique.values()].sort((a, b) => a.start - b.start)
}

export function parseInitrdLog(text: string): Span | undefined {
  const match = RAMDISK.exec(text)
  return match ? spanFrom(match[1], match[2]) : undefined
}

/** Entries of `/sys/firmware/memmap`: the texts of `start`, `end` and `type`. Source: `Documentation/ABI/testing/sysfs-firmware-memmap`. */
export function parseFirmwareEntries(
  entries: readonly { readonly start: string; readonly end: string; readonly type: string }[],
): readonly MemoryRange[] {
  const ranges = entries.map(({ start, end, type }) => ({ ...spanFrom(start, end), kind: kindOf(type) }))
  return joinRanges(ranges.filter((r) => Number.isSafeInteger(r.start) && r.start < r.end))
}

/** One line of `/proc/iomem`. */
export interface IomemLine extends Span {
  readonly name: string
  readonly depth: number
}

/** Undefined when the addresses are hidden, as they are from others than root. Source: `kernel/resource.c`, `r_show`. */
export function parseIomem(text: string): readonly IomemLine[] | undefined {
  const lines = [...text.matchAll(/^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$/gm)].map(
    ([, indent = '', from, to, name = '']) => ({
      ...spanFrom(`0x${from}`, `0x${to}`),
      name,
      depth: indent.length / 2,
    }),
  )
  return lines.some((l) => l.end > 1) ? lines : undefined
}

/** From the first byte of the kernel’s code to the last of its bss. */
export function kernelIn(iomem: readonly IomemLine[]): Span | undefined {
  const parts = iomem.filter((l) => /^Kernel (code|rodata|data|bss)$/.test(l.name))
  if (parts.length === 0) return undefined
  return { start: Math.min(...parts.map((p) => p.start)), end: Math.max(...parts.map((p) => p.end)) }
}

export function crashKernelIn(iomem: readonly IomemLine[]): readonly Span[] {
  return iomem.filter((l) => l.name === 'Crash kernel').map(({ start, end }) => ({ start, end }))
}

const IOMEM_KINDS =
  /^(System RAM|Reserved|ACPI Tables|ACPI Non-volatile Storage|Unusable memory|Persistent Memory.*|Soft Reserved)$/i

/** The map as the running kernel keeps it: the last resort, where neither firmware map nor log is available. */
export function rangesOf(iomem: readonly IomemLine[]): readonly MemoryRange[] {
  return joinRanges(
    iomem
      .filter((l) => l.depth === 0 && IOMEM_KINDS.test(l.name))
      .map(({ start, end, name }) => ({ start, end, kind: kindOf(name) })),
  )
}

function rangesIn(text: string, pattern: RegExp): readonly MemoryRange[] {
  return [...text.matchAll(pattern)].map(([, from, to, word = '']) => ({
    ...spanFrom(from, to),
    kind: kindOf(word),
  }))
}

/** Within one boot, addresses rise. */
function lastBoot(ranges: readonly MemoryRange[]): readonly MemoryRange[] {
  const begin = ranges.findLastIndex((r, i) => i === 0 || r.start < (ranges[i - 1]?.start ?? 0))
  return ranges.slice(Math.max(0, begin))
}

/** The kernel prints last bytes; spans end after them. */
function spanFrom(from = '', to = ''): Span {
  return { start: Number(from), end: Number(to) + 1 }
}
