/** HMAT: latency and bandwidth between nodes (ACPI 6.4, 5.2.27). */
import type { GuestHmatEntry, GuestMemoryCache } from '../../machine/guest-view.ts'
import { longEntries, tableOf } from './table.ts'

const FIRST_ENTRY = 40
const [PROXIMITY, LATENCY_BANDWIDTH, CACHE] = [0, 1, 2]
const INITIATOR_VALID = 1
const ASSOCIATIVITIES = ['none', 'direct', 'complex'] as const
const POLICIES = ['none', 'write-back', 'write-through'] as const
const HIERARCHIES = ['memory', 'first-level', 'second-level', 'third-level'] as const
const TYPES = [
  'access-latency',
  'read-latency',
  'write-latency',
  'access-bandwidth',
  'read-bandwidth',
  'write-bandwidth',
] as const
const FIRST_BANDWIDTH = 3
/** Values with a meaning of their own: nothing is known; the target cannot be reached. */
const NOT_PROVIDED = 0
const UNREACHABLE = 0xffff

/**
 * Latencies in picoseconds, bandwidths in bytes per second; undefined when it is no HMAT.
 * The table's megabytes are taken as MiB: QEMU makes them so (`hw/acpi/hmat.c`).
 */
export function parseHmat(file: Buffer): readonly GuestHmatEntry[] | undefined {
  const table = tableOf('HMAT', file)
  if (!table) return undefined
  return longEntries(table, FIRST_ENTRY, 4).flatMap(({ type, bytes }) =>
    type === LATENCY_BANDWIDTH && bytes.length >= 32 ? matrix(bytes) : [],
  )
}

function matrix(bytes: Buffer): readonly GuestHmatEntry[] {
  const hierarchy = HIERARCHIES[bytes.readUInt8(8) & 15]
  const typeNumber = bytes.readUInt8(9)
  const type = TYPES[typeNumber]
  const initiators = bytes.readUInt32LE(12)
  const targets = bytes.readUInt32LE(16)
  const unit = Number(bytes.readBigUInt64LE(24)) * (typeNumber >= FIRST_BANDWIDTH ? 2 ** 20 : 1)
  const values = 32 + 4 * (initiators + targets)
  if (hierarchy === undefined || type === undefined || values + 2 * initiators * targets > bytes.length)
    return []
  return Array.from({ length: initiators * targets }, (_, n): readonly GuestHmatEntry[] => {
    const value = bytes.readUInt16LE(values + 2 * n)
    if (value === NOT_PROVIDED || value === UNREACHABLE) return []
    const initiator = bytes.readUInt32LE(32 + 4 * Math.floor(n / targets))
    const target = bytes.readUInt32LE(32 + 4 * (initiators + (n % targets)))
    return [{ initiator, target, hierarchy, type, value: value * unit }]
  }).flat()
}

/** Memory-side caches (5.2.27.5); undefined when it is no HMAT. */
export function parseHmatCaches(file: Buffer): readonly GuestMemoryCache[] | undefined {
  const table = tableOf('HMAT', file)
  if (!table) return undefined
  return longEntries(table, FIRST_ENTRY, 4).flatMap(({ type, bytes }) => {
    if (type !== CACHE || bytes.length < 32) return []
    const attributes = bytes.readUInt32LE(24)
    return [
      {
        node: bytes.readUInt32LE(8),
        level: (attributes >> 4) & 15,
        bytes: Number(bytes.readBigUInt64LE(16)),
        associativity: ASSOCIATIVITIES[(attributes >> 8) & 15] ?? 'other',
        policy: POLICIES[(attributes >> 12) & 15] ?? 'other',
        line: attributes >>> 16,
      },
    ]
  })
}

/** The initiator closest to each memory node (5.2.27.3), null where the table names none; undefined when it is no HMAT. */
export function parseHmatInitiators(
  file: Buffer,
): readonly { readonly target: number; readonly initiator: number | null }[] | undefined {
  const table = tableOf('HMAT', file)
  if (!table) return undefined
  return longEntries(table, FIRST_ENTRY, 4).flatMap(({ type, bytes }) => {
    if (type !== PROXIMITY || bytes.length < 20) return []
    const isValid = (bytes.readUInt16LE(8) & INITIATOR_VALID) !== 0
    return [{ target: bytes.readUInt32LE(16), initiator: isValid ? bytes.readUInt32LE(12) : null }]
  })
}
