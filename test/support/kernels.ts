/**
 * For tests: small kernels of every kind that QEMU's `-kernel` takes, and of many that it does not. Those that are
 * entered where they should be print `RAN` on COM1 and end by isa-debug-exit with 33; those entered at the place that
 * is there to be entered by mistake print `WRONG` and end with 35.
 */

export const LOAD_ADDRESS = 0x100000
const ENTRY = 0x400
const WRONG = 0x600
const NOTES = 0x800
export const RIGHT_ENTRY = LOAD_ADDRESS + ENTRY
export const WRONG_ENTRY = LOAD_ADDRESS + WRONG
const EXIT_RAN = 0x10
const EXIT_WRONG = 0x11
const MULTIBOOT_MAGIC = 0x1badb002
const PT_LOAD = 1
export const PT_NOTE = 4

export function words(...numbers: readonly number[]): Buffer {
  const buffer = Buffer.alloc(numbers.length * 4)
  for (const [index, number] of numbers.entries()) buffer.writeUInt32LE(number >>> 0, index * 4)
  return buffer
}

/** 32-bit code for a place in memory: prints a text, writes a byte to port 0xf4, halts. */
function code32(address: number, text: string, exit: number): Buffer {
  // mov esi, text; mov ecx, length; mov dx, 0x3f8; cld; rep outsb; mov al, exit; out 0xf4, al; cli; hlt
  const code = Buffer.from([
    0xbe,
    0,
    0,
    0,
    0,
    0xb9,
    0,
    0,
    0,
    0,
    0x66,
    0xba,
    0xf8,
    3,
    0xfc,
    0xf3,
    0x6e,
    0xb0,
    exit,
    0xe6,
    0xf4,
    0xfa,
    0xf4,
  ])
  code.writeUInt32LE(address + code.length, 1)
  code.writeUInt32LE(text.length, 6)
  return Buffer.concat([code, Buffer.from(text)])
}

/** The same in real mode, for an offset in its segment. */
function code16(offset: number, text: string, exit: number): Buffer {
  const code = Buffer.from([
    0xbe,
    0,
    0,
    0xb9,
    0,
    0,
    0xba,
    0xf8,
    3,
    0xfc,
    0xf3,
    0x6e,
    0xb0,
    exit,
    0xe6,
    0xf4,
    0xfa,
    0xf4,
  ])
  code.writeUInt16LE(offset + code.length, 1)
  code.writeUInt16LE(text.length, 4)
  return Buffer.concat([code, Buffer.from(text)])
}

export interface NoteShape {
  /** With its zero. Default `Xen\0`. */
  readonly owner?: string
  readonly type?: number
  readonly description?: Buffer
  /** Sizes in the header, where they are to lie. */
  readonly nameBytes?: number
  readonly descriptionBytes?: number
}

/** A PVH note for an entry; 8 bytes of it as 64-bit kernels have it, or 4. */
export function pvhNote(entry = RIGHT_ENTRY, bytes: 4 | 8 = 8): NoteShape {
  return { description: words(entry, 0).subarray(0, bytes) }
}

/** As ld makes it for 64-bit objects: aligned to 8. */
export const gnuProperty: NoteShape = { owner: 'GNU\0', type: 5, description: words(0xc0000002, 4, 3, 0) }

interface SegmentShape {
  readonly type?: number
  readonly offset?: number
  readonly physical?: number
  readonly virtual?: number
  readonly fileBytes?: number
  readonly memoryBytes?: number
  readonly align?: number
  readonly flags?: number
}

/** Notes with their segment. Laid out as the gABI says for its alignment. */
interface NotesShape extends SegmentShape {
  readonly notes: readonly NoteShape[]
  readonly padding?: 4 | 8
}

export interface ElfShape {
  readonly bits?: 32 | 64
  readonly machine?: number
  readonly data?: number
  readonly flags?: number
  readonly entry?: number
  readonly entryBytes?: number
  readonly programHeaders?: { readonly at?: number; readonly count?: number; readonly entryBytes?: number }
  readonly load?: SegmentShape
  readonly segments?: readonly SegmentShape[]
  readonly notes?: readonly NotesShape[]
  /** Where notes lie in the file. */
  readonly notesAt?: number
  readonly multiboot?: MultibootShape
  readonly fileBytes?: number
  readonly patch?: (file: Buffer) => void
}

interface MultibootShape {
  readonly at?: number
  readonly flags?: number
  readonly checksum?: number
  /** header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr. */
  readonly addresses?: readonly number[]
}

function multibootHeader({ flags = 0, checksum, addresses = [] }: MultibootShape): Buffer {
  return words(MULTIBOOT_MAGIC, flags, checksum ?? -(MULTIBOOT_MAGIC + flags), ...addresses)
}

function notesBytes({ notes, padding = 4 }: NotesShape): Buffer {
  const parts = notes.map(({ owner = 'Xen\0', type = 18, description = words(RIGHT_ENTRY), ...more }) => {
    const name = Buffer.from(owner, 'latin1')
    const start = Math.ceil((12 + name.length) / padding) * padding
    const bytes = Buffer.alloc(Math.ceil((start + description.length) / padding) * padding)
    words(more.nameBytes ?? name.length, more.descriptionBytes ?? description.length, type).copy(bytes)
    name.copy(bytes, 12)
    description.copy(bytes, start)
    return bytes
  })
  return Buffer.concat(parts)
}

/** An ELF kernel; by default one of 64 bits with one segment to load, and nothing that says where to enter. */
export function elfKernel(shape: ElfShape = {}): Buffer {
  const { bits = 64, notesAt = NOTES } = shape
  const is64 = bits === 64
  const file = Buffer.alloc(shape.fileBytes ?? 4096)
  code32(RIGHT_ENTRY, 'RAN\n', EXIT_RAN).copy(file, ENTRY)
  code32(WRONG_ENTRY, 'WRONG\n', EXIT_WRONG).copy(file, WRONG)
  const load = { offset: 0, physical: LOAD_ADDRESS, fileBytes: file.length, ...shape.load }
  const segments: SegmentShape[] = [load, ...(shape.segments ?? [])]
  let at = notesAt
  for (const { notes, padding, ...segment } of shape.notes ?? []) {
    const bytes = notesBytes({ notes, ...(padding ? { padding } : {}) })
    bytes.copy(file, at)
    segments.push({ type: PT_NOTE, offset: at, fileBytes: bytes.length, align: 4, ...segment })
    at = Math.ceil((at + bytes.length) / 8) * 8
  }
  writeHeader(file, shape, is64, segments.length)
  for (const [index, segment] of segments.entries()) writeSegment(file, segment, is64, index)
  if (shape.multiboot) multibootHeader(shape.multiboot).copy(file, shape.multiboot.at ?? 0x300)
  shape.patch?.(file)
  return file
}

function writeHeader(file: Buffer, shape: ElfShape, is64: boolean, count: number): void {
  const { entry = RIGHT_ENTRY, programHeaders = {} } = shape
  file.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, shape.data ?? 1, 1])
  file.writeUInt16LE(2, 16)
  file.writeUInt16LE(shape.machine ?? (is64 ? 62 : 3), 18)
  file.writeUInt32LE(1, 20)
  const entryBytes = programHeaders.entryBytes ?? (is64 ? 56 : 32)
  if (is64) {
    file.writeBigUInt64LE(BigInt(entry), 24)
    file.writeBigUInt64LE(BigInt(programHeaders.at ?? 64), 32)
    file.writeUInt32LE(shape.flags ?? 0, 48)
    file.writeUInt16LE(entryBytes, 54)
    file.writeUInt16LE(programHeaders.count ?? count, 56)
  } else {
    file.writeUInt32LE(entry, 24)
    file.writeUInt32LE(programHeaders.at ?? 64, 28)
    file.writeUInt32LE(shape.flags ?? 0, 36)
    file.writeUInt16LE(entryBytes, 42)
    file.writeUInt16LE(programHeaders.count ?? count, 44)
  }
}

function writeSegment(file: Buffer, segment: SegmentShape, is64: boolean, index: number): void {
  const { type = PT_LOAD, offset = 0, physical = LOAD_ADDRESS, fileBytes = 0, align = 4, flags = 7 } = segment
  const { virtual = physical, memoryBytes = fileBytes } = segment
  const at = 64 + index * (is64 ? 56 : 32)
  file.writeUInt32LE(type, at)
  const fields = [offset, virtual, physical, fileBytes, memoryBytes]
  if (is64) {
    file.writeUInt32LE(flags, at + 4)
    for (const [i, value] of [...fields, align].entries())
      file.writeBigUInt64LE(BigInt(value), at + 8 + i * 8)
  } else {
    words(...fields, flags, align).copy(file, at + 4)
  }
}

/** Multiboot without ELF: the header's addresses say where everything belongs. */
export function rawMultiboot({
  at = 0,
  flags = 0x10000,
  fileBytes = 4096,
  ...shape
}: MultibootShape & { readonly fileBytes?: number }): Buffer {
  const file = Buffer.alloc(fileBytes)
  code32(RIGHT_ENTRY, 'RAN\n', EXIT_RAN).copy(file, ENTRY)
  const addresses = [LOAD_ADDRESS + at, LOAD_ADDRESS, 0, 0, RIGHT_ENTRY]
  multibootHeader({ flags, addresses, ...shape }).copy(file, at)
  return file
}

interface BzimageShape {
  readonly version?: number
  readonly setupSectors?: number
  readonly loadFlags?: number
  readonly xloadFlags?: number
  readonly initrdMax?: number
  readonly payloadBytes?: number
  readonly fileBytes?: number
  readonly magic?: string
  readonly isBootable?: boolean
  /** For a zImage, which says how long it is. */
  readonly paragraphs?: number
  readonly patch?: (file: Buffer) => void
}

/** A bzImage whose real-mode code prints; the protected-mode part is never reached. */
export function bzimage(shape: BzimageShape = {}): Buffer {
  const { version = 0x20f, setupSectors = 4, payloadBytes = 2048 } = shape
  const file = Buffer.alloc(((setupSectors || 4) + 1) * 512 + payloadBytes)
  file[0x1f1] = setupSectors
  if (shape.paragraphs !== undefined) file.writeUInt16LE(shape.paragraphs, 0x1f4)
  if (shape.isBootable !== false) file.writeUInt16LE(0xaa55, 0x1fe)
  // jmp to the code behind the header
  file.set([0xeb, 0x7e], 0x200)
  file.write(shape.magic ?? 'HdrS', 0x202, 'latin1')
  file.writeUInt16LE(version, 0x206)
  file[0x211] = shape.loadFlags ?? 1
  file.writeUInt32LE(shape.initrdMax ?? 0x7fffffff, 0x22c)
  file.writeUInt16LE(shape.xloadFlags ?? 0, 0x236)
  code16(0x280, 'RAN\n', EXIT_RAN).copy(file, 0x280)
  shape.patch?.(file)
  return shape.fileBytes === undefined ? file : file.subarray(0, shape.fileBytes)
}
