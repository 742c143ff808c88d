/** SLIT: distances between nodes (ACPI 6.4, 5.2.17). */
import { tableOf } from './table.ts'

/** `distances[from][to]`; undefined when it is no SLIT. */
export function parseSlit(file: Buffer): readonly (readonly number[])[] | undefined {
  const table = tableOf('SLIT', file)
  if (!table || table.length < 44) return undefined
  const count = Number(table.readBigUInt64LE(36))
  if (44 + count * count > table.length) return undefined
  return Array.from({ length: count }, (_, from) => [
    ...table.subarray(44 + from * count, 44 + (from + 1) * count),
  ])
}
