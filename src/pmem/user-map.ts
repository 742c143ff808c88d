/**
 * The memory map that a kernel makes of the firmware’s and its command line, parameter by parameter, in their order.
 * Pure. Source: `arch/x86/kernel/e820.c`: e820__range_add(), …_update(), …_remove(), e820__update_table().
 */
import { kindOfType, typeOfKind } from './e820-types.ts'
import {
  joinRanges,
  type MemmapParameter,
  type MemoryMap,
  type MemoryRange,
  type Span,
} from './memory-map.ts'

interface Entry {
  readonly start: number
  readonly end: number
  readonly type: number
}

/** Where addresses of 64 bits end. */
const TOP = 2 ** 64

/**
 * The resulting map; undefined where the kernel panics with "Invalid user supplied memory map", as it does with fewer
 * than two entries, and with one that reaches past the last address.
 */
export function userMap(
  firmware: readonly MemoryRange[],
  memmaps: readonly MemmapParameter[],
): readonly MemoryRange[] | undefined {
  const first = firmware.map(({ start, end, kind }): Entry => ({ start, end, type: typeOfKind(kind) }))
  if (memmaps.every((m) => m.kind === 'ignored')) return firmware
  const entries = memmaps.reduce<readonly Entry[]>(applyOne, first)
  if (entries.length < 2 || entries.some((e) => e.end >= TOP)) return undefined
  return resolve(entries)
}

const RAM = typeOfKind('ram')

function applyOne(entries: readonly Entry[], parameter: MemmapParameter): readonly Entry[] {
  const { kind, span, bytes, from, to } = parameter
  if (kind === 'ignored') return entries
  if (kind === 'exact') return []
  if (kind === 'limit') return cut(entries, { start: bytes ?? 0, end: TOP }, RAM)
  if (!span) return entries
  if (kind === 'removed') return cut(entries, span, from)
  if (from === undefined) return [...entries, { ...span, type: to ?? typeOfKind(kind) }]
  const changed = entries.flatMap((e) =>
    e.type === from && overlaps(e, span)
      ? [
          {
            start: Math.max(e.start, span.start),
            end: Math.min(e.end, span.end),
            type: to ?? typeOfKind(kind),
          },
        ]
      : [],
  )
  return [...cut(entries, span, from), ...changed]
}

/** An entry that is cut away whole stays in the kernel’s table, empty, and counts as one of its entries. */
function cut(
  entries: readonly Entry[],
  { start, end }: Omit<Entry, 'type'>,
  type?: number,
): readonly Entry[] {
  return entries.flatMap((entry) => {
    if ((type !== undefined && entry.type !== type) || !overlaps(entry, { start, end })) return [entry]
    const left = [
      { ...entry, end: Math.min(entry.end, start) },
      { ...entry, start: Math.max(entry.start, end) },
    ].filter((e) => e.start < e.end)
    return left.length > 0 ? left : [{ start: 0, end: 0, type: 0 }]
  })
}

const overlaps = (a: Omit<Entry, 'type'>, b: Omit<Entry, 'type'>) => a.start < b.end && b.start < a.end

/** Where entries overlap, the higher type wins. */
function resolve(entries: readonly Entry[]): readonly MemoryRange[] {
  const points = [...new Set(entries.flatMap((e) => [e.start, e.end]))].sort((a, b) => a - b)
  const ranges = points.slice(1).flatMap((end, index) => {
    const start = points[index] ?? 0
    const type = Math.max(0, ...entries.filter((e) => e.start <= start && e.end >= end).map((e) => e.type))
    return type === 0 ? [] : [{ start, end, kind: kindOfType(type) }]
  })
  return joinRanges(ranges)
}

/** The RAM that the kernel has now: the firmware’s, as the command line changes it. None where it cannot boot with it. */
export function ramOf(map: MemoryMap): readonly Span[] {
  return (userMap(map.ranges, map.parameters.memmaps) ?? []).filter((r) => r.kind === 'ram')
}
