/** What targets were made from, so that one whose inputs and outputs are all known is skipped while none has changed. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { writeWhole } from '../own-files.ts'

/** One file as it was. */
interface FileStamp {
  readonly size: number
  /** Nanoseconds, as text: they do not fit into a number. */
  readonly mtime: string
  readonly hash: string
}

type Snapshot = Readonly<Record<string, FileStamp | null>>

/** One target as it was last built. */
export interface Stamp {
  /** Hash of the target's description: other commands or other text in a file make it stale. */
  readonly definition: string
  readonly inputs: Snapshot
  readonly outputs: Snapshot
}

export type Stamps = Readonly<Record<string, Stamp>>

/** The file of a project's stamps. */
export const stampsIn = (buildFolder: string): string => join(buildFolder, 'stamps.json')

/** @returns no stamps where there are none, or where they cannot be read: then everything is made again */
export function readStamps(file: string): Stamps {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Stamps
  } catch {
    return {}
  }
}

export function writeStamps(file: string, stamps: Stamps): void {
  writeWhole(file, JSON.stringify(stamps))
}

export function definitionHash(definition: unknown): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex')
}

/**
 * Files as they are now; folders stand for everything in them, and what is not there is null.
 *
 * @param before An earlier snapshot: files whose size and time have not changed since are not read again.
 */
export function takeSnapshot(folder: string, paths: readonly string[], before: Snapshot = {}): Snapshot {
  const snapshot: Record<string, FileStamp | null> = {}
  for (const path of paths) {
    const stat = statSync(resolve(folder, path), { throwIfNoEntry: false })
    if (stat === undefined) snapshot[path] = null
    else if (!stat.isDirectory()) snapshot[path] = stampOf(resolve(folder, path), before[path])
    else Object.assign(snapshot, takeSnapshot(folder, below(resolve(folder, path), path), before))
  }
  return snapshot
}

function below(absolute: string, path: string): readonly string[] {
  return readdirSync(absolute)
    .sort()
    .map((name) => join(path, name))
}

function stampOf(path: string, before: FileStamp | null | undefined): FileStamp {
  const { size, mtimeNs } = statSync(path, { bigint: true })
  const [bytes, mtime] = [Number(size), `${mtimeNs}`]
  if (before?.size === bytes && before.mtime === mtime) return before
  return { size: bytes, mtime, hash: createHash('sha256').update(readFileSync(path)).digest('hex') }
}

/** Whether the same files hold the same content. Times alone do not matter: a clean check-out changes them all. */
export function isSame(one: Snapshot, other: Snapshot): boolean {
  const paths = Object.keys(one)
  return (
    paths.length === Object.keys(other).length &&
    paths.every((path) => path in other && one[path]?.hash === other[path]?.hash)
  )
}

/** Whether a snapshot lacks nothing. */
export function isWhole(snapshot: Snapshot): boolean {
  return Object.values(snapshot).every((stamp) => stamp !== null)
}
