/** NFIT: persistent memory (ACPI 6.4, 5.2.25). */
import type { GuestNvdimm } from '../../machine/guest-view.ts'
import { longEntries, tableOf } from './table.ts'

const FIRST_ENTRY = 40
const [RANGE, MAPPING, CAPABILITIES] = [0, 1, 7]
const NODE_VALID = 2
const NOT_ARMED = 8
const [CPU_FLUSH, CONTROLLER_FLUSH] = [1, 2]
/** Byte-addressable persistent memory, 66f0d379-b4f3-4074-ac43-0d3318b78cdb; other ranges are control regions. */
const PERSISTENT_MEMORY = '79d3f066f3b47440ac430d3318b78cdb'

/** NVDIMMs by ascending handle; undefined when it is no NFIT. */
export function parseNfit(file: Buffer): readonly GuestNvdimm[] | undefined {
  const table = tableOf('NFIT', file)
  if (!table) return undefined
  const all = longEntries(table, FIRST_ENTRY, 2)
  const of = (type: number, least: number) =>
    all.filter((e) => e.type === type && e.bytes.length >= least).map((e) => e.bytes)
  const mappings = of(MAPPING, 46)
  const persistenceDomain = domain(of(CAPABILITIES, 12)[0])
  const ranges = of(RANGE, 48).filter((b) => b.toString('hex', 16, 32) === PERSISTENT_MEMORY)
  return ranges
    .flatMap((range): readonly GuestNvdimm[] => {
      const mapping = mappings.find((m) => m.readUInt16LE(12) === range.readUInt16LE(4))
      if (!mapping) return []
      return [
        {
          handle: mapping.readUInt32LE(4),
          bytes: Number(range.readBigUInt64LE(40)),
          node: (range.readUInt16LE(6) & NODE_VALID) === 0 ? null : range.readUInt32LE(12),
          persistenceDomain,
          isArmed: (mapping.readUInt16LE(44) & NOT_ARMED) === 0,
        },
      ]
    })
    .toSorted((a, b) => a.handle - b.handle)
}

/** Platform capabilities: how many bits are valid, then the bits. */
function domain(capabilities: Buffer | undefined): 'cpu' | 'mem-ctrl' | null {
  const bits = capabilities?.readUInt32LE(8) ?? 0
  return (bits & CPU_FLUSH) !== 0 ? 'cpu' : (bits & CONTROLLER_FLUSH) !== 0 ? 'mem-ctrl' : null
}
