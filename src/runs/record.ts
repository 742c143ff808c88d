/** The record of one boot: a folder that says what was asked, what was done, and what came of it. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { printableJson } from '../guest-text.ts'
import { foreignOwner } from '../host/intruder.ts'
import { startTimeOf } from '../host/process-start.ts'
import { makeFolder, OWN_FILE, OWN_FOLDER, writeWhole } from '../own-files.ts'
import type { Plan } from '../plan/plan.ts'
import { randomDigits } from '../random-name.ts'

export const problems = defineDiagnostics({
  RUN_FOLDER_NOT_MADE: {
    title: 'The folder for the record of a run could not be made or written.',
    why: 'a run without a record could not be explained afterwards',
    remedy:
      'free space on the disk, or make the project folder writable; --state DIR keeps the state elsewhere',
  },
  RUN_NOT_FOUND: {
    title: 'No run of that name is recorded in this project.',
    why: 'run ids are names of folders below `.bringup/runs`',
    remedy: '`bringup runs` lists them; `last` means the newest',
  },
})

export const diagnosticSchema = z.lazy(() =>
  z.object({
    code: z.string(),
    severity: z.enum(['error', 'warning', 'note']),
    path: z.string(),
    what: z.string(),
    why: z.string(),
    remedy: z.string(),
    source: z.string().optional(),
    evidence: z.array(z.string()).optional(),
  }),
)

export const comparisonSchema = z.lazy(() =>
  z.object({
    device: z.string(),
    aspect: z.string(),
    want: z.string(),
    got: z.string().nullable(),
    ok: z.boolean(),
    /** Who saw it: `Linux`, `probe kernel`, `ACPI tables`. Records of older runs do not say. */
    by: z.string().default('guest'),
  }),
)

/** What a pass does not prove, and why. */
export const notComparedSchema = z.lazy(() =>
  z.object({ device: z.string(), aspect: z.string(), because: z.string() }),
)

/** `result.json`: how the run ended. Times are milliseconds. */
export const resultSchema = z.lazy(() =>
  z.object({
    verdict: z.enum(['passed', 'failed', 'crashed', 'timed-out', 'machine-failed', 'interrupted']),
    /** Exit code of the bringup process for this run. */
    exitCode: z.int(),
    /** The guest's own code, where it gave one. */
    guestCode: z.int().optional(),
    meaning: z.string(),
    diagnostics: z.array(diagnosticSchema),
    /** What the guest saw, where it could tell. */
    guest: z.unknown().optional(),
    /** What was asked against what was seen, device by device. */
    comparison: z.array(comparisonSchema).optional(),
    /** What was not compared, and why; present where a comparison was wanted. */
    notCompared: z.array(notComparedSchema).optional(),
    timings: z.object({
      /** What building took before; not part of `totalMs`. Absent where nothing was built. */
      buildMs: z.number().optional(),
      /** From the call to the answered `cont`. */
      startMs: z.number(),
      /** From `cont` to QEMU's end. */
      runMs: z.number(),
      totalMs: z.number(),
    }),
    folder: z.string(),
  }),
)
export type RunResult = z.output<typeof resultSchema>

/** A line of `bringup runs`. `abandoned`: bringup was killed before it could write a result. */
export interface RunSummary {
  readonly id: string
  readonly folder: string
  readonly startedAt: string
  readonly machine: string
  readonly profile: string
  readonly verdict: RunResult['verdict'] | 'running' | 'abandoned'
  readonly exitCode?: number
  readonly totalMs?: number
  readonly meaning?: string
}

/** Paths inside one run's folder. */
export interface RunFolder {
  readonly id: string
  readonly path: string
  readonly consoleLog: string
  readonly consoleTiming: string
  readonly qmpLog: string
  readonly qemuLog: string
}

const FILES = { plan: 'plan.json', argv: 'argv.json', owner: 'owner.json', result: 'result.json' } as const

function folderAt(path: string, id: string): RunFolder {
  return {
    id,
    path,
    consoleLog: join(path, 'console.log'),
    consoleTiming: join(path, 'console.timing'),
    qmpLog: join(path, 'qmp.jsonl'),
    qemuLog: join(path, 'qemu.log'),
  }
}

/** Replaces the planned words by those that QEMU really got. */
export function recordArgv(run: RunFolder, argv: readonly string[]): void {
  writeWhole(join(run.path, FILES.argv), textOf(argv))
}

/**
 * Makes a new run folder; the name has the time and random bits, and `mkdir` refuses a name that is taken,
 * so that runs side by side never meet.
 *
 * @throws BringupError RUN_FOLDER_NOT_MADE
 */
export function createRun(
  stateFolder: string,
  plan: Plan,
  argv: readonly string[],
  now: Date = new Date(),
): RunFolder {
  const id = `${now.toISOString().slice(0, 19).replaceAll(':', '-')}-${randomDigits(8)}`
  const run = folderAt(join(stateFolder, 'runs', id), id)
  let isMade = false
  try {
    const owner = foreignOwner(stateFolder)
    if (owner !== undefined) throw new Error(`${stateFolder} belongs to ${owner}`)
    makeFolder(join(stateFolder, 'runs'))
    mkdirSync(run.path, { mode: OWN_FOLDER })
    isMade = true
    write(run, FILES.owner, {
      pid: process.pid,
      startTime: startTimeOf(process.pid),
      startedAt: now.toISOString(),
    })
    write(run, FILES.plan, plan)
    write(run, FILES.argv, argv)
  } catch (cause) {
    if (isMade) rmSync(run.path, { recursive: true, force: true })
    throw new BringupError(
      [problems.RUN_FOLDER_NOT_MADE.at('', `${run.path}: ${(cause as Error).message}`)],
      { cause },
    )
  }
  return run
}

/** Writes the result, whole or not at all. */
export function saveResult(run: RunFolder, result: RunResult): void {
  const partial = join(run.path, `.${FILES.result}`)
  writeFileSync(partial, textOf(result), { mode: OWN_FILE })
  renameSync(partial, join(run.path, FILES.result))
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
 * One run, by id, by a unique beginning or end of it, or `last`.
 *
 * @throws BringupError RUN_NOT_FOUND
 */
export function findRun(stateFolder: string, wanted: string): RunFolder {
  const folder = join(stateFolder, 'runs')
  const names = namesIn(folder)
  const exact = wanted === 'last' ? names.at(-1) : names.find((n) => n === wanted)
  const partial = names.filter((n) => n.startsWith(wanted) || n.endsWith(wanted))
  const id = exact ?? (partial.length === 1 ? partial[0] : undefined)
  if (id !== undefined) return folderAt(join(folder, id), id)
  const what = partial.length > 1 ? `"${wanted}" means ${partial.length} runs` : `there is no run "${wanted}"`
  throw new BringupError([problems.RUN_NOT_FOUND.at('', what)])
}

/** Everything recorded about one run. `result` is missing while it runs and after bringup was killed. */
export function readRun(run: RunFolder): {
  readonly summary: RunSummary
  readonly plan: Plan
  readonly argv: readonly string[]
  readonly result?: RunResult
} {
  const summary = summarize(run)
  if (!summary)
    throw new BringupError([problems.RUN_NOT_FOUND.at('', `the record in ${run.path} is incomplete`)])
  const result = read<unknown>(run, FILES.result)
  return {
    summary,
    plan: read<Plan>(run, FILES.plan) as Plan,
    argv: read<readonly string[]>(run, FILES.argv) ?? [],
    ...(result === undefined ? {} : { result: resultSchema.parse(result) }),
  }
}

/** Deletes all but the newest `keep` runs that have ended. Returns what was deleted. */
export function pruneRuns(stateFolder: string, keep: number): readonly RunSummary[] {
  const done = listRuns(stateFolder).filter((r) => r.verdict !== 'running')
  const gone = done.slice(0, Math.max(0, done.length - keep))
  for (const run of gone) rmSync(run.folder, { recursive: true, force: true })
  return gone
}

interface Owner {
  readonly pid: number
  readonly startTime: string
  readonly startedAt: string
}

function summarize(run: RunFolder): RunSummary | undefined {
  const owner = read<Owner>(run, FILES.owner)
  const plan = read<Plan>(run, FILES.plan)
  if (!owner || !plan) return undefined
  const result = read<RunResult>(run, FILES.result)
  const common = {
    id: run.id,
    folder: run.path,
    startedAt: owner.startedAt,
    machine: plan.name,
    profile: plan.profile,
  }
  if (!result)
    return { ...common, verdict: startTimeOf(owner.pid) === owner.startTime ? 'running' : 'abandoned' }
  return {
    ...common,
    verdict: result.verdict,
    exitCode: result.exitCode,
    totalMs: result.timings.totalMs,
    meaning: result.meaning,
  }
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
  writeFileSync(join(run.path, file), textOf(value), { mode: OWN_FILE, flag: 'wx' })
}

/** Records are read with `cat` too: nothing in them may speak to a terminal. */
function textOf(value: unknown): string {
  return `${printableJson(JSON.stringify(value, null, 2))}\n`
}

function read<T>(run: RunFolder, file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(run.path, file), 'utf8')) as T
  } catch {
    return undefined
  }
}
