/** Files that others wrote: of any size, or unreadable. */
import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs'

/** Undefined for a missing file, a loop of links, and a folder that may not be entered. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

/** The first bytes of a file; undefined for an unreadable one. */
export function readStart(path: string, mostBytes: number): Buffer | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const buffer = Buffer.alloc(Math.min(mostBytes, statOf(path)?.size ?? 0))
    return buffer.subarray(0, readSync(fd, buffer))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
