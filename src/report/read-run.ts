/** Reads all that a report shows of one run from its record. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readLines } from '../guest/read-log.ts'
import type { GuestResult } from '../guest/record.ts'
import { SCREEN_FILES } from '../guest/screen-watch.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import { commandLog } from '../runs/command-log.ts'
import type { RunEvent } from '../runs/events.ts'
import {
  folderOfGuest,
  type RunCommand,
  type RunFolder,
  type RunResult,
  type RunSummary,
  readRun,
} from '../runs/record.ts'
import { type Excerpt, readExcerpt, type TimedLine } from './excerpt.ts'

/** One run as a report shows it. Plain data. */
export interface RunReport {
  readonly summary: RunSummary
  readonly plan: RunPlan
  /** Absent while it runs, and after bringup was killed. */
  readonly result?: RunResult
  /** What the user typed; absent of runs that a program started. */
  readonly command?: RunCommand
  /** What happened, without the lines of consoles and commands. */
  readonly events: readonly RunEvent[]
  /** Events that are not in `events`. */
  readonly omittedEvents: number
  readonly guests: readonly GuestReport[]
}

export interface GuestReport {
  readonly plan: GuestPlan
  readonly result?: GuestResult
  readonly console: Excerpt
  /** Output of its command. */
  readonly command: Excerpt
  /** Lines that the guest drew on its screen, and when. */
  readonly drawn: readonly TimedLine[]
  readonly screen?: Screen
}

/** The last screen that was kept. */
interface Screen {
  readonly text: string
  readonly png?: Buffer
  /** Size of a picture that is too large for the report. */
  readonly omittedBytes?: number
}

/** How much of a run is read; guests share it. */
export interface Room {
  /** Bytes of the logs. */
  readonly log: number
  /** Bytes of the pictures of screens. */
  readonly picture: number
  /** Number of events, and of lines that each guest drew. */
  readonly events: number
}

/** @throws BringupError RUN_NOT_FOUND for a record that is incomplete */
export function readRunReport(run: RunFolder, room: Room): RunReport {
  const { summary, plan, result, command } = readRun(run)
  const { events, drawn, omittedEvents } = readEvents(run.events, room.events)
  const share = (bytes: number) => Math.floor(bytes / Math.max(1, plan.guests.length))
  return {
    summary,
    plan,
    ...(result ? { result } : {}),
    ...(command ? { command } : {}),
    events,
    omittedEvents,
    guests: plan.guests.map((guest) => {
      const folder = folderOfGuest(run, guest.guest)
      const ended = result?.guests.find((one) => one.guest === guest.guest)?.result
      const screen = readScreen(folder.path, share(room.picture))
      return {
        plan: guest,
        ...(ended ? { result: ended } : {}),
        console: readExcerpt(folder.consoleLog, share(room.log), folder.consoleTiming),
        command: readExcerpt(commandLog(folder), share(room.log)),
        drawn: drawn.get(guest.guest) ?? [],
        ...(screen ? { screen } : {}),
      }
    }),
  }
}

/** Lines that guests print. bringup writes the keys of an event, so that a guest's text cannot stand there. */
const PRINTED = /^\{"at":\d+,"type":"(?:console|command) line"/

function readEvents(path: string, most: number) {
  const events: RunEvent[] = []
  const drawn = new Map<string, TimedLine[]>()
  const started = new Map<string, number>()
  let omittedEvents = 0
  for (const line of linesIn(path)) {
    const event = PRINTED.test(line) ? undefined : parseEvent(line)
    if (event === undefined) continue
    if (event.type === 'guest started') started.set(event.guest, event.at)
    if (event.type === 'screen line') {
      const lines = drawn.get(event.guest) ?? []
      const from = started.get(event.guest)
      if (lines.length < most)
        lines.push({ text: event.line, ...(from === undefined ? {} : { atMs: event.at - from }) })
      drawn.set(event.guest, lines)
    } else if (events.length < most || event.type === 'run ended' || event.type === 'guest ended')
      events.push(event)
    else omittedEvents++
  }
  return { events, drawn, omittedEvents }
}

function* linesIn(path: string): Generator<string> {
  try {
    yield* readLines(path)
  } catch {
    // A run that is starting, or one whose disk was full, has none.
  }
}

/** The last line of a run that was killed may be incomplete. */
function parseEvent(line: string): RunEvent | undefined {
  try {
    const event = JSON.parse(line) as RunEvent
    return typeof event.at === 'number' && typeof event.type === 'string' ? event : undefined
  } catch {
    return undefined
  }
}

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47])
/** A screen has 25 lines, or a few hundred. */
const MOST_SCREEN_TEXT = 64 * 1024

function readScreen(folder: string, most: number): Screen | undefined {
  const text = readUpTo(join(folder, SCREEN_FILES.text), MOST_SCREEN_TEXT)
  const path = join(folder, SCREEN_FILES.picture)
  const picture = readUpTo(path, most)
  const words = Buffer.isBuffer(text) ? text.toString().trimEnd() : ''
  if (picture === undefined) return words === '' ? undefined : { text: words }
  if (!Buffer.isBuffer(picture)) return { text: words, omittedBytes: picture.bytes }
  return { text: words, ...(picture.subarray(0, 4).equals(PNG) ? { png: picture } : {}) }
}

interface TooLarge {
  readonly bytes: number
}

/** The file, or its size where it is larger. */
function readUpTo(path: string, most: number): Buffer | TooLarge | undefined {
  try {
    const { size } = statSync(path)
    return size > most ? { bytes: size } : readFileSync(path)
  } catch {
    return undefined
  }
}
