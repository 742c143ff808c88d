/** Files that images and trees are made of: read from where they lie, written without a half-written one in between. */
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { makeFolder, partialName } from '../../own-files.ts'
import type { FileSource, FileTree } from './image.ts'

/** Bytes of one file. */
export function readSource(source: FileSource, folder: string): Buffer {
  return 'content' in source ? Buffer.from(source.content) : readFileSync(resolve(folder, source.from))
}

/** Size of one file, without reading it. */
export function sizeOf(source: FileSource, folder: string): number {
  return 'content' in source ? Buffer.byteLength(source.content) : statSync(resolve(folder, source.from)).size
}

/** A folder's files as a tree, sorted by path. Links are followed. */
export function treeOf(folder: string): FileTree {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const files = paths.filter((path) => statSync(join(folder, path)).isFile())
  return Object.fromEntries(files.map((path) => [path, { from: join(folder, path) }]))
}

/** Opens a file beside `to`, hands it over, and moves it into place; nothing is left over when that throws. */
export async function replaceFile(
  to: string,
  write: (path: string, fd: number) => void | Promise<void>,
): Promise<void> {
  makeFolder(dirname(to))
  const temporary = partialName(to)
  const fd = openSync(temporary, 'wx', 0o644)
  try {
    await write(temporary, fd)
    renameSync(temporary, to)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

const CHUNK = 4 * 1024 * 1024

/** Copies a file into an open one. Zero blocks are left as holes: images are mostly empty. */
export function copyInto(fd: number, from: string, at: number): number {
  const source = openSync(from, 'r')
  const chunk = Buffer.allocUnsafe(CHUNK)
  try {
    for (let position = 0; ; ) {
      const count = readSync(source, chunk, 0, CHUNK, position)
      if (count === 0) return position
      const piece = chunk.subarray(0, count)
      if (piece.some((byte) => byte !== 0)) writeAll(fd, piece, at + position)
      position += count
    }
  } finally {
    closeSync(source)
  }
}

/** Writes all of it: a single write may be cut short. */
export function writeAll(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
}
