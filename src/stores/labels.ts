/**
 * The label area at the end of a store: where namespaces are written down. QEMU cuts it out of the end of the backing file
 * (docs/nvdimm.txt), so it lies elsewhere as soon as the file has another size.
 */
import { closeSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import type { StoreTail } from '../machine/facts.ts'
import { KiB } from '../units.ts'

/** QEMU's least: "required at least 0x20000". */
export const LEAST_LABEL = 128 * KiB
/** An index block begins with it (UEFI 2.10, 13.19.2), at the very start of the area and once more behind the first block. */
const SIGNATURE = Buffer.from('NAMESPACE_INDEX\0', 'latin1')
/** Larger ones are not in use; searched in steps of the minimum. */
const MOST_LABEL = 2048 * KiB

/** What is at the end of a file of that size. Undefined when it cannot be read. */
export function readTail(path: string, bytes: number): StoreTail | undefined {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return undefined
  }
  try {
    for (let area = LEAST_LABEL; area <= Math.min(MOST_LABEL, bytes); area += LEAST_LABEL)
      if (isIndex(fd, bytes - area)) return { kind: 'labels', bytes: area }
    return { kind: isEmpty(fd, Math.max(0, bytes - LEAST_LABEL), bytes) ? 'empty' : 'data' }
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}

/** One of the two index blocks may be damaged; the second lies behind the first, whose size is a multiple of 256. */
function isIndex(fd: number, at: number): boolean {
  return readAt(fd, at, SIGNATURE.length).equals(SIGNATURE)
}

function isEmpty(fd: number, from: number, to: number): boolean {
  const piece = readAt(fd, from, to - from)
  return piece.equals(Buffer.alloc(piece.length))
}

/** A label area as it is. */
export function readLabels(path: string, at: number, bytes: number): Buffer {
  const fd = openSync(path, 'r')
  try {
    return readAt(fd, at, bytes)
  } finally {
    closeSync(fd)
  }
}

/** Writes there, and waits until it is on the disk. */
export function writeLabels(path: string, at: number, labels: Uint8Array): void {
  const fd = openSync(path, 'r+')
  try {
    for (let done = 0; done < labels.length; )
      done += writeSync(fd, labels, done, labels.length - done, at + done)
    fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function readAt(fd: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, position))
}
