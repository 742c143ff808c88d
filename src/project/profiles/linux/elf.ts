/** What is read out of ELF files: libraries that a program needs, what a kernel module says of itself, boot notes. */

/** Of a dynamically linked program or library. */
export interface Dynamic {
  readonly interpreter?: string
  readonly needed: readonly string[]
  /** RUNPATH, or RPATH where there is no RUNPATH (ld.so(8)). */
  readonly searchPath: readonly string[]
}

const MAGIC = 0x7f454c46
const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const PT_NOTE = 4
const DT = { needed: 1n, stringTable: 5n, rpath: 15n, runpath: 29n }
const XEN_ELFNOTE_PHYS32_ENTRY = 18

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: bigint
  readonly fileBytes: number
}

/** True for a little-endian 64 bit ELF file. */
export function isElf64(file: Buffer): boolean {
  return (
    file.length >= 64 && file.readUInt32BE(0) === MAGIC && file.readUInt8(4) === 2 && file.readUInt8(5) === 1
  )
}

function segmentsOf(file: Buffer): readonly Segment[] {
  const start = Number(file.readBigUInt64LE(32))
  const size = file.readUInt16LE(54)
  return Array.from({ length: file.readUInt16LE(56) }, (_, i) => {
    const at = start + i * size
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: file.readBigUInt64LE(at + 16),
      fileBytes: Number(file.readBigUInt64LE(at + 32)),
    }
  })
}

/** Undefined when the file is no ELF file; empty lists when it is linked statically. */
export function readDynamic(file: Buffer): Dynamic | undefined {
  if (!isElf64(file)) return undefined
  const segments = segmentsOf(file)
  const interpreter = segments.find((s) => s.type === PT_INTERP)
  const entries = dynamicEntries(file, segments)
  const table = entries.find(([tag]) => tag === DT.stringTable)?.[1] ?? 0n
  const load = segments.find(
    (s) => s.type === PT_LOAD && table >= s.address && table < s.address + BigInt(s.fileBytes),
  )
  const strings = load ? load.offset + Number(table - load.address) : 0
  const all = (wanted: bigint) =>
    entries.filter(([tag]) => tag === wanted).map(([, value]) => textAt(file, strings + Number(value)))
  const runpath = all(DT.runpath)
  return {
    ...(interpreter ? { interpreter: textAt(file, interpreter.offset) } : {}),
    needed: all(DT.needed),
    searchPath: (runpath.length > 0 ? runpath : all(DT.rpath))
      .flatMap((path) => path.split(':'))
      .filter(Boolean),
  }
}

function dynamicEntries(file: Buffer, segments: readonly Segment[]): readonly (readonly [bigint, bigint])[] {
  const dynamic = segments.find((s) => s.type === PT_DYNAMIC)
  if (!dynamic) return []
  return Array.from({ length: Math.floor(dynamic.fileBytes / 16) }, (_, i) => {
    const at = dynamic.offset + 16 * i
    return [file.readBigInt64LE(at), file.readBigUInt64LE(at + 8)] as const
  })
}

function textAt(file: Buffer, offset: number): string {
  return file.toString('utf8', offset, file.indexOf(0, offset))
}

/** The bytes of a section, such as `.modinfo`. */
export function sectionOf(file: Buffer, name: string): Buffer | undefined {
  if (!isElf64(file)) return undefined
  const start = Number(file.readBigUInt64LE(40))
  const size = file.readUInt16LE(58)
  const at = (index: number) => start + index * size
  const range = (index: number) =>
    [Number(file.readBigUInt64LE(at(index) + 24)), Number(file.readBigUInt64LE(at(index) + 32))] as const
  const [names] = range(file.readUInt16LE(62))
  for (let i = 0; i < file.readUInt16LE(60); i++) {
    if (textAt(file, names + file.readUInt32LE(at(i))) !== name) continue
    const [offset, bytes] = range(i)
    return file.subarray(offset, offset + bytes)
  }
  return undefined
}

/** True for a kernel that QEMU can enter directly: one with the note that names its 32 bit entry (PVH). */
export function hasPvhEntry(file: Buffer): boolean {
  if (!isElf64(file)) return false
  return segmentsOf(file).some(
    (s) =>
      s.type === PT_NOTE &&
      notesOf(file, s).some((n) => n.owner === 'Xen' && n.type === XEN_ELFNOTE_PHYS32_ENTRY),
  )
}

function notesOf(
  file: Buffer,
  { offset, fileBytes }: Segment,
): readonly { readonly owner: string; readonly type: number }[] {
  const notes: { owner: string; type: number }[] = []
  const aligned = (n: number) => (n + 3) & ~3
  for (let at = offset; at + 12 <= offset + fileBytes; ) {
    const nameBytes = file.readUInt32LE(at)
    notes.push({ owner: textAt(file, at + 12), type: file.readUInt32LE(at + 8) })
    at += 12 + aligned(nameBytes) + aligned(file.readUInt32LE(at + 4))
  }
  return notes
}
