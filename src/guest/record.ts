/** The record of one guest of a run: a folder with what was done, what it said, and what came of it. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { printableJson } from '../guest-text.ts'
import { OWN_FILE, OWN_FOLDER, writeWhole } from '../own-files.ts'

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

/** `result.json` of a guest: how it ended. Times are milliseconds. */
export const resultSchema = z.lazy(() =>
  z.object({
    verdict: z.enum(['passed', 'failed', 'crashed', 'timed-out', 'machine-failed', 'interrupted']),
    /** Exit code of bringup for this guest. */
    exitCode: z.int(),
    /** The guest's own code, where it gave one. */
    guestCode: z.int().optional(),
    meaning: z.string(),
    diagnostics: z.array(diagnosticSchema),
    /** What the guest saw, where it reported it. */
    guest: z.unknown().optional(),
    /** The description compared with what was seen, device by device. */
    comparison: z.array(comparisonSchema).optional(),
    /** What was not compared, and why; present where a comparison was wanted, or where the last screen was not read. */
    notCompared: z.array(notComparedSchema).optional(),
    timings: z.object({
      /** What building took before; not part of `totalMs`. Absent where nothing was built. */
      buildMs: z.number().optional(),
      /** From the call to the answered `cont`. */
      startMs: z.number(),
      /** From `cont` to the first answer of the guest's agent. Absent where it has none, or never answered. */
      bootMs: z.number().optional(),
      /** From `cont` to QEMU's end. */
      runMs: z.number(),
      totalMs: z.number(),
    }),
    /** Whether the guest was booted or restored from a saved state, and why; present if a saved state was considered. */
    origin: z.object({ kind: z.enum(['boot', 'state']), because: z.string() }).optional(),
    folder: z.string(),
  }),
)
export type GuestResult = z.output<typeof resultSchema>

/** Paths inside the folder of one guest. */
export interface GuestFolder {
  /** Id of the run. */
  readonly run: string
  /** Name of the guest in the run. */
  readonly name: string
  readonly path: string
  readonly consoleLog: string
  readonly consoleTiming: string
  readonly qmpLog: string
  readonly qemuLog: string
}

const FILES = { argv: 'argv.json', result: 'result.json' } as const

export function guestFolderAt(path: string, run: string, name: string): GuestFolder {
  return {
    run,
    name,
    path,
    consoleLog: join(path, 'console.log'),
    consoleTiming: join(path, 'console.timing'),
    qmpLog: join(path, 'qmp.jsonl'),
    qemuLog: join(path, 'qemu.log'),
  }
}

/** Makes the folder, which must not be there. */
export function makeGuestFolder({ path }: GuestFolder): void {
  mkdirSync(path, { mode: OWN_FOLDER })
}

/** Keeps the words that QEMU really got. */
export function recordArgv(guest: GuestFolder, argv: readonly string[]): void {
  writeWhole(join(guest.path, FILES.argv), recordText(argv))
}

/** Writes the result, whole or not at all. */
export function saveResult({ path }: Pick<GuestFolder, 'path'>, result: unknown): void {
  const partial = join(path, `.${FILES.result}`)
  writeFileSync(partial, recordText(result), { mode: OWN_FILE })
  renameSync(partial, join(path, FILES.result))
}

/** Records are read with `cat` too: nothing in them may speak to a terminal. */
export function recordText(value: unknown): string {
  return `${printableJson(JSON.stringify(value, null, 2))}\n`
}
