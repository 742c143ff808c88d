/**
 * What a qcow2 image makes QEMU open besides itself. An image from elsewhere can name any file of this computer as its
 * backing file, and the guest reads it. Source: QEMU's `docs/interop/qcow2.rst`.
 */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ImageFile } from '../machine/facts.ts'

const MAGIC = 0x514649fb
const EXTERNAL_DATA = 0x44415441
const END = 0
/** QEMU refuses longer names. */
const LONGEST_NAME = 1023
const LONGEST_HEADER = 64 * 1024
/** Longer chains are not followed; QEMU has no limit, and a circle has no end. */
const LONGEST_CHAIN = 32

/** What one header says. */
export interface Qcow2Header {
  readonly backing?: string
  readonly dataFile?: string
  readonly isEncrypted: boolean
}

/** Undefined when it is no qcow2 header. Pure. */
export function parseQcow2(head: Buffer): Qcow2Header | undefined {
  if (head.length < 72 || head.readUInt32BE(0) !== MAGIC) return undefined
  const version = head.readUInt32BE(4)
  const nameAt = head.readBigUInt64BE(8)
  const nameBytes = head.readUInt32BE(16)
  const isNamed = nameAt !== 0n && nameBytes > 0 && nameBytes <= LONGEST_NAME
  const backing =
    isNamed && nameAt + BigInt(nameBytes) <= BigInt(head.length)
      ? head.toString('utf8', Number(nameAt), Number(nameAt) + nameBytes)
      : undefined
  const dataFile = extensionOf(head, version < 3 || head.length < 104 ? 72 : head.readUInt32BE(100))
  return {
    ...(backing === undefined ? {} : { backing }),
    ...(dataFile === undefined ? {} : { dataFile }),
    isEncrypted: head.readUInt32BE(32) !== 0,
  }
}

/** The name in the header extension for a data file of its own. */
function extensionOf(head: Buffer, start: number): string | undefined {
  for (let at = start; at + 8 <= head.length; ) {
    const type = head.readUInt32BE(at)
    const bytes = head.readUInt32BE(at + 4)
    if (type === END || at + 8 + bytes > head.length) return undefined
    if (type === EXTERNAL_DATA) return head.toString('utf8', at + 8, at + 8 + bytes)
    at += 8 + Math.ceil(bytes / 8) * 8
  }
  return undefined
}

/** Every file that QEMU opens for an image, in the order in which they are found; empty for one that needs no other. */
export function imageFiles(path: string): {
  readonly files: readonly ImageFile[]
  readonly isEncrypted: boolean
} {
  const files: ImageFile[] = []
  const seen = new Set<string>()
  let isEncrypted = false
  const queue = [path]
  for (let image = queue.shift(); image !== undefined && seen.size < LONGEST_CHAIN; image = queue.shift()) {
    if (seen.has(image)) continue
    seen.add(image)
    const header = readHeader(image)
    if (!header) continue
    isEncrypted ||= header.isEncrypted
    for (const role of ['backing', 'dataFile'] as const) {
      const name = header[role]
      if (name === undefined) continue
      const file = fileOf(name, image)
      files.push({
        role,
        of: image,
        name,
        isOutside: file === undefined || isOutside(file, path),
        ...(file ? { file } : {}),
      })
      if (file !== undefined && role === 'backing') queue.push(file)
    }
  }
  return { files, isEncrypted }
}

/** The plain file that a name means; undefined for `json:`, `nbd:` and the like, which may be anything. */
function fileOf(name: string, image: string): string | undefined {
  const plain = name.startsWith('file:') ? name.slice('file:'.length) : name
  // A colon before the first slash makes it a protocol (block.c, path_has_protocol).
  return /^[^/]*:/.test(plain) ? undefined : resolve(dirname(image), plain)
}

/** Links count as what they lead to: an image next to its link to /etc/passwd is no better. */
function isOutside(file: string, image: string): boolean {
  const folder = realOr(dirname(image))
  return !`${realOr(file)}`.startsWith(`${folder}/`)
}

function readHeader(path: string): Qcow2Header | undefined {
  try {
    if (!statSync(path).isFile()) return undefined
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const head = Buffer.alloc(Math.min(fstatSync(fd).size, LONGEST_HEADER))
      return parseQcow2(head.subarray(0, readSync(fd, head, 0, head.length, 0)))
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

function realOr(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
