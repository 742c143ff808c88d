/**
 * GUID partition tables: a protective MBR, a header and an array of entries at the beginning, and both again at the end.
 *
 * Source: UEFI specification 2.10, chapter 5 "GUID Partition Table (GPT) Disk Layout".
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

const SECTOR = 512
const ENTRY_BYTES = 128
const ENTRIES = 128
/** Sectors before the first usable one: the MBR, the header and 16 KiB of entries. */
export const GPT_SECTORS = 2 + (ENTRIES * ENTRY_BYTES) / SECTOR

/** Partition types by the names that bringup gives them. Source: UEFI 2.10 table 5.7; Discoverable Partitions Specification. */
const TYPES: Readonly<Record<string, string>> = {
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  linux: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  basic: 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7',
  'bios-boot': '21686148-6449-6e6f-744e-656564454649',
}
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** GUID of a partition type, by name or as it is; undefined for what is neither. */
export function gptType(type: string): string | undefined {
  return TYPES[type] ?? (GUID.test(type) ? type.toLowerCase() : undefined)
}

export interface GptEntry {
  readonly name: string
  readonly typeGuid: string
  readonly firstSector: number
  readonly lastSector: number
  /** Sets "legacy BIOS bootable". */
  readonly isActive: boolean
}

/** Both tables, with the sectors where they belong. GUIDs follow from the entries, so that they are always the same. */
export function gptTables(
  sectors: number,
  entries: readonly GptEntry[],
): readonly { readonly sector: number; readonly bytes: Buffer }[] {
  const array = Buffer.alloc(ENTRIES * ENTRY_BYTES)
  entries.forEach((entry, index) => {
    writeEntry(array.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES), entry, index)
  })
  const arraySectors = array.length / SECTOR
  const disk = { sectors, array, guid: guidFrom(JSON.stringify([sectors, entries])) }
  return [
    { sector: 1, bytes: header(disk, { at: 1, other: sectors - 1, array: 2 }) },
    { sector: 2, bytes: array },
    { sector: sectors - 1 - arraySectors, bytes: array },
    {
      sector: sectors - 1,
      bytes: header(disk, { at: sectors - 1, other: 1, array: sectors - 1 - arraySectors }),
    },
  ]
}

function header(
  disk: { readonly sectors: number; readonly array: Buffer; readonly guid: Buffer },
  place: { readonly at: number; readonly other: number; readonly array: number },
): Buffer {
  const bytes = Buffer.alloc(SECTOR)
  bytes.write('EFI PART', 0, 'latin1')
  bytes.writeUInt32LE(0x00010000, 8)
  bytes.writeUInt32LE(92, 12)
  bytes.writeBigUInt64LE(BigInt(place.at), 24)
  bytes.writeBigUInt64LE(BigInt(place.other), 32)
  bytes.writeBigUInt64LE(BigInt(GPT_SECTORS), 40)
  bytes.writeBigUInt64LE(BigInt(disk.sectors - GPT_SECTORS), 48)
  disk.guid.copy(bytes, 56)
  bytes.writeBigUInt64LE(BigInt(place.array), 72)
  bytes.writeUInt32LE(ENTRIES, 80)
  bytes.writeUInt32LE(ENTRY_BYTES, 84)
  bytes.writeUInt32LE(crc32(disk.array), 88)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 16)
  return bytes
}

function writeEntry(bytes: Buffer, entry: GptEntry, index: number): void {
  guidBytes(entry.typeGuid).copy(bytes, 0)
  guidFrom(JSON.stringify([index, entry])).copy(bytes, 16)
  bytes.writeBigUInt64LE(BigInt(entry.firstSector), 32)
  bytes.writeBigUInt64LE(BigInt(entry.lastSector), 40)
  bytes.writeBigUInt64LE(entry.isActive ? 4n : 0n, 48)
  bytes.write(entry.name.slice(0, 36), 56, 'utf16le')
}

/** A GUID of version 8 (RFC 9562, "custom"), made from text. */
function guidFrom(text: string): Buffer {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes[7] = ((bytes[7] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes
}

/** The first three groups are little-endian on disk (UEFI 2.10, appendix A). */
function guidBytes(guid: string): Buffer {
  const raw = Buffer.from(guid.replaceAll('-', ''), 'hex')
  return Buffer.concat([
    raw.subarray(0, 4).reverse(),
    raw.subarray(4, 6).reverse(),
    raw.subarray(6, 8).reverse(),
    raw.subarray(8),
  ])
}
