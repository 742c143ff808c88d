/**
 * Looks for the PVH entry as QEMU does, which is not as the gABI lays notes out: names and descriptions are padded to
 * the segment's alignment, whatever that is; the owner's name is not looked at; and the search goes on behind the
 * segment until a note is longer than the whole segment.
 *
 * Source: QEMU 7.2, include/hw/elf_ops.h (get_elf_note_type), hw/i386/x86.c (read_pvh_start_addr).
 */
import { type ByteSource, type Elf, SEGMENT, type Segment } from '../elf.ts'

/** XEN_ELFNOTE_PHYS32_ENTRY of Xen's public/elfnote.h. */
const PHYS32_ENTRY = 18
const NOTE_HEADER = 12
const WORD = 2 ** 32
const PAGE = 4096
const CHUNK = 65_536
/** A search through zeros takes 12 bytes a step. What is further behind the notes is no note of the kernel's. */
const MAX_STEPS = 1 << 20

type PvhSearch =
  /** The physical address at which the guest begins; undefined for none. */
  | { readonly kind: 'read'; readonly entry: number | undefined }
  /** QEMU would crash, or never come to an end. */
  | { readonly kind: 'damaged'; readonly detail: string }

type Found = { readonly kind: 'note'; readonly value: bigint } | { readonly kind: 'none' } | Damaged
type Damaged = Extract<PvhSearch, { readonly kind: 'damaged' }>

/** Each segment that has such a note wins over those before. All 64 bits of 0 are as good as none; 32 of them count. */
export function qemuPvhEntry(source: ByteSource, elf: Elf): PvhSearch {
  let value = 0n
  for (const segment of elf.segments) {
    if (segment.type !== SEGMENT.note || segment.fileBytes === 0) continue
    const found = searchSegment(source, segment, elf.is64)
    if (found.kind === 'damaged') return found
    if (found.kind === 'note') value = found.value
  }
  return { kind: 'read', entry: value === 0n ? undefined : Number(value & 0xffffffffn) }
}

const damaged = (detail: string): Damaged => ({ kind: 'damaged', detail })

function searchSegment(source: ByteSource, segment: Segment, is64: boolean): Found {
  const { align, fileBytes } = segment
  const word = windowOn(source)
  // In 32-bit files the sums of QEMU wrap.
  const sum = (n: number) => (is64 ? n : n % WORD)
  const up = (n: number) => sum(Math.floor(sum(n + align - 1) / align) * align)
  let at = segment.offset
  for (let step = 0; step < MAX_STEPS; step++) {
    const type = word(at + 8)
    // QEMU reads what its memory has there, which is seldom such a note.
    if (type === undefined) return { kind: 'none' }
    if (align === 0) return damaged('its PT_NOTE segment has p_align 0, by which QEMU divides')
    if (type === PHYS32_ENTRY) return readEntry(word, at + NOTE_HEADER + up(word(at) ?? 0), is64)
    const bytes = sum(NOTE_HEADER + up(word(at) ?? 0) + up(word(at + 4) ?? 0))
    if (bytes > fileBytes) return { kind: 'none' }
    if (bytes === 0) return damaged('a note has sizes that add up to zero, and QEMU would read it forever')
    at += bytes
  }
  return { kind: 'none' }
}

type Word = (at: number) => number | undefined

function readEntry(word: Word, at: number, is64: boolean): Found {
  const low = word(at)
  const high = is64 ? word(at + 4) : 0
  if (low === undefined || high === undefined)
    return damaged('its PVH note says a name that reaches beyond the end of the file')
  return { kind: 'note', value: (BigInt(high) << 32n) | BigInt(low) }
}

/** Words of the file as QEMU has it mapped: whole pages, zeros behind the last byte. Undefined beyond. */
function windowOn(source: ByteSource): Word {
  const mapped = Math.ceil(source.bytes / PAGE) * PAGE
  let start = -1
  let chunk: Buffer = Buffer.alloc(0)
  return (at) => {
    if (at + 4 > mapped) return undefined
    if (start === -1 || at < start || at + 4 > start + chunk.length) {
      start = at
      chunk = Buffer.alloc(Math.min(CHUNK, mapped - at))
      source.read(at, chunk.length).copy(chunk)
    }
    return chunk.readUInt32LE(at - start)
  }
}
