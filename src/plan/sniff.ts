/** What the first bytes of a file say it is. Reads only what it needs: a kernel with symbols has hundreds of megabytes. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { FileContent } from '../machine/facts.ts'

/** Multiboot's header lies in the first 8 KiB (Multiboot 0.6.96, 3.1). */
const HEAD = 8192
const MULTIBOOT_MAGIC = 0x1badb002
/** `HdrS` (Linux, Documentation/arch/x86/boot.rst). */
const LINUX_MAGIC = 0x53726448
/** Xen's public/elfnote.h. QEMU and Firecracker start 64-bit kernels by it. */
const XEN_ELFNOTE_PHYS32_ENTRY = 18
const PT_NOTE = 4
/** No kernel has notes longer than that; a damaged header may say so. */
const MAX_NOTES = 1 << 20

/** Undefined when the file cannot be read. Follows no pipe: only plain files are asked. */
export function sniff(path: string): FileContent | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    return fstatSync(fd).size === 0
      ? 'empty'
      : classify(readAt(fd, 0, HEAD), (at, bytes) => readAt(fd, at, bytes))
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

function readAt(fd: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, position))
}

type Read = (at: number, bytes: number) => Buffer

function classify(head: Buffer, read: Read): FileContent {
  const begins = (...bytes: readonly number[]) => head.subarray(0, bytes.length).equals(Buffer.from(bytes))
  const u32 = (at: number) => (at + 4 <= head.length ? head.readUInt32LE(at) : undefined)
  if (begins(0x7f, 0x45, 0x4c, 0x46)) return classifyElf(head, read)
  if (u32(0x202) === LINUX_MAGIC) return 'linux-bzimage'
  if (begins(0x4d, 0x5a) && isPe(u32(0x3c), read)) return 'pe'
  if (begins(0x51, 0x46, 0x49, 0xfb)) return isQcow2(head) ? 'qcow2' : 'unknown'
  if (begins(0x1f, 0x8b)) return 'gzip'
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) return 'xz'
  if (/^07070[12]/.test(head.toString('latin1', 0, 6))) return 'cpio'
  if (hasMultiboot(head)) return 'elf-multiboot'
  if (head.length >= 512 && head[510] === 0x55 && head[511] === 0xaa) return 'boot-sector'
  return isText(head) ? 'text' : 'unknown'
}

function isPe(at: number | undefined, read: Read): boolean {
  return at !== undefined && read(at, 4).toString('latin1') === 'PE\0\0'
}

/** Version 2 or 3 and clusters of 512 bytes to 2 MiB; with other numbers QEMU does not open it (docs/interop/qcow2.txt). */
function isQcow2(head: Buffer): boolean {
  if (head.length < 24) return false
  const version = head.readUInt32BE(4)
  const clusterBits = head.readUInt32BE(20)
  return (version === 2 || version === 3) && clusterBits >= 9 && clusterBits <= 21
}

function isText(head: Buffer): boolean {
  // The last character may be cut.
  const text = new TextDecoder('utf-8').decode(head.subarray(0, 512), { stream: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells text from other data
  return !/[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]/.test(text)
}

/** Magic, flags and checksum add up to zero. */
function hasMultiboot(head: Buffer): boolean {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(MULTIBOOT_MAGIC)
  for (let at = head.indexOf(magic); at !== -1 && at + 12 <= head.length; at = head.indexOf(magic, at + 1)) {
    if (at % 4 !== 0) continue
    if (((MULTIBOOT_MAGIC + head.readUInt32LE(at + 4) + head.readUInt32LE(at + 8)) & 0xffffffff) === 0)
      return true
  }
  return false
}

function classifyElf(head: Buffer, read: Read): FileContent {
  const is64 = head[4] === 2
  if (hasPvhNote(head, read, is64)) return 'elf-pvh'
  if (hasMultiboot(head)) return 'elf-multiboot'
  return is64 ? 'elf64' : 'elf32'
}

/** ELF-64 and ELF-32 object file format: program headers of type PT_NOTE. */
function hasPvhNote(head: Buffer, read: Read, is64: boolean): boolean {
  if (head.length < 64) return false
  const tableAt = is64 ? Number(head.readBigUInt64LE(32)) : head.readUInt32LE(28)
  const entryBytes = head.readUInt16LE(is64 ? 54 : 42)
  const count = head.readUInt16LE(is64 ? 56 : 44)
  const table = read(tableAt, entryBytes * count)
  if (entryBytes < (is64 ? 56 : 32)) return false
  for (let at = 0; at + entryBytes <= table.length; at += entryBytes) {
    if (table.readUInt32LE(at) !== PT_NOTE) continue
    const offset = is64 ? Number(table.readBigUInt64LE(at + 8)) : table.readUInt32LE(at + 4)
    const bytes = is64 ? Number(table.readBigUInt64LE(at + 32)) : table.readUInt32LE(at + 16)
    if (bytes <= MAX_NOTES && notesHavePvh(read(offset, bytes))) return true
  }
  return false
}

function notesHavePvh(notes: Buffer): boolean {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameBytes = notes.readUInt32LE(at)
    const descBytes = notes.readUInt32LE(at + 4)
    const name = notes.toString('latin1', at + 12, at + 12 + nameBytes)
    if (name === 'Xen\0' && notes.readUInt32LE(at + 8) === XEN_ELFNOTE_PHYS32_ENTRY) return true
    at += 12 + align4(nameBytes) + align4(descBytes)
  }
  return false
}

function align4(bytes: number): number {
  return (bytes + 3) & ~3
}
