/**
 * The record of a sweep: the folder `.bringup/sweeps/ID`. `sweep.json` says what was planned and is written once, before
 * the first cell runs. `attempts/` has one file for each attempt that has ended: processes on several computers write
 * there at the same time, and a sweep that was killed resumes from what is there.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { diagnosticSchema, recordText } from '../guest/record.ts'
import { startTimeOf } from '../host/process-start.ts'
import { makeFolder, OWN_FOLDER, writeNew, writeWhole } from '../own-files.ts'

export const problems = defineDiagnostics({
  SWEEP_NOT_FOUND: {
    title: 'The project has no sweep of that id or name.',
    why: 'ids of sweeps are names of folders below `.bringup/sweeps`',
    remedy: '`bringup sweep list` lists them; `last` means the newest',
  },
  SWEEP_UNREADABLE: {
    title: 'The record of a sweep cannot be read by this version.',
    why: 'the record is damaged, or another version of bringup wrote it',
    remedy: 'delete it: `bringup sweep rm ID`',
  },
})

/** A value of an axis, as the config has it. */
const valueSchema = z.lazy(() => z.json())
export type AxisValue = z.output<typeof valueSchema>

/** One dimension of the matrix. */
const axisSchema = z.lazy(() =>
  z.object({
    /** What varies: a path in a machine (`numa`, `devices.pm0.size`), `kernel`, `qemu`, or a path in a rack. */
    path: z.string(),
    values: z.array(valueSchema),
  }),
)
export type Axis = z.output<typeof axisSchema>

/** One cell of the matrix: a machine or a rack with one value of each axis. */
const cellSchema = z.lazy(() =>
  z.object({
    /** Short digest of the values: the same in every sweep that has this cell. */
    key: z.string().regex(/^[0-9a-f]{12}$/),
    /** For people: `numa=4, devices.pm0.size=1G`. */
    label: z.string(),
    /** Value of each axis, by its path. */
    values: z.record(z.string(), valueSchema),
    /** Digest of all that decides the outcome: QEMU, its arguments, the files, the command. Absent for an impossible cell. */
    input: z.string().optional(),
    /** What it needs of a computer while it runs. */
    cores: z.number(),
    bytes: z.number(),
    /** Errors of its plan: the cell cannot be run. Empty for all others. */
    impossible: z.array(diagnosticSchema),
  }),
)
export type Cell = z.output<typeof cellSchema>

/** Where a measured number comes from. */
const metricSchema = z.lazy(() =>
  z.object({
    name: z.string(),
    /** A path in the result (`timings.runMs`), or the source of a regular expression with one group. */
    kind: z.enum(['path', 'pattern']),
    source: z.string(),
    /** File in the folder of the guest that a pattern is searched in. Default: console, command and channels. */
    file: z.string().optional(),
    /** Guest of a rack. Default: the first that has the number. */
    guest: z.string().optional(),
    unit: z.string().optional(),
    /** Which direction is an improvement; unknown: a change is shown without judging it. */
    better: z.enum(['lower', 'higher']).optional(),
  }),
)
export type Metric = z.output<typeof metricSchema>

/** `sweep.json`. Times are ISO 8601, durations milliseconds. */
const sweepSchema = z.lazy(() =>
  z.object({
    format: z.literal(1),
    id: z.string(),
    /** Name in the config. */
    name: z.string(),
    summary: z.string().optional(),
    target: z.object({ kind: z.enum(['machine', 'rack']), name: z.string() }),
    axes: z.array(axisSchema),
    /** Every cell but those that `except` or `--only` excludes, in the order of the axes. */
    cells: z.array(cellSchema),
    /** How often each cell is run. */
    repeat: z.int(),
    command: z.array(z.string()),
    metrics: z.array(metricSchema),
    /** Kept as a baseline under that label. */
    label: z.string().optional(),
    /** Sweep that its numbers are compared with: an id, a name, or the label of a baseline. */
    compareWith: z.string().optional(),
    /** Limits the cells: `--only`. */
    only: z.string().optional(),
    /** Order of the runs was drawn with this seed. */
    seed: z.int().optional(),
    /** Where it runs. */
    executor: z.string(),
    /** Runs at a time. */
    jobs: z.int(),
    startedAt: z.string(),
    /** When that process was done with it. Absent while it runs, and where it was killed. */
    endedAt: z.string().optional(),
    /** Process that runs it, or ran it last. */
    owner: z.object({ host: z.string(), pid: z.int(), startTime: z.string() }),
    bringup: z.string(),
  }),
)
export type SweepRecord = z.output<typeof sweepSchema>

/**
 * How an attempt ended: the verdicts of a run, and two that say nothing about the guest. `preempted`: the cluster took the
 * node away. `lost`: the process that ran it disappeared, because the node went down or its disk was full.
 */
const attemptVerdictSchema = z.enum([
  'passed',
  'failed',
  'crashed',
  'timed-out',
  'machine-failed',
  'interrupted',
  'preempted',
  'lost',
])
export type AttemptVerdict = z.output<typeof attemptVerdictSchema>

/** `attempts/KEY-REPEAT-ATTEMPT.json`: one run of one cell. */
const attemptSchema = z.lazy(() =>
  z.object({
    /** Key of the cell. */
    cell: z.string(),
    /** Which repeat: 1 and up. */
    repeat: z.int().min(1),
    /** 1 for the first, more for those after `--resume`, preemption or loss. */
    attempt: z.int().min(1),
    /** Digest of the input that it ran with; see `cells[].input`. */
    input: z.string(),
    /** Files that were not, or not during the whole run, what they were when the sweep was planned. */
    changed: z.array(z.string()).optional(),
    verdict: attemptVerdictSchema,
    exitCode: z.int().optional(),
    meaning: z.string(),
    /** Codes of its findings, each once. */
    findings: z.array(z.string()),
    /** Id of its run in `.bringup/runs`; absent where none was made. */
    run: z.string().optional(),
    /** Values of metrics, by name. Those that were not found are absent. */
    metrics: z.record(z.string(), z.number()),
    startedAt: z.string(),
    /** From the start of the attempt to its end. */
    totalMs: z.number(),
    /** Computer that it ran on. */
    host: z.string(),
    /** What the executor calls it: the job of a cluster. */
    job: z.string().optional(),
  }),
)
export type Attempt = z.output<typeof attemptSchema>

/** Paths in the folder of a sweep. */
export interface SweepFolder {
  readonly id: string
  readonly path: string
}

const RECORD = 'sweep.json'
const ATTEMPTS = 'attempts'

const sweepsFolder = (stateFolder: string) => join(stateFolder, 'sweeps')

export function sweepFolderAt(stateFolder: string, id: string): SweepFolder {
  return { id, path: join(sweepsFolder(stateFolder), id) }
}

/** Makes the folder of a new sweep and writes its record. */
export function createSweep(stateFolder: string, record: SweepRecord): SweepFolder {
  const folder = sweepFolderAt(stateFolder, record.id)
  makeFolder(sweepsFolder(stateFolder))
  mkdirSync(folder.path, { mode: OWN_FOLDER })
  mkdirSync(join(folder.path, ATTEMPTS), { mode: OWN_FOLDER })
  saveSweep(folder, record)
  return folder
}

export function saveSweep({ path }: SweepFolder, record: SweepRecord): void {
  writeWhole(join(path, RECORD), recordText(record))
}

const nameOfAttempt = ({ cell, repeat, attempt }: Pick<Attempt, 'cell' | 'repeat' | 'attempt'>) =>
  `${cell}-${repeat}-${attempt}.json`

/** Keeps an attempt that has ended, whole or not at all. */
export function saveAttempt({ path }: SweepFolder, attempt: Attempt): void {
  writeWhole(join(path, ATTEMPTS, nameOfAttempt(attempt)), recordText(attempt))
}

/**
 * Keeps an attempt unless it has been kept already: of several processes on several computers, one wins. The folder is
 * not made: a sweep that was deleted stays deleted.
 *
 * @returns whether this one was kept
 */
export function saveNewAttempt({ path }: SweepFolder, attempt: Attempt): boolean {
  return writeNew(join(path, ATTEMPTS, nameOfAttempt(attempt)), recordText(attempt))
}

/** The attempts that have ended, by their files: reading all of them takes long on a network. */
export function namesOfAttempts({ path }: SweepFolder): ReadonlySet<string> {
  return new Set(namesIn(join(path, ATTEMPTS)))
}

/** One attempt; undefined if it has not ended. */
export function readAttempt(
  { path }: SweepFolder,
  which: Pick<Attempt, 'cell' | 'repeat' | 'attempt'>,
  names?: ReadonlySet<string>,
): Attempt | undefined {
  const name = nameOfAttempt(which)
  if (names?.has(name) === false) return undefined
  return attemptSchema.safeParse(parse(join(path, ATTEMPTS, name))).data
}

/** @throws BringupError SWEEP_UNREADABLE */
export function readSweep({ id, path }: SweepFolder): SweepRecord {
  const parsed = sweepSchema.safeParse(parse(join(path, RECORD)))
  if (parsed.success) return parsed.data
  throw new BringupError([problems.SWEEP_UNREADABLE.at('', `sweep ${id}: ${join(path, RECORD)}`)])
}

/** Every attempt that has ended, by cell, repeat and attempt. A file that is no attempt is skipped. */
export function readAttempts({ path }: SweepFolder): readonly Attempt[] {
  const folder = join(path, ATTEMPTS)
  return namesIn(folder)
    .filter((name) => /^[0-9a-f]{12}-\d+-\d+\.json$/.test(name))
    .flatMap((name) => attemptSchema.safeParse(parse(join(folder, name))).data ?? [])
    .toSorted((a, b) => a.cell.localeCompare(b.cell) || a.repeat - b.repeat || a.attempt - b.attempt)
}

/** Whether a process runs the sweep. One of another computer is believed to, as long as it has not said that it ended. */
export function isRunning({ owner, endedAt }: SweepRecord, host: string): boolean {
  if (endedAt !== undefined) return false
  return isElsewhere({ owner }, host) || startTimeOf(owner.pid) === owner.startTime
}

export const isElsewhere = ({ owner }: Pick<SweepRecord, 'owner'>, host: string): boolean =>
  owner.host !== host

/** Folders of all sweeps, oldest first. */
export function listSweeps(stateFolder: string): readonly SweepFolder[] {
  return namesIn(sweepsFolder(stateFolder)).map((id) => sweepFolderAt(stateFolder, id))
}

/**
 * One sweep: by id, by a unique beginning or end of it, by its label as a baseline, the newest of that name in the config,
 * or `last`.
 *
 * @throws BringupError SWEEP_NOT_FOUND
 */
export function findSweep(stateFolder: string, wanted: string): SweepFolder {
  const ids = namesIn(sweepsFolder(stateFolder))
  const about = ids.map((id) => ({ id, ...namesOf(sweepFolderAt(stateFolder, id)) }))
  const named = () =>
    (about.findLast(({ label }) => label === wanted) ?? about.findLast(({ name }) => name === wanted))?.id
  const exact = wanted === 'last' ? ids.at(-1) : (ids.find((id) => id === wanted) ?? named())
  const partial = ids.filter((id) => id.startsWith(wanted) || id.endsWith(wanted))
  const id = exact ?? (partial.length === 1 ? partial[0] : undefined)
  if (id !== undefined) return sweepFolderAt(stateFolder, id)
  const what =
    partial.length > 1
      ? `"${wanted}" matches ${partial.length} sweeps: ${partial.join(', ')}`
      : `no sweep has the id or name "${wanted}"`
  throw new BringupError([problems.SWEEP_NOT_FOUND.at('', what)])
}

/** Deletes the record of a sweep; the runs stay. */
export function removeSweep({ path }: SweepFolder): void {
  rmSync(path, { recursive: true, force: true })
}

function namesOf({ path }: SweepFolder): { readonly name?: string; readonly label?: string } {
  const { name, label } = (parse(join(path, RECORD)) ?? {}) as { name?: string; label?: string }
  return { ...(name === undefined ? {} : { name }), ...(label === undefined ? {} : { label }) }
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
  } catch {
    return []
  }
}
