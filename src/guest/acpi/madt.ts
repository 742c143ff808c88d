/** MADT ("APIC"): the processors that the firmware names (ACPI 6.4, 5.2.12). */
import { shortEntries, tableOf } from './table.ts'

export interface MadtCpu {
  readonly apicId: number
  /** False for one that may be plugged in later. */
  readonly isEnabled: boolean
}

const FIRST_ENTRY = 44
const LOCAL_APIC = 0
const LOCAL_X2APIC = 9

export function parseMadt(file: Buffer): readonly MadtCpu[] | undefined {
  const table = tableOf('APIC', file)
  if (!table) return undefined
  return shortEntries(table, FIRST_ENTRY).flatMap(({ type, bytes }) => {
    if (type === LOCAL_APIC && bytes.length >= 8)
      return [{ apicId: bytes.readUInt8(3), isEnabled: (bytes.readUInt32LE(4) & 1) === 1 }]
    if (type === LOCAL_X2APIC && bytes.length >= 16)
      return [{ apicId: bytes.readUInt32LE(4), isEnabled: (bytes.readUInt32LE(8) & 1) === 1 }]
    return []
  })
}
