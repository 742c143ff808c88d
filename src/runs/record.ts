/** The record of a run: a folder that says what was planned, what happened, and how each guest ended. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import {
  diagnosticSchema,
  type GuestFolder,
  guestFolderAt,
  makeGuestFolder,
  recordText,
  resultSchema,
  saveResult,
} from '../guest/record.ts'
import { foreignOwner } from '../host/intruder.ts'
import { startTimeOf } from '../host/process-start.ts'
import { makeFolder, OWN_FILE, OWN_FOLDER } from '../own-files.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import { timedName } from '../random-name.ts'

export const problems = defineDiagnostics({
  RUN_FOLDER_NOT_MADE: {
    title: 'The folder for the record of a run could not be created or written.',
    why: 'every run writes a record',
    remedy:
      'free space on the disk, or make the project folder writable; --state DIR keeps the state elsewhere',
  },
  RUN_NOT_FOUND: {
    title: 'The project has no run with that name.',
    why: 'run ids are names of folders below `.bringup/runs`',
    remedy: '`bringup runs` lists them; `last` means the newest',
  },
  RUN_UNREADABLE: {
    title: 'The record of a run cannot be read.',
    why: 'a file in its folder was edited, or was written only in part',
    remedy: 'delete that folder, or restore the file',
  },
  RUN_NAME_TAKEN: {
    title: 'A run with that name is running.',
    why: 'a name stands for one run at a time',
    remedy: 'choose another name, or stop that run: `bringup stop NAME`',
  },
  RUN_GOES_ON: {
    title: 'The record of a running run cannot be deleted.',
    why: 'the process that owns the run still writes to it',
    remedy: 'end it first: `bringup stop`',
  },
  RUN_ELSEWHERE: {
    title: 'The record of a run of another computer, which has no result, cannot be deleted.',
    why: 'whether the run goes on can be seen on that computer alone',
    remedy: 'delete it there; once it has ended, such as with a job that was killed: bringup rm --force RUN',
  },
  RUN_GUEST_UNKNOWN: {
    title: 'The run has no guest of that name.',
    why: 'each guest of a run has a folder of its own in the record',
    remedy: 'name one of the guests in the message',
  },
})

/** `result.json` of a run: its verdict, and how each guest ended. Times are milliseconds. */
export const runResultSchema = z.lazy(() =>
  z.object({
    verdict: resultSchema.unwrap().shape.verdict,
    /** Exit code of the bringup process for this run. */
    exitCode: z.int(),
    meaning: z.string(),
    /** Every finding: those about the run, then those of its guests. */
    diagnostics: z.array(diagnosticSchema),
    guests: z.array(
      z.object({
        guest: z.string(),
        /** Whether the run's verdict depends on it. */
        counts: z.boolean(),
        /** Absent for a guest that was never started. */
        result: resultSchema.optional(),
      }),
    ),
    timings: resultSchema.unwrap().shape.timings,
    folder: z.string(),
  }),
)
export type RunResult = z.output<typeof runResultSchema>

/**
 * A line of `bringup runs`. `abandoned`: bringup was killed before it could write a result. `elsewhere`: another computer
 * with the same folder started it, and it has no result so far; whether it still runs can be seen there alone.
 */
export interface RunSummary {
  readonly id: string
  readonly folder: string
  readonly startedAt: string
  /** What the user calls it. */
  readonly label?: string
  /** Id of the sweep that it is part of. */
  readonly sweep?: string
  /** Name of the machine, or of the rack. */
  readonly name: string
  readonly guests: readonly string[]
  /** Profiles of its guests, each once. */
  readonly profiles: readonly string[]
  readonly verdict: RunResult['verdict'] | 'running' | 'abandoned' | 'elsewhere'
  /** Name of that computer. */
  readonly host?: string
  readonly exitCode?: number
  readonly totalMs?: number
  readonly meaning?: string
}

/** The command line that started a run. */
export interface RunCommand {
  readonly argv: readonly string[]
  /** Folder that it was started in. */
  readonly folder: string
}

/** Paths inside the folder of one run. */
export interface RunFolder {
  readonly id: string
  readonly path: string
  /** Every event, a JSON line each. */
  readonly events: string
}

const FILES = { run: 'run.json', plan: 'plan.json', result: 'result.json', events: 'events.jsonl' } as const

function folderAt(path: string, id: string): RunFolder {
  return { id, path, events: join(path, FILES.events) }
}

/** The folder of one guest. */
export function folderOfGuest({ id, path }: RunFolder, guest: string): GuestFolder {
  return guestFolderAt(join(path, 'guests', fileName(guest)), id, guest)
}

/**
 * Names of machines are free text: what is no plain file name is encoded, and a long one cut. The sign is `=`, since
 * QEMU takes `%` in the path of its log for a template.
 */
function fileName(guest: string): string {
  return encodeURIComponent(guest)
    .replace(/^\.+/, (dots) => '%2E'.repeat(dots.length))
    .replaceAll('%', '=')
    .slice(0, LONGEST_NAME)
}

/** Names of guests of racks are shorter, so that no two of one run become the same. */
const LONGEST_NAME = 150

/**
 * Makes a new run folder with one for each guest; the name has the time and random bits, and `mkdir` refuses a name that
 * is taken, so that runs side by side use different folders.
 *
 * @throws BringupError RUN_FOLDER_NOT_MADE, RUN_NAME_TAKEN
 */
export function createRun(
  stateFolder: string,
  plan: RunPlan,
  { now = new Date(), ...names }: { readonly now?: Date } & Names = {},
): RunFolder {
  refuseTakenLabel(stateFolder, names.label)
  const id = timedName(now)
  const run = folderAt(join(stateFolder, 'runs', id), id)
  let isMade = false
  try {
    const owner = foreignOwner(stateFolder)
    if (owner !== undefined) throw new Error(`${stateFolder} belongs to ${owner}`)
    makeFolder(join(stateFolder, 'runs'))
    mkdirSync(run.path, { mode: OWN_FOLDER })
    isMade = true
    mkdirSync(join(run.path, 'guests'), { mode: OWN_FOLDER })
    for (const { guest } of plan.guests) makeGuestFolder(folderOfGuest(run, guest))
    write(run, FILES.run, aboutRun(plan, now, names))
    write(run, FILES.plan, plan)
  } catch (cause) {
    if (isMade) rmSync(run.path, { recursive: true, force: true })
    throw new BringupError(
      [problems.RUN_FOLDER_NOT_MADE.at('', `${run.path}: ${(cause as Error).message}`)],
      { cause },
    )
  }
  return run
}

/** @throws BringupError RUN_NAME_TAKEN */
function refuseTakenLabel(stateFolder: string, label: string | undefined): void {
  if (label === undefined) return
  const taken = listRuns(stateFolder).find((run) => run.label === label && run.verdict === 'running')
  if (taken)
    throw new BringupError([
      problems.RUN_NAME_TAKEN.at('--name', `run ${taken.id} is called "${label}" and is running`),
    ])
}

/** What starts a run says of it. */
interface Names {
  readonly label?: string | undefined
  readonly sweep?: string | undefined
  readonly command?: RunCommand | undefined
}

/** `run.json`. The process that owns the run is the one that writes its result. */
interface About {
  /** What the user calls it: `run --name`. */
  readonly label?: string
  readonly sweep?: string
  readonly name: string
  readonly guests: readonly string[]
  readonly profiles: readonly string[]
  /** What the user typed. Absent where a program started the run. */
  readonly command?: RunCommand
  readonly startedAt: string
  /** Absent in records of older versions. */
  readonly host?: string
  readonly pid: number
  readonly startTime: string
}

function aboutRun({ name, guests }: RunPlan, now: Date, { label, sweep, command }: Names): About {
  return {
    ...(label === undefined ? {} : { label }),
    ...(sweep === undefined ? {} : { sweep }),
    name,
    guests: guests.map(({ guest }) => guest),
    profiles: [...new Set(guests.map(({ profile }) => profile))],
    ...(command === undefined ? {} : { command }),
    startedAt: now.toISOString(),
    host: hostname(),
    pid: process.pid,
    startTime: startTimeOf(process.pid),
  }
}

/** Writes the result of the run, whole or not at all. */
export function saveRunResult(run: RunFolder, result: RunResult): void {
  saveResult(run, result)
}

/** Every recorded run, oldest first. */
export function listRuns(stateFolder: string): readonly RunSummary[] {
  const folder = join(stateFolder, 'runs')
  return namesIn(folder).flatMap((id) => {
    const summary = summarize(folderAt(join(folder, id), id))
    return summary ? [summary] : []
  })
}

/**
 * One run: by its name, the newest of that name; by id, by a unique beginning or end of it; or `last`.
 *
 * @throws BringupError RUN_NOT_FOUND
 */
export function findRun(stateFolder: string, wanted: string): RunFolder {
  const folder = join(stateFolder, 'runs')
  const names = namesIn(folder)
  const labelled = () =>
    names.findLast((id) => read<About>(folderAt(join(folder, id), id), FILES.run)?.label === wanted)
  const exact = wanted === 'last' ? names.at(-1) : (names.find((n) => n === wanted) ?? labelled())
  const partial = names.filter((n) => n.startsWith(wanted) || n.endsWith(wanted))
  const id = exact ?? (partial.length === 1 ? partial[0] : undefined)
  if (id !== undefined) return folderAt(join(folder, id), id)
  const what = partial.length > 1 ? `"${wanted}" means ${partial.length} runs` : `there is no run "${wanted}"`
  throw new BringupError([problems.RUN_NOT_FOUND.at('', what)])
}

/** The run of that id, without a look at all others; undefined where it was deleted or lies on another computer. */
export function runOfId(stateFolder: string, id: string): RunFolder | undefined {
  const path = join(stateFolder, 'runs', id)
  return existsSync(path) ? folderAt(path, id) : undefined
}

/**
 * The folder of one guest of a run; without a name that of its only guest.
 *
 * @throws BringupError RUN_GUEST_UNKNOWN
 */
export function findGuest(run: RunFolder, name: string | undefined): GuestFolder {
  const names = readAbout(run)?.guests ?? []
  const found = name ?? (names.length === 1 ? names[0] : undefined)
  if (found !== undefined && names.includes(found)) return folderOfGuest(run, found)
  const what = name === undefined ? `the run has ${names.length} guests` : `no guest is named "${name}"`
  throw new BringupError([problems.RUN_GUEST_UNKNOWN.at('', `${what}: ${names.join(', ')}`)])
}

/**
 * Everything recorded about one run. `result` is missing while it runs and after bringup was killed.
 *
 * @throws BringupError RUN_UNREADABLE with the file
 */
export function readRun(run: RunFolder): {
  readonly summary: RunSummary
  readonly plan: RunPlan
  readonly result?: RunResult
  readonly command?: RunCommand
} {
  const summary = summarize(run)
  if (!summary) throw unreadable(run, FILES.run)
  const plan = read<RunPlan>(run, FILES.plan)
  if (!Array.isArray(plan?.guests)) throw unreadable(run, FILES.plan)
  const hasResult = existsSync(join(run.path, FILES.result))
  const result = hasResult ? runResultSchema.safeParse(read<unknown>(run, FILES.result)) : undefined
  if (result?.success === false) throw unreadable(run, FILES.result)
  const command = readAbout(run)?.command
  return {
    summary,
    plan,
    ...(result === undefined ? {} : { result: result.data }),
    ...(command === undefined ? {} : { command }),
  }
}

const unreadable = ({ path }: RunFolder, file: string) => {
  const what = `${join(path, file)} is ${existsSync(join(path, file)) ? 'not a record of a run' : 'missing'}`
  return new BringupError([problems.RUN_UNREADABLE.at('', what)])
}

/** Deletes the record of a run that has ended. */
export function removeRun({ path }: Pick<RunFolder, 'path'>): void {
  rmSync(path, { recursive: true, force: true })
}

/** Deletes all but the newest `keep` runs that have ended. Returns what was deleted. */
export function pruneRuns(stateFolder: string, keep: number): readonly RunSummary[] {
  const done = listRuns(stateFolder).filter((r) => r.verdict !== 'running' && r.verdict !== 'elsewhere')
  const gone = done.slice(0, Math.max(0, done.length - keep))
  for (const run of gone) rmSync(run.folder, { recursive: true, force: true })
  return gone
}

function summarize(run: RunFolder): RunSummary | undefined {
  const about = readAbout(run)
  if (!about) return undefined
  const result = readResult(run)
  const { label, sweep, name, guests, profiles, startedAt, host, pid, startTime } = about
  const named = { ...(label === undefined ? {} : { label }), ...(sweep === undefined ? {} : { sweep }) }
  const common = { id: run.id, folder: run.path, startedAt, ...named, name, guests, profiles }
  if (!result && host !== undefined && host !== hostname()) return { ...common, verdict: 'elsewhere', host }
  if (!result) return { ...common, verdict: startTimeOf(pid) === startTime ? 'running' : 'abandoned' }
  const { verdict, exitCode, timings, meaning } = result
  return { ...common, verdict, exitCode, totalMs: timings.totalMs, meaning }
}

/** Undefined where the file is missing or is no such record. */
function readAbout(run: RunFolder): About | undefined {
  const about = read<Partial<About>>(run, FILES.run)
  const isList = (value: unknown) =>
    Array.isArray(value) && value.every((one: unknown) => typeof one === 'string')
  const isWhole =
    typeof about?.name === 'string' &&
    typeof about.startedAt === 'string' &&
    isList(about.guests) &&
    isList(about.profiles)
  return isWhole ? (about as About) : undefined
}

/** What a summary needs of it is there. */
function readResult(run: RunFolder): RunResult | undefined {
  const result = read<Partial<RunResult>>(run, FILES.result)
  const isWhole = typeof result?.verdict === 'string' && typeof result.timings?.totalMs === 'number'
  return isWhole ? (result as RunResult) : undefined
}

/** Files of runs that are there and cannot be read: what is known of those runs is incomplete. */
export function unreadableFiles(stateFolder: string): readonly string[] {
  const folder = join(stateFolder, 'runs')
  return namesIn(folder).flatMap((id) => {
    const run = folderAt(join(folder, id), id)
    const wrong = [...(readAbout(run) ? [] : [FILES.run]), ...(readResult(run) ? [] : [FILES.result])]
    return wrong.map((file) => join(run.path, file)).filter((path) => existsSync(path))
  })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((n) => !n.startsWith('.'))
      .sort()
  } catch {
    return []
  }
}

function write(run: RunFolder, file: string, value: unknown): void {
  writeFileSync(join(run.path, file), recordText(value), { mode: OWN_FILE, flag: 'wx' })
}

function read<T>(run: RunFolder, file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(run.path, file), 'utf8')) as T
  } catch {
    return undefined
  }
}
