/** Kernels of every kind, and what QEMU 7.2 does with each. */
import {
  bzimage,
  type ElfShape,
  elfKernel,
  gnuProperty,
  LOAD_ADDRESS,
  type NoteShape,
  PT_NOTE,
  pvhNote,
  RIGHT_ENTRY,
  rawMultiboot,
  WRONG_ENTRY,
  words,
} from './kernels.ts'

/**
 * `ran`: it printed from where it should be entered. `wrong`: it was entered elsewhere in the kernel. `lost`: QEMU
 * started a guest that came nowhere. `refused`: QEMU exits with 1. `broken`: QEMU itself crashes or loops before the guest
 * has begun.
 */
export type Fate = 'ran' | 'wrong' | 'lost' | 'refused' | 'broken'

export interface MatrixKernel {
  readonly file: Buffer
  readonly fate: Fate
  /** The error that bringup finds; undefined for none. */
  readonly code?: string
  /** In QEMU's own words. */
  readonly says?: RegExp
}

const ran = (file: Buffer): MatrixKernel => ({ file, fate: 'ran' })
const refused = (file: Buffer, says: RegExp, code = 'BOOT_KERNEL_DAMAGED'): MatrixKernel => ({
  file,
  fate: 'refused',
  code,
  says,
})
const lost = (file: Buffer, code: string): MatrixKernel => ({ file, fate: 'lost', code })
const broken = (file: Buffer): MatrixKernel => ({ file, fate: 'broken', code: 'BOOT_KERNEL_NOTES_DAMAGED' })

const NOT_LOADED = /Error while loading elf kernel/
const NO_NOTE = /without PVH ELF Note/
const OVERLAP = /Some ROM regions are overlapping/
const GIVE_32 = /Cannot load x86-64 image/
const INVALID = /invalid kernel header/

const pvh = (shape: ElfShape = {}, ...more: readonly NoteShape[]) =>
  elfKernel({ notes: [{ notes: [...more, pvhNote()] }], ...shape })
const multiboot32 = (shape: ElfShape = {}) => elfKernel({ bits: 32, multiboot: {}, ...shape })
const multiboot64 = (shape: ElfShape = {}) => elfKernel({ multiboot: {}, ...shape })
const aligned8 = (notes: readonly NoteShape[]) => [{ notes, align: 8, padding: 8 as const }]

const PVH: Readonly<Record<string, MatrixKernel>> = {
  '64 bits': ran(pvh()),
  '64 bits, 4 bytes of entry': ran(elfKernel({ notes: [{ notes: [pvhNote(RIGHT_ENTRY, 4)] }] })),
  '32 bits': ran(pvh({ bits: 32 })),
  '32-bit file for x86-64 (x32)': ran(pvh({ bits: 32, machine: 62 })),
  '64-bit file for i386': ran(pvh({ bits: 64, machine: 3 })),
  'behind another note': ran(pvh({}, { owner: 'GNU\0', type: 3, description: Buffer.alloc(20) })),
  'behind notes with odd names': ran(
    pvh({}, { owner: 'Linux\0', type: 0x100, description: words(1) }, { owner: 'a\0', type: 2 }),
  ),
  'in the second of two segments': ran(
    elfKernel({ notes: [{ notes: [{ owner: 'GNU\0', type: 3 }] }, { notes: [pvhNote()] }] }),
  ),
  'in the first of two segments': ran(
    elfKernel({ notes: [{ notes: [pvhNote()] }, { notes: [{ owner: 'GNU\0', type: 3 }] }] }),
  ),
  'in a segment before which lies an 8-aligned one': ran(
    elfKernel({
      notes: [...aligned8([gnuProperty]), { notes: [pvhNote()] }],
    }),
  ),
  'first in an 8-aligned segment, behind it another': {
    file: elfKernel({ notes: aligned8([pvhNote(), gnuProperty]) }),
    fate: 'lost',
    code: 'BOOT_KERNEL_NOTE_MISREAD',
  },
  'first in an 8-aligned segment, padded as for 4': refused(
    elfKernel({ notes: [{ notes: [pvhNote()], align: 8 }] }),
    NO_NOTE,
    'BOOT_KERNEL_NOTE_MISREAD',
  ),
  'behind an 8-aligned GNU property note': refused(
    elfKernel({ notes: aligned8([gnuProperty, pvhNote()]) }),
    NO_NOTE,
    'BOOT_KERNEL_NOTE_MISREAD',
  ),
  'in the last segment of two, which wins': {
    file: elfKernel({ notes: [{ notes: [pvhNote()] }, { notes: [pvhNote(WRONG_ENTRY)] }] }),
    fate: 'wrong',
    code: 'BOOT_KERNEL_NOTE_MISREAD',
  },
  'that QEMU takes from another owner': ran(
    elfKernel({ notes: [{ notes: [{ owner: 'ABC\0', description: words(RIGHT_ENTRY, 0) }] }] }),
  ),
  'whose owner has no zero': ran(
    elfKernel({ notes: [{ notes: [{ owner: 'Xen', description: words(RIGHT_ENTRY, 0) }] }] }),
  ),
  'with p_align 1': ran(elfKernel({ notes: [{ notes: [pvhNote()], align: 1 }] })),
  'with p_align 0': broken(elfKernel({ notes: [{ notes: [pvhNote()], align: 0 }] })),
  'with p_align of a page, behind another note': refused(
    elfKernel({ notes: [{ notes: [{ owner: 'GNU\0', type: 3 }, pvhNote()], align: 4096 }] }),
    NO_NOTE,
    'BOOT_KERNEL_NOTE_MISREAD',
  ),
  'far behind the head': ran(pvh({ fileBytes: 0x8000, notesAt: 0x7000 })),
  'outside of what is loaded': lost(
    elfKernel({ notes: [{ notes: [pvhNote(0x200000)] }] }),
    'BOOT_KERNEL_ENTRY_OUTSIDE',
  ),
  'entry 0': refused(elfKernel({ notes: [{ notes: [pvhNote(0)] }] }), NO_NOTE, 'BOOT_KERNEL_NOTE_MISREAD'),
  'a note of another type': refused(
    elfKernel({
      notes: [{ notes: [{ type: 17, description: Buffer.alloc(8) }] }],
      patch: stopper(0x800 + 24),
    }),
    NO_NOTE,
    'BOOT_KERNEL_WITHOUT_PVH',
  ),
  'no notes': refused(elfKernel(), NO_NOTE, 'BOOT_KERNEL_WITHOUT_PVH'),
  'no notes, 32 bits': refused(elfKernel({ bits: 32 }), NO_NOTE, 'BOOT_KERNEL_WITHOUT_PVH'),
  'a name of 0xfffffff4 bytes, 32 bits': broken(
    elfKernel({ bits: 32, notes: [{ notes: [{ type: 17, nameBytes: 0xfffffff4, descriptionBytes: 0 }] }] }),
  ),
  'a name of 0xfffffff4 bytes, 64 bits': refused(
    elfKernel({ notes: [{ notes: [{ type: 17, nameBytes: 0xfffffff4, descriptionBytes: 0 }] }] }),
    NO_NOTE,
    'BOOT_KERNEL_WITHOUT_PVH',
  ),
  'a description of 0xffffffff bytes': refused(
    elfKernel({ notes: [{ notes: [{ type: 17, descriptionBytes: 0xffffffff }] }] }),
    NO_NOTE,
    'BOOT_KERNEL_WITHOUT_PVH',
  ),
  'notes beyond the end': refused(
    elfKernel({ segments: [{ type: PT_NOTE, offset: 0xff0, fileBytes: 64 }] }),
    NOT_LOADED,
  ),
  'an empty segment of notes': refused(
    elfKernel({ segments: [{ type: PT_NOTE, offset: 0x800, fileBytes: 0 }] }),
    NO_NOTE,
    'BOOT_KERNEL_WITHOUT_PVH',
  ),
  'e_phentsize of nonsense': ran(pvh({ programHeaders: { entryBytes: 7 } })),
  'another processor': refused(pvh({ machine: 183 }), NOT_LOADED),
  'big-endian': refused(pvh({ data: 2 }), NOT_LOADED),
  'ELF flags that QEMU refuses': refused(pvh({ flags: 4 }), /elfboot unsupported flags/),
  'program headers beyond the end': refused(pvh({ programHeaders: { at: 0x10000 } }), NOT_LOADED),
  'too many program headers': refused(pvh({ programHeaders: { count: 1000 } }), NOT_LOADED),
  'a segment beyond the end': refused(pvh({ load: { fileBytes: 8192 } }), NOT_LOADED),
  'segments that overlap': refused(
    pvh({ segments: [{ physical: LOAD_ADDRESS + 0x800, fileBytes: 64 }] }),
    OVERLAP,
  ),
  'memory that overlaps only behind the file': ran(
    pvh({ load: { memoryBytes: 0x10000 }, segments: [{ physical: LOAD_ADDRESS + 0x2000, fileBytes: 64 }] }),
  ),
  'loaded beyond the RAM': lost(
    elfKernel({ load: { physical: 0x4000_0000 }, notes: [{ notes: [pvhNote(0x4000_0400)] }] }),
    'BOOT_KERNEL_BEYOND_RAM',
  ),
  'nothing to load': lost(pvh({ load: { type: 0 } }), 'BOOT_KERNEL_ENTRY_OUTSIDE'),
  'cut within the ELF header': refused(pvh().subarray(0, 40), NOT_LOADED),
  'a symbol table of 2^62 bytes': {
    file: pvh({ patch: hugeSymbols }),
    fate: 'broken',
    code: 'BOOT_KERNEL_DAMAGED',
  },
}

/** So that QEMU's search, which goes on behind the notes, ends there. */
function stopper(at: number) {
  return (file: Buffer) => words(0xfff0, 0, 1).copy(file, at)
}

function hugeSymbols(file: Buffer): void {
  file.writeBigUInt64LE(0xc00n, 40)
  file.writeUInt16LE(1, 60)
  file.writeUInt32LE(2, 0xc00 + 4)
  file.writeBigUInt64LE(1n << 62n, 0xc00 + 32)
}

const MULTIBOOT: Readonly<Record<string, MatrixKernel>> = {
  '32 bits': ran(multiboot32()),
  '32 bits, with a PVH note elsewhere': ran(multiboot32({ notes: [{ notes: [pvhNote(WRONG_ENTRY, 4)] }] })),
  'asking for video, which is a word on stderr': {
    ...ran(multiboot32({ multiboot: { flags: 4 } })),
    says: /knows VBE/,
  },
  'with flags that mean nothing': ran(multiboot32({ multiboot: { flags: 0xffff & ~4 } })),
  'at the last place that counts': ran(multiboot32({ fileBytes: 0x4000, multiboot: { at: 8140 } })),
  'one word too far': refused(
    multiboot32({ fileBytes: 0x4000, multiboot: { at: 8144 } }),
    NO_NOTE,
    'BOOT_KERNEL_WITHOUT_PVH',
  ),
  'not on a word': refused(multiboot32({ multiboot: { at: 0x302 } }), NO_NOTE, 'BOOT_KERNEL_WITHOUT_PVH'),
  'with a wrong checksum': refused(
    multiboot32({ multiboot: { checksum: 0 } }),
    NO_NOTE,
    'BOOT_KERNEL_WITHOUT_PVH',
  ),
  'with a wrong checksum, and a PVH note': ran(pvh({ multiboot: { checksum: 0 } })),
  '64 bits': refused(multiboot64(), GIVE_32, 'BOOT_KERNEL_MULTIBOOT_64'),
  '64 bits, with a PVH note': refused(pvh({ multiboot: {} }), GIVE_32, 'BOOT_KERNEL_MULTIBOOT_64'),
  '32-bit file for x86-64': refused(multiboot32({ machine: 62 }), GIVE_32, 'BOOT_KERNEL_MULTIBOOT_64'),
  '64-bit file for i386': ran(multiboot64({ machine: 3 })),
  '64 bits, with addresses': ran(
    multiboot64({
      multiboot: { flags: 0x10000, addresses: [LOAD_ADDRESS + 0x300, LOAD_ADDRESS, 0, 0, RIGHT_ENTRY] },
    }),
  ),
  'ELF entry outside of it': lost(multiboot32({ entry: 0x200000 }), 'BOOT_KERNEL_ENTRY_OUTSIDE'),
  'virtual entry of a code segment': ran(
    multiboot32({ entry: 0xc000_0000 + 0x400, load: { virtual: 0xc000_0000 } }),
  ),
  'virtual entry without code': lost(
    multiboot32({ entry: 0xc000_0000 + 0x400, load: { virtual: 0xc000_0000, flags: 6 } }),
    'BOOT_KERNEL_ENTRY_OUTSIDE',
  ),
  'nothing to load, 32 bits': refused(multiboot32({ load: { type: 0 } }), /./),
  'segments that overlap, 32 bits': refused(
    multiboot32({ segments: [{ physical: LOAD_ADDRESS + 0x800, fileBytes: 64 }] }),
    /./,
  ),
  'another processor, multiboot': refused(multiboot32({ machine: 8 }), NOT_LOADED),
  'p_align 0 of notes, which is not read': ran(
    multiboot32({ notes: [{ notes: [pvhNote(RIGHT_ENTRY, 4)], align: 0 }] }),
  ),
  'notes beyond the end, which are not read': ran(
    multiboot32({ segments: [{ type: PT_NOTE, offset: 0xff0, fileBytes: 64 }] }),
  ),
  'no ELF, with addresses': ran(rawMultiboot({})),
  'no ELF, header further in': ran(rawMultiboot({ at: 0x200 })),
  'no ELF, without addresses': refused(rawMultiboot({ flags: 0 }), NOT_LOADED),
  'header below the load address': refused(
    rawMultiboot({ addresses: [LOAD_ADDRESS - 4, LOAD_ADDRESS, 0, 0, RIGHT_ENTRY] }),
    /invalid load_addr/,
  ),
  'header before the file begins': refused(
    rawMultiboot({ addresses: [LOAD_ADDRESS + 0x100, LOAD_ADDRESS, 0, 0, RIGHT_ENTRY] }),
    /invalid header_addr/,
  ),
  'load end below the load address': refused(
    rawMultiboot({ addresses: [LOAD_ADDRESS, LOAD_ADDRESS, 16, 0, RIGHT_ENTRY] }),
    /invalid load_end_addr/,
  ),
  'load end beyond the file': refused(
    rawMultiboot({ addresses: [LOAD_ADDRESS, LOAD_ADDRESS, LOAD_ADDRESS + 8192, 0, RIGHT_ENTRY] }),
    /fread\(\) failed/,
  ),
  'bss end below the load end': refused(
    rawMultiboot({
      addresses: [LOAD_ADDRESS, LOAD_ADDRESS, LOAD_ADDRESS + 4096, LOAD_ADDRESS + 16, RIGHT_ENTRY],
    }),
    /invalid bss_end_addr/,
  ),
  'with room behind it': ran(
    rawMultiboot({
      addresses: [LOAD_ADDRESS, LOAD_ADDRESS, LOAD_ADDRESS + 4096, LOAD_ADDRESS + 65536, RIGHT_ENTRY],
    }),
  ),
  'entry outside of it': lost(
    rawMultiboot({ addresses: [LOAD_ADDRESS, LOAD_ADDRESS, 0, 0, 0x200000] }),
    'BOOT_KERNEL_ENTRY_OUTSIDE',
  ),
}

const BZIMAGE: Readonly<Record<string, MatrixKernel>> = {
  'protocol 2.15': ran(bzimage()),
  'protocol 2.00': ran(bzimage({ version: 0x200 })),
  'protocol 2.01': ran(bzimage({ version: 0x201 })),
  'protocol 1.99, loaded low': ran(bzimage({ version: 0x1ff })),
  'loaded low': ran(bzimage({ loadFlags: 0 })),
  'for 64 bits': ran(bzimage({ xloadFlags: 1 })),
  'setup_sects 0, which means 4': ran(bzimage({ setupSectors: 0 })),
  'one sector of setup': ran(bzimage({ setupSectors: 1 })),
  'without the boot signature': ran(bzimage({ isBootable: false })),
  'setup beyond the end': refused(bzimage({ setupSectors: 4, fileBytes: 2000 }), INVALID),
  'setup_sects 255': refused(bzimage({ patch: (f) => (f[0x1f1] = 255) }), INVALID),
  'without the magic': {
    file: bzimage({ magic: 'HdrX' }),
    fate: 'ran',
    code: 'BOOT_KERNEL_NOT_A_KERNEL',
  },
  zImage: ran(bzimage({ magic: '\0\0\0\0', version: 0, loadFlags: 0, paragraphs: 128 })),
  'with a multiboot header, which is not looked for': ran(
    bzimage({ patch: (f) => words(0x1badb002, 0, -0x1badb002).copy(f, 0x400) }),
  ),
  'with the magic of ELF, which is not looked for': ran(
    bzimage({ patch: (f) => f.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) }),
  ),
}

const OTHERS: Readonly<Record<string, MatrixKernel>> = {
  text: refused(Buffer.from('hello\n'.repeat(20)), INVALID, 'BOOT_KERNEL_NOT_A_KERNEL'),
  zeros: refused(Buffer.alloc(2048), INVALID, 'BOOT_KERNEL_NOT_A_KERNEL'),
  'one byte': refused(Buffer.from([0x7f]), INVALID, 'BOOT_KERNEL_NOT_A_KERNEL'),
  nothing: refused(Buffer.alloc(0), /could not load kernel/, 'BOOT_KERNEL_NOT_A_KERNEL'),
  'a PE file': refused(peFile(), INVALID, 'BOOT_KERNEL_IS_EFI'),
}

function peFile(): Buffer {
  const file = Buffer.alloc(1024)
  file.write('MZ')
  file.writeUInt32LE(128, 0x3c)
  file.write('PE\0\0', 128)
  return file
}

export const KERNEL_MATRIX: Readonly<Record<string, MatrixKernel>> = Object.fromEntries(
  Object.entries({ PVH: PVH, multiboot: MULTIBOOT, bzImage: BZIMAGE, other: OTHERS }).flatMap(
    ([kind, kernels]) => Object.entries(kernels).map(([name, kernel]) => [`${kind}: ${name}`, kernel]),
  ),
)
