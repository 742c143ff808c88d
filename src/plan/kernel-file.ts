/**
 * What QEMU's `-kernel` makes of a file: the same steps, in the same order, with the same arithmetic, so that a kernel
 * which QEMU refuses, or enters at a wrong place, is found before it starts.
 *
 * Source: QEMU 7.2, hw/i386/x86.c (x86_load_linux, load_elfboot), hw/i386/multiboot.c (load_multiboot), hw/core/loader.c.
 */
import {
  type ByteSource,
  beginsAsElf,
  type Elf,
  MACHINE,
  notesOf,
  readElf,
  readSections,
  SEGMENT,
} from '../elf.ts'
import type { KernelFact, KernelFlaw, Range } from '../machine/facts.ts'
import { qemuPvhEntry } from './pvh-note.ts'

/** QEMU reads that much of the file before it decides. */
const HEAD = 8192
const MULTIBOOT_MAGIC = 0x1badb002
/** A multiboot header has 12 words, and the last may end with the head. */
const LAST_HEADER = HEAD - 48
const FLAG_ADDRESSES = 0x10000
/** `HdrS` (Documentation/arch/x86/boot.rst). */
const BZIMAGE_MAGIC = 0x53726448
/** xloadflags, from protocol 2.12. */
const XLF_KERNEL_64 = 1
const XLF_ABOVE_4G = 2
/** Flags by which QEMU refuses an ELF that has no multiboot header (load_elfboot). */
const UNSUPPORTED_ELF_FLAGS = 0x00010004
const SYMBOL_TABLE = 2
/** QEMU allocates what a symbol table says; more than that no computer has. */
const MAX_TABLE = 2 ** 40
/** Segments are compared in pairs up to that many. */
const MAX_COMPARED = 512
const WORD = 2 ** 32

/** Undefined when QEMU would take the file for something that is no kernel. */
export function readKernel(source: ByteSource): KernelFact | undefined {
  const head = source.read(0, HEAD)
  if (wordAt(head, 0x202) === BZIMAGE_MAGIC) return readBzimage(source, head)
  const multiboot = findMultiboot(head)
  if (multiboot) return readMultiboot(source, head, multiboot)
  if (beginsAsElf(head)) return readPvh(source, head[4] === 2 ? 64 : 32)
  return isZimage(source, head) ? { protocol: 'zimage', loads: [], flaws: [] } : undefined
}

/** Beyond the end QEMU reads its own stack, which is mostly zeros. */
function wordAt(head: Buffer, at: number): number {
  return at + 4 <= head.length ? head.readUInt32LE(at) : 0
}

function shortAt(head: Buffer, at: number): number {
  return at + 2 <= head.length ? head.readUInt16LE(at) : 0
}

const flaw = (kind: KernelFlaw['kind'], detail: string): KernelFlaw => ({ kind, detail })
const hex = (value: number | bigint) => `0x${value.toString(16)}`

function setupBytes(head: Buffer): number {
  return ((head[0x1f1] || 4) + 1) * 512
}

/** Bzimages carry their own numbers from protocol 2.00 on. */
function readBzimage(source: ByteSource, head: Buffer): KernelFact {
  const version = shortAt(head, 0x206)
  const flags = version >= 0x20c ? shortAt(head, 0x236) : 0
  const setup = setupBytes(head)
  const flaws = [
    ...(setup > source.bytes
      ? [flaw('refused', `its header says ${setup} bytes of setup code, and the file has ${source.bytes}`)]
      : []),
  ]
  const initrdMax = flags & XLF_ABOVE_4G ? WORD - 1 : version >= 0x203 ? wordAt(head, 0x22c) : 0x37ffffff
  return {
    protocol: 'bzimage',
    version,
    ...(version >= 0x20c ? { bits: flags & XLF_KERNEL_64 ? 64 : 32 } : {}),
    isLoadedHigh: version >= 0x200 && ((head[0x211] ?? 0) & 1) === 1,
    initrdMax,
    loads: [],
    flaws,
  }
}

/** Kernels from before protocol 2.00 (1995): a boot sector whose numbers of sectors and paragraphs are those of the file. */
function isZimage(source: ByteSource, head: Buffer): boolean {
  if (head.length < 512 || head.readUInt16LE(0x1fe) !== 0xaa55) return false
  const [sectors, paragraphs] = [head[0x1f1] ?? 0, head.readUInt16LE(0x1f4)]
  if (sectors === 0 || paragraphs === 0) return false
  const rest = source.bytes - setupBytes(head) - paragraphs * 16
  return rest > -16 && rest < 512
}

interface MultibootHeader {
  readonly at: number
  readonly flags: number
}

/** The first aligned one whose checksum is right. */
function findMultiboot(head: Buffer): MultibootHeader | undefined {
  for (let at = 0; at < LAST_HEADER && at + 12 <= head.length; at += 4) {
    if (head.readUInt32LE(at) !== MULTIBOOT_MAGIC) continue
    const flags = head.readUInt32LE(at + 4)
    if ((MULTIBOOT_MAGIC + flags + head.readUInt32LE(at + 8)) % WORD === 0) return { at, flags }
  }
  return undefined
}

function readMultiboot(source: ByteSource, head: Buffer, header: MultibootHeader): KernelFact {
  const loaded =
    header.flags & FLAG_ADDRESSES ? loadByAddresses(source, head, header.at) : loadMultibootElf(source, head)
  return { protocol: 'multiboot', bits: 32, ...loaded }
}

type Loaded = Pick<KernelFact, 'loads' | 'flaws' | 'entry'>

/** The fields of the header say where everything belongs, whatever else the file is. */
function loadByAddresses(source: ByteSource, head: Buffer, at: number): Loaded {
  const [headerAddress, load, loadEnd, bssEnd, entry] = [12, 16, 20, 24, 28].map((o) =>
    wordAt(head, at + o),
  ) as [number, number, number, number, number]
  const refused = (detail: string): Loaded => ({ entry, loads: [], flaws: [flaw('refused', detail)] })
  if (headerAddress < load)
    return refused(`header_addr ${hex(headerAddress)} lies below load_addr ${hex(load)}`)
  const fileOffset = at - (headerAddress - load)
  if (fileOffset < 0)
    return refused(`load_addr ${hex(load)} would lie ${-fileOffset} bytes before the file begins`)
  if (loadEnd !== 0 && loadEnd < load)
    return refused(`load_end_addr ${hex(loadEnd)} lies below load_addr ${hex(load)}`)
  const bytes = loadEnd === 0 ? source.bytes - fileOffset : loadEnd - load
  if (bytes > WORD - 1 - load) return refused(`${bytes} bytes from ${hex(load)} on do not fit below 4 GiB`)
  if (bssEnd !== 0 && bssEnd < load + bytes)
    return refused(`bss_end_addr ${hex(bssEnd)} lies below the end of what is loaded, ${hex(load + bytes)}`)
  if (fileOffset + bytes > source.bytes)
    return refused(
      `${bytes} bytes from offset ${fileOffset} on are to be loaded, and the file has ${source.bytes}`,
    )
  return withEntry({ entry, loads: [{ from: load, to: bssEnd === 0 ? load + bytes : bssEnd }] })
}

function loadMultibootElf(source: ByteSource, head: Buffer): Loaded {
  // QEMU looks at this place of the file even where it is no ELF file.
  if (shortAt(head, 18) === MACHINE.x86_64)
    return {
      loads: [],
      flaws: [
        flaw('multiboot-64', 'it has a multiboot header, and QEMU loads only 32-bit ELF files by that'),
      ],
    }
  const elf = readElf(source)
  if (!elf)
    return {
      loads: [],
      flaws: [
        flaw('refused', 'its multiboot header says to load it as an ELF file, but it is not an ELF file'),
      ],
    }
  const { loads, flaws } = loadElf(source, elf, false)
  if (flaws.length > 0) return { loads, flaws }
  if (loads.length === 0)
    return { loads, flaws: [flaw('refused', 'it has no segment to load, so that QEMU has nothing to start')] }
  return withEntry({ entry: physicalEntry(elf), loads })
}

/** QEMU enters by the ELF header, moved by the difference of physical and virtual address where a code segment has one. */
function physicalEntry({ entry, segments, is64 }: Elf): number {
  const home = segments.findLast(
    (s) =>
      s.type === SEGMENT.load &&
      s.isExecutable &&
      s.address !== s.physical &&
      entry >= s.address &&
      entry < s.address + BigInt(s.fileBytes),
  )
  const at = home ? entry - home.address + home.physical : entry
  return Number(BigInt.asUintN(is64 ? 64 : 32, at) & 0xffffffffn)
}

function readPvh(source: ByteSource, bits: 32 | 64): KernelFact {
  const elf = readElf(source)
  const base = { protocol: 'pvh', bits } as const
  if (!elf)
    return { ...base, loads: [], flaws: [flaw('refused', 'it is an ELF file that is cut in its header')] }
  if (elf.flags & UNSUPPORTED_ELF_FLAGS)
    return {
      ...base,
      loads: [],
      flaws: [flaw('refused', `its ELF header has flags ${hex(elf.flags)}, and QEMU takes none of 0x10004`)],
    }
  const { loads, flaws } = loadElf(source, elf, true)
  if (flaws.length > 0) return { ...base, loads, flaws }
  const found = qemuPvhEntry(source, elf)
  if (found.kind === 'damaged') return { ...base, loads, flaws: [flaw('notes-damaged', found.detail)] }
  const meant = declaredEntry(source, elf)
  if (found.entry === undefined)
    return {
      ...base,
      loads,
      flaws: [meant === undefined ? flaw('no-entry', '') : flaw('note-misread', misread(meant, undefined))],
    }
  if (meant !== undefined && meant !== found.entry)
    return { ...base, entry: found.entry, loads, flaws: [flaw('note-misread', misread(meant, found.entry))] }
  return { ...base, ...withEntry({ entry: found.entry, loads }) }
}

function misread(meant: number, found: number | undefined): string {
  const instead = found === undefined ? 'finds none' : `reads ${hex(found)}`
  return `its PVH note says entry ${hex(meant)}, and QEMU ${instead}: it steps over other notes by the segment’s alignment`
}

const PVH_NOTE = { owner: 'Xen', type: 18 }

/** What the kernel’s own note says, read as the gABI lays notes out. */
function declaredEntry(source: ByteSource, elf: Elf): number | undefined {
  for (const segment of elf.segments) {
    if (segment.type !== SEGMENT.note) continue
    const note = notesOf(source, segment).find((n) => n.owner === PVH_NOTE.owner && n.type === PVH_NOTE.type)
    if (note && note.description.length >= 4) return note.description.readUInt32LE(0)
  }
  return undefined
}

function withEntry({ entry, loads }: { entry: number; loads: readonly Range[] }): Loaded {
  const isInside = loads.some(({ from, to }) => entry >= from && entry < to)
  return {
    entry,
    loads,
    flaws: isInside
      ? []
      : [flaw('entry-outside', `its entry ${hex(entry)} lies in no part of it that is loaded`)],
  }
}

/** What load_elf refuses, and where segments come to lie. Of a multiboot kernel the notes are not read. */
function loadElf(source: ByteSource, elf: Elf, readsNotes: boolean): Pick<Loaded, 'loads' | 'flaws'> {
  const refused = (detail: string) => ({ loads: [], flaws: [flaw('refused', detail)] })
  if (!elf.isLittleEndian) return refused('it is a big-endian ELF file')
  if (elf.machine !== MACHINE.i386 && elf.machine !== MACHINE.x86_64)
    return refused(`it is an ELF file for another processor (e_machine ${elf.machine})`)
  if (elf.isCut) return refused('the file ends before its last program header')
  const table = readSections(source).sections.find((s) => s.type === SYMBOL_TABLE)
  if (table && table.bytes > MAX_TABLE) return refused(`its symbol table says ${table.bytes} bytes`)
  const loads = elf.segments.filter((s) => s.type === SEGMENT.load)
  const outside = elf.segments.find(
    (s) =>
      (s.type === SEGMENT.load || (s.type === SEGMENT.note && readsNotes)) &&
      s.fileBytes > 0 &&
      s.offset + s.fileBytes > source.bytes,
  )
  if (outside)
    return refused(
      `a segment reaches to byte ${outside.offset + outside.fileBytes}, and the file has ${source.bytes}`,
    )
  const places = loads.map((s, i) => placeOf(s, i, loads)).filter(({ from, to }) => to > from)
  const overlap = firstOverlap(places)
  if (overlap) return refused(`its segments overlap at ${hex(overlap)}`)
  return { loads: places, flaws: [] }
}

/** Memory beyond the file's bytes is left out where another segment lies in it. */
function placeOf(segment: Elf['segments'][number], index: number, all: Elf['segments']): Range {
  const from = Number(segment.physical)
  const fileEnd = from + segment.fileBytes
  const end = from + segment.memoryBytes
  const isShared =
    segment.memoryBytes > segment.fileBytes &&
    all.length <= MAX_COMPARED &&
    all.some((other, i) => {
      const start = Number(other.physical)
      return i !== index && start < end && fileEnd < start + other.memoryBytes
    })
  return { from, to: isShared ? fileEnd : end }
}

function firstOverlap(places: readonly Range[]): number | undefined {
  const sorted = places.toSorted((a, b) => a.from - b.from)
  return sorted.find((place, i) => place.from < (sorted[i - 1]?.to ?? 0))?.from
}
