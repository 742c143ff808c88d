/**
 * The tasks of a sweep on a shared file system. A job takes a task by a file that only one job can make: `link` is atomic
 * on network file systems too. Every file is written whole. A round is one call of `bringup sweep`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { OWN_FOLDER, writeNew, writeWhole } from '../../own-files.ts'
import { randomDigits } from '../../random-name.ts'

const zTask = z.lazy(() =>
  z.object({
    cell: z.string(),
    repeat: z.int(),
    attempt: z.int(),
    group: z.int(),
    /** What the cell needs was not made when it was planned: its digest is another one now. */
    isPending: z.boolean(),
    /** How long it will take, as far as is known. */
    expectedMs: z.number(),
  }),
)
export type QueuedTask = z.output<typeof zTask>

const zRound = z.lazy(() =>
  z.object({
    isFresh: z.boolean(),
    isStaged: z.boolean(),
    scratch: z.string().optional(),
    groups: z.array(
      z.object({
        cores: z.number(),
        megabytes: z.number(),
        isSerial: z.boolean(),
        batchMs: z.number(),
        limitMs: z.number(),
      }),
    ),
    /** What the digests of the cells were made of, by key. */
    inputs: z.record(
      z.string(),
      z.object({ described: z.string(), files: z.record(z.string(), z.string()) }),
    ),
    /** Grows at its end when a task has to run again. */
    tasks: z.array(zTask),
  }),
)
export type Round = z.output<typeof zRound>

const claimShape = { job: z.int(), restarts: z.int(), label: z.string(), node: z.string() }
const zClaim = z.lazy(() => z.object(claimShape))
/** A job that has taken a task, or that has started. */
export type Claim = z.output<typeof zClaim>

const zEnd = z.lazy(() =>
  z.object({
    ...claimShape,
    /** Why the node cannot run a cell. */
    unfit: z.string().optional(),
    /** What could not be copied to its scratch folder. */
    unstaged: z.array(z.string()),
  }),
)
export type End = z.output<typeof zEnd>

const FILES = { round: 'round.json', stop: 'stop', mark: 'shared', script: 'job.sh' } as const
const FOLDERS = ['claims', 'workers', 'ends', 'logs'] as const

/** First argument: a file that only a shared folder has; second: its content. Then the words of the command. */
const SCRIPT = `#!/bin/sh
[ "$(cat "$1" 2>/dev/null)" = "$2" ] || exit ${99}
[ -x "$3" ] || exit ${98}
[ -r "$4" ] || exit ${98}
shift 2
exec "$@"
`
/** How the script ends if it does not become bringup. */
export const SCRIPT_ENDS = { notShared: 99, noProgram: 98 } as const

export class Queue {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Makes the folder of a new round below the folder of a sweep. */
  static create(sweepFolder: string, round: Round): { readonly queue: Queue; readonly mark: string } {
    const all = join(sweepFolder, 'slurm')
    mkdirSync(all, { recursive: true, mode: OWN_FOLDER })
    const number = Math.max(0, ...readdirSync(all).map(Number).filter(Number.isInteger)) + 1
    const folder = join(all, `${number}`)
    mkdirSync(folder, { mode: OWN_FOLDER })
    for (const name of FOLDERS) mkdirSync(join(folder, name), { mode: OWN_FOLDER })
    const mark = randomDigits(32)
    writeFileSync(join(folder, FILES.mark), mark, { mode: 0o600 })
    writeFileSync(join(folder, FILES.script), SCRIPT, { mode: 0o700 })
    const queue = new Queue(folder)
    queue.write(round)
    return { queue, mark }
  }

  /** The rounds of a sweep. */
  static all(sweepFolder: string): readonly Queue[] {
    const all = join(sweepFolder, 'slurm')
    return names(all).map((name) => new Queue(join(all, name)))
  }

  static open(folder: string): Queue {
    return new Queue(folder)
  }

  get script(): string {
    return join(this.folder, FILES.script)
  }

  get markFile(): string {
    return join(this.folder, FILES.mark)
  }

  get logs(): string {
    return join(this.folder, 'logs')
  }

  write(round: Round): void {
    writeWhole(join(this.folder, FILES.round), JSON.stringify(round))
  }

  read(): Round {
    return zRound.parse(JSON.parse(readFileSync(join(this.folder, FILES.round), 'utf8')))
  }

  /** Takes a task; false if another job has it. */
  claim(index: number, claim: Claim): boolean {
    return writeNew(join(this.folder, 'claims', `${index}`), JSON.stringify(claim))
  }

  claimed(): ReadonlySet<number> {
    return new Set(
      names(join(this.folder, 'claims'))
        .filter((name) => /^\d+$/.test(name))
        .map(Number),
    )
  }

  readClaim(index: number): Claim | undefined {
    return parsed(zClaim, join(this.folder, 'claims', `${index}`))
  }

  /** A job has started. */
  begin(claim: Claim): void {
    writeWhole(this.#worker('workers', claim), JSON.stringify(claim))
  }

  /** A job has ended in order, and says what was wrong on its node. */
  end(claim: Claim, end: Omit<End, keyof Claim>): void {
    if (existsSync(this.folder)) writeWhole(this.#worker('ends', claim), JSON.stringify({ ...claim, ...end }))
  }

  /** Jobs that have started, by number and restart. */
  begun(): ReadonlySet<string> {
    return new Set(names(join(this.folder, 'workers')))
  }

  /** Jobs that have ended in order, by number and restart. */
  ended(): ReadonlySet<string> {
    return new Set(names(join(this.folder, 'ends')))
  }

  readEnd(name: string): End | undefined {
    return parsed(zEnd, join(this.folder, 'ends', name))
  }

  /** Jobs end as soon as they see it. */
  stop(): void {
    if (existsSync(this.folder)) writeWhole(join(this.folder, FILES.stop), '')
  }

  get isStopped(): boolean {
    return !existsSync(this.folder) || existsSync(join(this.folder, FILES.stop))
  }

  #worker(kind: 'workers' | 'ends', { job, restarts }: Claim): string {
    return join(this.folder, kind, `${job}.${restarts}`)
  }
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => !name.endsWith('.part'))
  } catch {
    return []
  }
}

function parsed<T>(schema: z.ZodType<T>, path: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data
  } catch {
    return undefined
  }
}
