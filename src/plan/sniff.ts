/** What the first bytes of a file say it is. Reads only what it needs: a kernel with symbols has hundreds of megabytes. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type ByteSource, beginsAsElf, readSections } from '../elf.ts'
import type { FileContent, KernelFact } from '../machine/facts.ts'
import { readKernel } from './kernel-file.ts'

const HEAD = 8192

/** What a file is, and how QEMU would take it as a kernel. */
interface Sniffed {
  readonly content: FileContent
  readonly kernel?: KernelFact
}

/** Undefined when the file cannot be read. Follows no pipe: only plain files are asked. */
export function sniff(path: string): Sniffed | undefined {
  return readSource(path, (source) => (source.bytes === 0 ? { content: 'empty' } : classify(source)))
}

/** Whether a file is ELF with a symbol table. */
export function hasSymbols(path: string): boolean {
  return readSource(path, (source) => readSections(source).sections.some((s) => s.type === SYMTAB)) ?? false
}

/** SHT_SYMTAB. */
const SYMTAB = 2

function readSource<T>(path: string, use: (source: ByteSource) => T): T | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    return use(fileSource(fd, fstatSync(fd).size))
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** Never allocates more than the file has, whatever is asked for. */
function fileSource(fd: number, bytes: number): ByteSource {
  return {
    bytes,
    read: (at, wanted) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(wanted, bytes - at)))
      return buffer.subarray(0, buffer.length === 0 ? 0 : readSync(fd, buffer, 0, buffer.length, at))
    },
  }
}

function classify(source: ByteSource): Sniffed {
  const head = source.read(0, HEAD)
  const kernel = isArchive(head) ? undefined : readKernel(source)
  const content = (kernel && contentOf(kernel, head)) ?? contentOfOther(head, source)
  return { content, ...(kernel ? { kernel } : {}) }
}

const isArchive = (head: Buffer) => archiveOf(head) !== undefined

function contentOf({ protocol, bits, flaws }: KernelFact, head: Buffer): FileContent {
  if (protocol === 'bzimage') return 'linux-bzimage'
  if (protocol === 'zimage') return 'zimage'
  if (protocol === 'multiboot') return beginsAsElf(head) ? 'elf-multiboot' : 'multiboot'
  const isEntered = flaws.every((f) => f.kind !== 'no-entry' && f.kind !== 'refused')
  return isEntered ? 'elf-pvh' : bits === 64 ? 'elf64' : 'elf32'
}

function archiveOf(head: Buffer): FileContent | undefined {
  const begins = (...bytes: readonly number[]) => head.subarray(0, bytes.length).equals(Buffer.from(bytes))
  if (begins(0x51, 0x46, 0x49, 0xfb)) return isQcow2(head) ? 'qcow2' : 'unknown'
  if (begins(0x1f, 0x8b)) return 'gzip'
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) return 'xz'
  return /^07070[12]/.test(head.toString('latin1', 0, 6)) ? 'cpio' : undefined
}

function contentOfOther(head: Buffer, source: ByteSource): FileContent {
  const archive = archiveOf(head)
  if (archive) return archive
  if (isPe(head, source)) return 'pe'
  if (head.length >= 512 && head[510] === 0x55 && head[511] === 0xaa) return 'boot-sector'
  return isText(head) ? 'text' : 'unknown'
}

function isPe(head: Buffer, source: ByteSource): boolean {
  if (head.length < 64 || head.toString('latin1', 0, 2) !== 'MZ') return false
  return source.read(head.readUInt32LE(0x3c), 4).toString('latin1') === 'PE\0\0'
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
