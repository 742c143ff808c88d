/**
 * Reads ELF files, of 32 and 64 bits, without trust in what they say: every number is checked against the file, and
 * every loop has an end. Pure; the bytes come from a `ByteSource`.
 *
 * Source: Tool Interface Standard ELF 1.2; ELF-64 Object File Format 1.5; gABI, "Note Section".
 */

/** A file, or the part of one that was asked for. Reads are cut at its end, never an error. */
export interface ByteSource {
  readonly bytes: number
  read(at: number, bytes: number): Buffer
}

/** Bytes that are in memory already. */
export function bufferSource(buffer: Buffer): ByteSource {
  return { bytes: buffer.length, read: (at, bytes) => buffer.subarray(at, at + bytes) }
}

export interface Elf {
  readonly is64: boolean
  readonly isLittleEndian: boolean
  /** `e_machine`; see `MACHINE`. */
  readonly machine: number
  /** `e_flags`. */
  readonly flags: number
  /** `e_entry`. */
  readonly entry: bigint
  readonly segments: readonly Segment[]
  /** The file ends before the last program header. */
  readonly isCut: boolean
}

/** A program header. Offsets and sizes beyond 2^53 are rounded, which is beyond any file. */
export interface Segment {
  readonly type: number
  readonly isExecutable: boolean
  readonly offset: number
  readonly address: bigint
  readonly physical: bigint
  readonly fileBytes: number
  readonly memoryBytes: number
  readonly align: number
}

export const MACHINE = { i386: 3, x86_64: 62 } as const
export const SEGMENT = { load: 1, dynamic: 2, interpreter: 3, note: 4 } as const

const MAGIC = 0x7f454c46
const FLAG_EXECUTABLE = 1
const HEADER_BYTES = 64

/** Sizes of the structures of a class; QEMU and ld.so take them for `e_phentsize` and `e_shentsize` whatever those say. */
const SIZES = {
  32: { header: 52, segment: 32, section: 40 },
  64: { header: 64, segment: 56, section: 64 },
} as const

/** Undefined when the source is no ELF file of a known class, or is too short for the header. */
export function readElf(source: ByteSource): Elf | undefined {
  const head = source.read(0, HEADER_BYTES)
  if (!beginsAsElf(head)) return undefined
  const is64 = head[4] === 2
  const sizes = SIZES[is64 ? 64 : 32]
  if (head.length < sizes.header) return undefined
  const count = head.readUInt16LE(is64 ? 56 : 44)
  const table = source.read(
    is64 ? Number(head.readBigUInt64LE(32)) : head.readUInt32LE(28),
    count * sizes.segment,
  )
  const whole = Math.floor(table.length / sizes.segment)
  return {
    is64,
    isLittleEndian: head[5] === 1,
    machine: head.readUInt16LE(18),
    flags: head.readUInt32LE(is64 ? 48 : 36),
    entry: is64 ? head.readBigUInt64LE(24) : BigInt(head.readUInt32LE(24)),
    segments: Array.from({ length: whole }, (_, i) =>
      (is64 ? segment64 : segment32)(table, i * sizes.segment),
    ),
    isCut: whole < count,
  }
}

/** True when the first four bytes are ELF's magic. */
export function beginsAsElf(head: Buffer): boolean {
  return head.length >= 4 && head.readUInt32BE(0) === MAGIC
}

function segment64(table: Buffer, at: number): Segment {
  const wide = (offset: number) => table.readBigUInt64LE(at + offset)
  return {
    type: table.readUInt32LE(at),
    isExecutable: (table.readUInt32LE(at + 4) & FLAG_EXECUTABLE) !== 0,
    offset: Number(wide(8)),
    address: wide(16),
    physical: wide(24),
    fileBytes: Number(wide(32)),
    memoryBytes: Number(wide(40)),
    align: Number(wide(48)),
  }
}

function segment32(table: Buffer, at: number): Segment {
  const word = (offset: number) => table.readUInt32LE(at + offset)
  return {
    type: word(0),
    isExecutable: (word(24) & FLAG_EXECUTABLE) !== 0,
    offset: word(4),
    address: BigInt(word(8)),
    physical: BigInt(word(12)),
    fileBytes: word(16),
    memoryBytes: word(20),
    align: word(28),
  }
}

/** A section header; what is needed of it. */
interface Section {
  readonly nameAt: number
  readonly type: number
  readonly offset: number
  readonly bytes: number
  /** Index of the section that belongs to it. */
  readonly link: number
}

/** Section headers, and the index of the one that holds their names. Empty when the table is not in the file. */
export function readSections(source: ByteSource): {
  readonly sections: readonly Section[]
  readonly names: number
} {
  const none = { sections: [], names: 0 }
  const head = source.read(0, HEADER_BYTES)
  if (!beginsAsElf(head)) return none
  const is64 = head[4] === 2
  const sizes = SIZES[is64 ? 64 : 32]
  if (head.length < sizes.header) return none
  const start = is64 ? Number(head.readBigUInt64LE(40)) : head.readUInt32LE(32)
  const count = head.readUInt16LE(is64 ? 60 : 48)
  const table = source.read(start, count * sizes.section)
  if (table.length < count * sizes.section) return none
  const sections = Array.from({ length: count }, (_, i): Section => {
    const at = i * sizes.section
    const base = { nameAt: table.readUInt32LE(at), type: table.readUInt32LE(at + 4) }
    return is64
      ? {
          ...base,
          offset: Number(table.readBigUInt64LE(at + 24)),
          bytes: Number(table.readBigUInt64LE(at + 32)),
          link: table.readUInt32LE(at + 40),
        }
      : {
          ...base,
          offset: table.readUInt32LE(at + 16),
          bytes: table.readUInt32LE(at + 20),
          link: table.readUInt32LE(at + 24),
        }
  })
  return { sections, names: head.readUInt16LE(is64 ? 62 : 50) }
}

/** A note, as the gABI lays it out. */
interface Note {
  /** Without the zero at its end. */
  readonly owner: string
  readonly type: number
  /** At most 16 bytes of it. */
  readonly description: Buffer
  /** Where the description begins in the file. */
  readonly descriptionAt: number
}

/** No kernel has more notes than that in one segment; a damaged header may say so. */
const MAX_NOTES = 4096
const MAX_NOTE_BYTES = 1 << 20

/**
 * The notes of a PT_NOTE segment. Names and descriptions are padded to 4 bytes, or to 8 where the segment is aligned to
 * 8 (gABI; binutils `elf.c`, elf_parse_notes).
 */
export function notesOf(source: ByteSource, { offset, fileBytes, align }: Segment): readonly Note[] {
  const notes: Note[] = []
  const unit = align === 8 ? 8 : 4
  const up = (n: number) => Math.ceil(n / unit) * unit
  const bytes = source.read(offset, Math.min(fileBytes, MAX_NOTE_BYTES))
  for (let at = 0; at + 12 <= bytes.length && notes.length < MAX_NOTES; ) {
    const nameBytes = bytes.readUInt32LE(at)
    const descriptionBytes = bytes.readUInt32LE(at + 4)
    const descriptionAt = up(at + 12 + nameBytes)
    const end = descriptionAt + descriptionBytes
    if (end > bytes.length) break
    notes.push({
      owner: bytes.toString('latin1', at + 12, at + 12 + nameBytes).replace(/\0+$/, ''),
      type: bytes.readUInt32LE(at + 8),
      description: bytes.subarray(descriptionAt, Math.min(end, descriptionAt + 16)),
      descriptionAt: offset + descriptionAt,
    })
    at = up(end)
  }
  return notes
}
