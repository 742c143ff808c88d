/** SRAT: which node processors and memory belong to (ACPI 6.4, 5.2.16). */
import { shortEntries, tableOf } from './table.ts'

export interface Srat {
  readonly cpus: readonly { readonly apicId: number; readonly node: number }[]
  readonly memory: readonly SratMemory[]
  /** Nodes of generic initiators: neither processors nor memory. */
  readonly initiators: readonly number[]
}

export interface SratMemory {
  readonly node: number
  readonly start: number
  readonly bytes: number
  readonly isHotPluggable: boolean
  readonly isNonVolatile: boolean
}

const FIRST_ENTRY = 48
const [LOCAL_APIC, MEMORY, LOCAL_X2APIC, GENERIC_INITIATOR] = [0, 1, 2, 5]
const ENABLED = 1

/** Enabled entries only: QEMU fills the table with empty ones. Undefined when it is no SRAT. */
export function parseSrat(file: Buffer): Srat | undefined {
  const table = tableOf('SRAT', file)
  if (!table) return undefined
  const all = shortEntries(table, FIRST_ENTRY)
  const of = (type: number, least: number) =>
    all.filter((e) => e.type === type && e.bytes.length >= least).map((e) => e.bytes)
  const enabledAt = (offset: number) => (b: Buffer) => (b.readUInt32LE(offset) & ENABLED) !== 0
  return {
    cpus: [
      ...of(LOCAL_APIC, 16)
        .filter(enabledAt(4))
        .map((b) => ({ apicId: b.readUInt8(3), node: b.readUInt8(2) + b.readUIntLE(9, 3) * 256 })),
      ...of(LOCAL_X2APIC, 24)
        .filter(enabledAt(12))
        .map((b) => ({ apicId: b.readUInt32LE(8), node: b.readUInt32LE(4) })),
    ],
    memory: of(MEMORY, 40)
      .filter(enabledAt(28))
      .map((b) => ({
        node: b.readUInt32LE(2),
        start: Number(b.readBigUInt64LE(8)),
        bytes: Number(b.readBigUInt64LE(16)),
        isHotPluggable: (b.readUInt32LE(28) & 2) !== 0,
        isNonVolatile: (b.readUInt32LE(28) & 4) !== 0,
      })),
    initiators: of(GENERIC_INITIATOR, 32)
      .filter(enabledAt(24))
      .map((b) => b.readUInt32LE(4)),
  }
}
