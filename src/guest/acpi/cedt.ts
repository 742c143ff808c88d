/** CEDT: CXL host bridges and fixed memory windows (CXL 3.0, 9.17.1). */
import type { GuestCxl } from '../../machine/guest-view.ts'
import { cxlEntries, tableOf } from './table.ts'

const FIRST_ENTRY = 36
const [HOST_BRIDGE, WINDOW] = [0, 1]
const TARGETS_AT = 36

/** Undefined when it is no CEDT. */
export function parseCedt(file: Buffer): Pick<GuestCxl, 'hostBridges' | 'windows'> | undefined {
  const table = tableOf('CEDT', file)
  if (!table) return undefined
  const all = cxlEntries(table, FIRST_ENTRY)
  const of = (type: number, least: number) =>
    all.filter((e) => e.type === type && e.bytes.length >= least).map((e) => e.bytes)
  return {
    hostBridges: of(HOST_BRIDGE, 32).map((b) => ({ uid: b.readUInt32LE(4), version: b.readUInt32LE(8) })),
    windows: of(WINDOW, TARGETS_AT).map((b) => ({
      start: Number(b.readBigUInt64LE(8)),
      bytes: Number(b.readBigUInt64LE(16)),
      targets: targets(b.subarray(TARGETS_AT)),
    })),
  }
}

function targets(bytes: Buffer): readonly number[] {
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readUInt32LE(4 * i))
}
