/** The common part of ACPI tables, as files such as `/sys/firmware/acpi/tables/SRAT` hold them. */

/** One entry of a table's list: its type and its bytes, the head included. */
export interface AcpiEntry {
  readonly type: number
  readonly bytes: Buffer
}

/** The body of a table, or undefined when it is not whole: its header says its length (ACPI 6.4, 5.2.6). */
export function tableOf(signature: string, file: Buffer): Buffer | undefined {
  if (file.length < 36 || file.toString('latin1', 0, 4) !== signature) return undefined
  const length = file.readUInt32LE(4)
  return length > file.length ? undefined : file.subarray(0, length)
}

/** Entries that begin with a type byte and a length byte: SRAT, MADT. */
export function shortEntries(table: Buffer, start: number): readonly AcpiEntry[] {
  return entries(table, start, (at) => ({ type: table.readUInt8(at), length: table.readUInt8(at + 1) }), 2)
}

/** Entries that begin with 16 bits of type; `lengthAt` and `lengthBytes` say where their length is: NFIT, HMAT. */
export function longEntries(table: Buffer, start: number, lengthAt: 2 | 4): readonly AcpiEntry[] {
  const length = (at: number) => (lengthAt === 2 ? table.readUInt16LE(at + 2) : table.readUInt32LE(at + 4))
  return entries(table, start, (at) => ({ type: table.readUInt16LE(at), length: length(at) }), lengthAt * 2)
}

/** Entries with a byte of type, a reserved one and 16 bits of length: CEDT. */
export function cxlEntries(table: Buffer, start: number): readonly AcpiEntry[] {
  return entries(table, start, (at) => ({ type: table.readUInt8(at), length: table.readUInt16LE(at + 2) }), 4)
}

function entries(
  table: Buffer,
  start: number,
  head: (at: number) => { type: number; length: number },
  least: number,
): readonly AcpiEntry[] {
  const found: AcpiEntry[] = []
  for (let at = start; at + least <= table.length; ) {
    const { type, length } = head(at)
    // A length of less than its own head would go round forever.
    if (length < least || at + length > table.length) break
    found.push({ type, bytes: table.subarray(at, at + length) })
    at += length
  }
  return found
}
