/** The record of a store: who used it last, and whether that ended in good order. Made from its journal. */
import { statSync } from 'node:fs'
import { hostname } from 'node:os'
import { bootId, startTimeOf } from '../host/process-start.ts'
import type { StoreEnd, StoreRecord, StoreUse } from '../machine/facts.ts'
import {
  appendJournal,
  appendJournalDurably,
  type FileIdentity,
  identityOf,
  isSameFile,
  type JournalLine,
  journalPath,
  linesOfNewest,
  readJournal,
  rewriteJournal,
  shapeOf,
  shapesIn,
} from './journal.ts'

/** How many lines a journal may have before it is rewritten without outdated lines. */
const MANY = 200

type Began = Extract<JournalLine, { event: 'began' }>

/** The record of a store; undefined when nothing was ever written down, or the store is not there. */
export function readRecord(store: string, stateFolder: string): StoreRecord | undefined {
  const stats = statSync(store, { throwIfNoEntry: false })
  return stats && recordOf(readJournal(journalPath(store, stateFolder)), identityOf(stats), stats.size)
}

/** Folds a journal into a record of a file that has so many bytes now. */
export function recordOf(
  all: readonly JournalLine[],
  file: FileIdentity,
  bytes: number,
): StoreRecord | undefined {
  const lines = linesOfNewest(all)
  const [first] = shapesIn(lines)
  const known = shapeOf(lines, file, bytes)
  if (!first || !known) return undefined
  const { shape, unfinished } = known
  const begun = lines.filter((l) => l.event === 'began')
  const together = begun.slice(
    Math.max(
      0,
      begun.findLastIndex((began) => !began.joins),
    ),
  )
  return {
    isOfThisFile: isSameFile(shape.file, file),
    madeAt: first.at,
    size: shape.size,
    label: shape.label,
    uses: together.map((began) => useOf(began, lines)),
    ...(unfinished ? { resizingTo: { size: unfinished.size, label: unfinished.label } } : {}),
  }
}

function useOf(began: Began, lines: readonly JournalLine[]): StoreUse {
  const { machine, device, run, at } = began
  const ended = lines.find((l) => l.event === 'ended' && l.run === run)
  const use = { machine, device, run, beganAt: at }
  return ended?.event === 'ended'
    ? { ...use, endedAt: ended.at, end: ended.end }
    : { ...use, ...openEnd(began) }
}

/** What is known without a recorded end: a process can be looked for in this boot of this computer only. */
function openEnd({ pid, startTime, boot, host }: Began): Pick<StoreUse, 'end' | 'host'> {
  if (boot === bootId())
    return { end: startTime !== '' && startTimeOf(pid) === startTime ? 'running' : 'unknown' }
  return host !== undefined && host !== hostname() ? { end: 'elsewhere', host } : { end: 'unknown' }
}

/** Whether it still uses the store, or may do so on another computer. */
const isOpen = ({ end }: StoreUse) => end === 'running' || end === 'elsewhere'

/** The run that used it last; of several at once, the one that began last. */
export function lastUseOf(record: StoreRecord | undefined): StoreUse | undefined {
  return record?.uses.at(-1)
}

/** False when a writer did not end in good order; an unused store is clean. */
export function isClean(record: StoreRecord): boolean {
  return record.uses.every((use) => use.end === 'guest-ended')
}

/** What is recorded about one store at the start of a run. Bytes. */
export interface StoreUseRequest {
  readonly path: string
  readonly device: string
  readonly size: number
  readonly label: number
  /** The file was made for this run. */
  readonly isNew: boolean
  /** No other process may write to it meanwhile, so its journal may be rewritten. */
  readonly isAlone: boolean
}

/** Where and for whom. */
export interface StoreUser {
  readonly machine: string
  readonly run: string
  readonly stateFolder: string
  readonly now?: Date
}

/**
 * Writes down that a machine uses a store from now on. Call it once the store is locked and before the guest runs: a run
 * that is killed afterwards is found unfinished by the next reader.
 *
 * @returns what writes down the end
 * @throws the file system's own error
 */
export function beginUse(
  { path, device, size, label, isNew, isAlone }: StoreUseRequest,
  { machine, run, stateFolder, now = new Date() }: StoreUser,
): (end: StoreEnd, now?: Date) => void {
  const journal = journalPath(path, stateFolder)
  const at = now.toISOString()
  const stats = statSync(path)
  const file = identityOf(stats)
  const lines = readJournal(journal)
  const record = recordOf(lines, file, stats.size)
  if (!record?.isOfThisFile) {
    appendJournal(journal, { event: isNew ? 'made' : 'found', at, size, label, file }, { isDurable: true })
  } else if (size + label === stats.size && (record.size !== size || record.label !== label)) {
    // The file was resized by another program.
    appendJournal(journal, { event: 'found', at, size, label, file })
  } else if (isAlone && lines.length > MANY) {
    const known = shapeOf(lines, file, stats.size)
    rewriteJournal(journal, known ? [known.shape] : [])
  }
  const joins = record?.isOfThisFile === true && record.uses.some(isOpen)
  const { pid } = process
  const who = { pid, startTime: startTimeOf(pid), boot: bootId(), host: hostname() }
  // Not flushed: after the first milliseconds of a run, a power loss finds it unfinished.
  void appendJournalDurably(journal, { event: 'began', at, machine, device, run, joins, ...who })
  // The end may be lost in a power loss: then the store is not called clean though it was.
  return (end, then = new Date()) =>
    appendJournal(journal, { event: 'ended', at: then.toISOString(), run, end })
}
