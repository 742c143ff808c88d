/**
 * What is written down about a store: a file of JSON lines beside it. Lines are only appended, each by one write, so that
 * machines that share a store need no lock for it, and SIGKILL leaves what was written before.
 */

import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { StoreEnd } from '../machine/facts.ts'
import { makeFolder, OWN_FILE, writeWhole } from '../own-files.ts'

/** Which file it is about, so that a copy is not taken for the original. */
export interface FileIdentity {
  readonly device: number
  readonly inode: number
  /** Birth time in milliseconds; 0 where the file system has none. Steadier than device numbers, which change with a reboot. */
  readonly bornMs: number
}

/** Size and label area, of that very file. */
interface Geometry {
  readonly at: string
  readonly size: number
  readonly label: number
  readonly file: FileIdentity
}

export type JournalLine =
  /** `made`: by bringup. `found`: it was there before bringup first used it. `resized`: from now on so. */
  | ({ readonly event: 'made' | 'found' | 'resized' } & Geometry)
  /**
   * What the store will be by one system call: the file has the old size or the new one. `as`: the file that is to
   * replace it. `labels`: written by older versions, which moved the label area, deflated, in base64, by several calls.
   */
  | {
      readonly event: 'resizing'
      readonly at: string
      readonly size: number
      readonly label: number
      readonly as?: FileIdentity
      readonly labels?: string
    }
  | {
      readonly event: 'began'
      readonly at: string
      readonly machine: string
      readonly device: string
      readonly run: string
      /** Others used it at that time. */
      readonly joins: boolean
      /** The bringup process: QEMU does not outlive it. */
      readonly pid: number
      readonly startTime: string
      readonly boot: string
      /** Name of the computer; absent in lines of older versions. */
      readonly host?: string
    }
  | { readonly event: 'ended'; readonly at: string; readonly run: string; readonly end: StoreEnd }

type Resizing = Extract<JournalLine, { event: 'resizing' }>

/** A line that says what the store is from then on. */
export type Shape = Extract<JournalLine, { readonly file: FileIdentity }>

export function shapesIn(lines: readonly JournalLine[]): readonly Shape[] {
  return lines.filter((line): line is Shape => 'file' in line)
}

/**
 * Where the journal of a store is: beside the file, so that it is copied and moved along with it; in the state folder
 * for devices, and for files in folders that this user may not write to.
 */
export function journalPath(store: string, stateFolder: string): string {
  const path = realpathOr(store)
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats?.isCharacterDevice() && mayWriteIn(dirname(path))) return `${path}.bringup.jsonl`
  const name = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return join(stateFolder, 'stores', '.records', `${name}.jsonl`)
}

/** Every line that can be read; a truncated last line is omitted. */
export function readJournal(path: string): readonly JournalLine[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    try {
      const value = JSON.parse(line) as unknown
      return isLine(value) ? [value] : []
    } catch {
      return []
    }
  })
}

/** A link under the name of a record is not the record. */
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
const APPEND = O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW

/** Adds one line, which other processes see at once. Unless it is durable, a power loss may take it away. */
export function appendJournal(path: string, line: JournalLine, { isDurable = false } = {}): void {
  makeFolder(dirname(path))
  const fd = openSync(path, APPEND, OWN_FILE)
  try {
    writeFileSync(fd, `${JSON.stringify(line)}\n`)
    if (isDurable) fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The same; the line is on the disk once the returned promise resolves. What goes wrong before is thrown at once. */
export function appendJournalDurably(path: string, line: JournalLine): Promise<void> {
  appendJournal(path, line)
  const fd = openSync(path, 'r')
  return new Promise((resolve) => {
    fdatasync(fd, () => {
      closeSync(fd)
      resolve()
    })
  })
}

/** Replaces the journal by these lines, all or none. Only for the holder of the store. */
export function rewriteJournal(path: string, lines: readonly JournalLine[]): void {
  writeWhole(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { isDurable: true })
}

/** The lines about the newest file of that name: a store that was replaced leaves those about the old one before them. */
export function linesOfNewest(lines: readonly JournalLine[]): readonly JournalLine[] {
  let last: Shape | undefined
  let from = 0
  for (const [index, line] of lines.entries()) {
    if (!('file' in line)) continue
    if (line.event === 'made' || (line.event === 'found' && last && !isSameFile(line.file, last.file)))
      from = index
    last = line
  }
  return lines.slice(from)
}

/** What the store is: its last shape, or what a resize made of it that was killed before it wrote that down. */
export function shapeOf(
  lines: readonly JournalLine[],
  file: FileIdentity,
  bytes: number,
): { readonly shape: Shape; readonly unfinished?: Resizing } | undefined {
  const last = shapesIn(lines).at(-1)
  if (!last) return undefined
  const begun = lines.slice(lines.indexOf(last)).filter((line): line is Resizing => line.event === 'resizing')
  const newest = begun.at(-1)
  if (newest?.labels !== undefined) return { shape: last, unfinished: newest }
  // Not only the newest: one resize may have been killed after it was done, and the next one before.
  const done = begun.findLast(({ size, label, as }) =>
    as ? isSameFile(as, file) : isSameFile(last.file, file) && bytes === size + label,
  )
  if (!done) return { shape: last }
  const { at, size, label } = done
  return { shape: { event: 'resized', at, size, label, file } }
}

export function identityOf({
  dev,
  ino,
  birthtimeMs,
}: Pick<Stats, 'dev' | 'ino' | 'birthtimeMs'>): FileIdentity {
  return { device: dev, inode: ino, bornMs: Math.floor(birthtimeMs) }
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  if (a.inode !== b.inode) return false
  return a.bornMs > 0 && b.bornMs > 0 ? a.bornMs === b.bornMs : a.device === b.device
}

/** The file is untrusted: what does not have the shape of a line is skipped. */
function isLine(value: unknown): value is JournalLine {
  if (typeof value !== 'object' || value === null) return false
  const { event, at, size, label, file, run, machine, device, end, host } = value as Record<string, unknown>
  const isText = (...values: readonly unknown[]) => values.every((v) => typeof v === 'string')
  const isCount = (...values: readonly unknown[]) =>
    values.every((v) => Number.isSafeInteger(v) && Number(v) >= 0)
  if (!isText(event, at)) return false
  if (event === 'made' || event === 'found' || event === 'resized')
    return isCount(size, label) && typeof file === 'object' && file !== null
  if (event === 'resizing') return isCount(size, label)
  if (event === 'began') return isText(run, machine, device) && (host === undefined || isText(host))
  return event === 'ended' && isText(run, end)
}

function mayWriteIn(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function realpathOr(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}
