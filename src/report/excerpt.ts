/** The start and the end of a log, with the time of each line. A guest may have made the log as long as it liked. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { readLines } from '../guest/read-log.ts'
import { cut, logLine } from '../guest-text.ts'

export interface TimedLine {
  /** Since the guest's machine was started. Absent where the record does not say it. */
  readonly atMs?: number
  readonly text: string
}

export interface Excerpt {
  /** Size of the whole log. */
  readonly bytes: number
  readonly start: readonly TimedLine[]
  /** What is between `start` and `end` and not shown. */
  readonly omittedBytes: number
  /** Empty where `start` is all of it. */
  readonly end: readonly TimedLine[]
}

export const EMPTY: Excerpt = { bytes: 0, start: [], omittedBytes: 0, end: [] }

/** Share of the room that the start of a log gets. The reason of a failure is at its end. */
const START_SHARE = 0.25
/** A longer line is cut. */
const LONGEST_LINE = 2000
/** Times of a log are not read beyond that: a guest that prints single bytes makes them longer than the log. */
const MOST_TIMING_BYTES = 32 * 1024 * 1024

/** Where a chunk of the log begins, and when it came. */
interface Chunk {
  readonly from: number
  readonly atMs: number
}

/**
 * Reads a log in which lines are drawn as a screen shows them.
 *
 * @param room Bytes of the log that are read at most
 * @param timingPath File of `seconds bytes` for each chunk; without it lines have no time
 */
export function readExcerpt(path: string, room: number, timingPath?: string): Excerpt {
  const file = openOrUndefined(path)
  if (file === undefined) return EMPTY
  try {
    const { size } = fstatSync(file)
    const startBytes = size <= room ? size : Math.floor(room * START_SHARE)
    const endFrom = size <= room ? size : size - (room - startBytes)
    const chunks = timingPath === undefined ? [] : readTimes(timingPath, startBytes, endFrom)
    const start = linesOf(read(file, 0, startBytes), 0, chunks, { isCutAtEnd: endFrom > startBytes })
    const end = linesOf(read(file, endFrom, size), endFrom, chunks, { isCutAtStart: endFrom > startBytes })
    return { bytes: size, start, omittedBytes: endFrom - startBytes, end }
  } finally {
    closeSync(file)
  }
}

function openOrUndefined(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

function read(file: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, to - from))
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from))
}

/** Chunks that overlap the bytes up to `before` or those from `after` on. */
function readTimes(path: string, before: number, after: number): readonly Chunk[] {
  const chunks: Chunk[] = []
  let [from, atMs, readBytes] = [0, 0, 0]
  try {
    if (statSync(path).size === 0) return []
    for (const line of readLines(path)) {
      readBytes += line.length + 1
      if (readBytes > MOST_TIMING_BYTES) break
      const [seconds = Number.NaN, count = Number.NaN] = line.split(' ').map(Number)
      if (!(seconds >= 0 && count > 0)) continue
      atMs += seconds * 1000
      if (from < before || from + count > after) chunks.push({ from, atMs })
      from += count
    }
  } catch {
    // Records of other versions have no times.
  }
  return chunks
}

interface Cuts {
  /** The last line goes on beyond the bytes. */
  readonly isCutAtEnd?: boolean
  /** The first line begins before them. */
  readonly isCutAtStart?: boolean
}

const NEWLINE = 10

function linesOf(
  bytes: Buffer,
  offset: number,
  chunks: readonly Chunk[],
  { isCutAtEnd = false, isCutAtStart = false }: Cuts,
): readonly TimedLine[] {
  const lines: TimedLine[] = []
  let at = isCutAtStart && bytes.includes(NEWLINE) ? bytes.indexOf(NEWLINE) + 1 : 0
  let chunk = 0
  while (at < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline === -1 ? bytes.length : newline
    if (newline === -1 && isCutAtEnd && lines.length > 0) break
    while ((chunks[chunk + 1]?.from ?? Number.POSITIVE_INFINITY) <= offset + at) chunk++
    const atMs = chunks[chunk]?.atMs
    const time = atMs === undefined ? {} : { atMs }
    for (const text of logLine(bytes.toString('utf8', at, end)).split('\n'))
      lines.push({ ...time, text: cut(text, LONGEST_LINE) })
    at = end + 1
  }
  return lines
}

/** The excerpt with fewer lines, so that it takes at most `room`; `costOf` says what a line takes. */
export function fitted(excerpt: Excerpt, room: number, costOf: (line: TimedLine) => number): Excerpt {
  const all = [...excerpt.start, ...excerpt.end]
  const whole = all.reduce((sum, line) => sum + costOf(line), 0)
  if (whole <= room) return excerpt
  const isSplit = excerpt.end.length > 0
  const start = taken(excerpt.start, room * START_SHARE, costOf)
  const rest = isSplit ? excerpt.end : excerpt.start.slice(start.length)
  const end = taken(rest.toReversed(), room * (1 - START_SHARE), costOf).toReversed()
  const shown = [...start, ...end].reduce((sum, { text }) => sum + text.length + 1, 0)
  return { ...excerpt, start, end, omittedBytes: Math.max(1, excerpt.bytes - shown) }
}

function taken(
  lines: readonly TimedLine[],
  room: number,
  costOf: (line: TimedLine) => number,
): readonly TimedLine[] {
  let cost = 0
  const over = lines.findIndex((line) => {
    cost += costOf(line)
    return cost > room
  })
  return over === -1 ? lines : lines.slice(0, over)
}
