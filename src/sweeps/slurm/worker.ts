/** A job on a node: takes one task of the sweep after another, until none is left or its time is over. */
import { hostname } from 'node:os'
import { basename, dirname } from 'node:path'
import { BringupError } from '../../diagnostics.ts'
import { cacheFolder } from '../../project/cache-folder.ts'
import type { Project } from '../../project/project.ts'
import { pause } from '../../timer.ts'
import type { Swept } from '../cell-request.ts'
import { metricsOf } from '../metrics.ts'
import { type PlannedCell, planCells } from '../plan-sweep.ts'
import { type Attempt, readSweep, type SweepFolder, type SweepRecord, saveNewAttempt } from '../record.ts'
import { runAttempt } from '../run-attempt.ts'
import { type Claim, Queue, type QueuedTask, type Round } from './queue.ts'
import { Scratch, scratchBase } from './scratch.ts'
import { staged } from './stage.ts'

/** How often a job looks whether it is to end. */
const LOOK_MS = 2000

export interface WorkerRequest {
  readonly project: Project
  /** Of the round; see `queue.ts`. */
  readonly folder: string
  readonly group: number
  readonly signal: AbortSignal
}

/** What this job is called by Slurm. */
function ownClaim(env: Readonly<Record<string, string | undefined>> = process.env): Claim {
  const { SLURM_JOB_ID: id = '0', SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: element } = env
  return {
    job: Number(id),
    restarts: Number(env.SLURM_RESTART_COUNT ?? 0),
    label: array === undefined ? id : `${array}_${element}`,
    node: env.SLURMD_NODENAME ?? hostname(),
  }
}

/** Resolves when nothing is left to do or to end. What went wrong with a cell is in its attempt. */
export async function work({ project, folder, group, signal }: WorkerRequest): Promise<void> {
  const beganAt = performance.now()
  const queue = Queue.open(folder)
  const claim = ownClaim()
  queue.begin(claim)
  const stop = stopOf(queue, signal)
  const end: JobMeans['end'] = { unfit: undefined, unstaged: new Set() }
  try {
    const sweepFolder = { id: basename(dirname(dirname(folder))), path: dirname(dirname(folder)) }
    const record = readSweep(sweepFolder)
    const job = new Job({
      project,
      queue,
      claim,
      record,
      sweepFolder,
      group,
      signal: stop.signal,
      beganAt,
      end,
    })
    await job.run()
  } finally {
    stop.end()
    queue.end(claim, {
      ...(end.unfit === undefined ? {} : { unfit: end.unfit }),
      unstaged: [...end.unstaged],
    })
  }
}

/** Aborted by a signal of Slurm, or once the sweep has been ended. */
function stopOf(queue: Queue, signal: AbortSignal): { readonly signal: AbortSignal; end(): void } {
  const stopped = new AbortController()
  const look = async () => {
    while (!stopped.signal.aborted) {
      if (queue.isStopped) stopped.abort(new BringupError([]))
      await Promise.race([pause(LOOK_MS), over])
    }
  }
  const over = new Promise<void>((resolve) => stopped.signal.addEventListener('abort', () => resolve()))
  void look()
  return { signal: AbortSignal.any([signal, stopped.signal]), end: () => stopped.abort() }
}

interface JobMeans {
  readonly project: Project
  readonly queue: Queue
  readonly claim: Claim
  readonly record: SweepRecord
  readonly sweepFolder: SweepFolder
  readonly group: number
  readonly signal: AbortSignal
  readonly beganAt: number
  /** What there is to say of this node at the end. */
  readonly end: { unfit: string | undefined; readonly unstaged: Set<string> }
}

class Job {
  readonly #means: JobMeans
  readonly #planned = new Map<string, PlannedCell>()
  #scratch: Scratch | undefined

  constructor(means: JobMeans) {
    this.#means = means
  }

  async run(): Promise<void> {
    const { queue, group, signal } = this.#means
    let round = queue.read()
    this.#scratch = round.isStaged && !signal.aborted ? await this.#openScratch(round) : undefined
    try {
      while (!signal.aborted && !queue.isStopped) {
        const index = this.#take(round, group)
        if (index === undefined) {
          const now = queue.read()
          if (now.tasks.length === round.tasks.length) return
          round = now
          continue
        }
        const attempt = await this.#attempt(round.tasks[index] as QueuedTask, round)
        if (attempt === undefined) return
        saveNewAttempt(this.#means.sweepFolder, attempt)
      }
    } finally {
      await this.#scratch?.[Symbol.asyncDispose]()
    }
  }

  /** The first task that no job has taken and for which there is time. */
  #take({ tasks, groups }: Round, group: number): number | undefined {
    const { queue, claim, beganAt } = this.#means
    const { batchMs = 0, limitMs = 0 } = groups[group] ?? {}
    const passedMs = performance.now() - beganAt
    const isFirst = this.#planned.size === 0
    if (!isFirst && passedMs > batchMs) return undefined
    const claimed = queue.claimed()
    for (const [index, task] of tasks.entries())
      if (task.group === group && !claimed.has(index)) {
        if (!isFirst && passedMs + task.expectedMs > limitMs) continue
        if (queue.claim(index, claim)) return index
      }
    return undefined
  }

  /** Undefined if the job is ended meanwhile: then the attempt says nothing. */
  async #attempt(task: QueuedTask, round: Round): Promise<Attempt | undefined> {
    const { claim, signal } = this.#means
    const swept = this.#swept()
    const cell = await this.#cell(task, swept)
    this.#means.end.unfit = this.#unfit(task, cell, round)
    if (this.#means.end.unfit !== undefined) return undefined
    const made = await runAttempt(
      { cell, repeat: task.repeat, attempt: task.attempt },
      {
        swept,
        metrics: metricsOf(swept.sweep),
        isFresh: round.isFresh,
        sweepId: this.#means.sweepFolder.id,
        signal,
        job: claim.label,
        host: claim.node,
        ...(this.#scratch ? { stage: (run) => staged(run, this.#staging(this.#scratch as Scratch)) } : {}),
      },
    )
    // scancel signals all processes of a job, so that QEMU may end before this one hears of it.
    const isEnded = (signal.aborted || this.#means.queue.isStopped) && made.verdict === 'machine-failed'
    return isEnded || made.verdict === 'interrupted' ? undefined : made
  }

  #staging(scratch: Scratch) {
    return { scratch, cache: cacheFolder(), onFailure: (error: Error) => this.#unstaged(error) }
  }

  #unstaged(error: Error): void {
    this.#means.end.unstaged.add(`${this.#means.claim.node}: ${error.message}`)
  }

  async #openScratch({ scratch }: Round): Promise<Scratch | undefined> {
    try {
      const { node } = this.#means.claim
      return await Scratch.open({ base: scratchBase(scratch), node, cache: cacheFolder() })
    } catch (error) {
      this.#unstaged(error as Error)
      return undefined
    }
  }

  #swept(): Swept {
    const { project, record } = this.#means
    const sweep = project.sweeps?.[record.name]
    if (!sweep) throw new Error(`the project has no sweep "${record.name}" any more`)
    return { project, name: record.name, sweep }
  }

  async #cell({ cell: key }: QueuedTask, swept: Swept): Promise<PlannedCell> {
    const { record, signal } = this.#means
    const known = this.#planned.get(key)
    if (known) return known
    const recorded = record.cells.find((cell) => cell.key === key)
    if (!recorded) throw new Error(`the sweep has no cell ${key}`)
    const { label, values } = recorded
    const [cell] = await planCells(swept, [{ key, label, values }], { signal })
    if (!cell) throw new Error(`cell ${key} was not planned`)
    this.#planned.set(key, cell)
    return cell
  }

  /** Why this node cannot run the cell; results count for the input that was planned, and another is no result of it. */
  #unfit(
    { isPending, cell: key }: QueuedTask,
    { cell, input }: PlannedCell,
    { inputs }: Round,
  ): string | undefined {
    const { record, claim } = this.#means
    const [first] = cell.impossible
    if (first) return `node ${claim.node}: ${first.code}: ${first.what}`
    if (isPending || cell.input === record.cells.find((one) => one.key === key)?.input) return undefined
    const [wanted, files] = [inputs[key]?.files ?? {}, input?.files ?? {}]
    const paths = [...new Set([...Object.keys(wanted), ...Object.keys(files)])]
    const others = paths.filter((path) => wanted[path] !== files[path])
    const what =
      others.length === 0 ? 'another accelerator or other arguments of QEMU' : `another ${others.join(', ')}`
    return `node ${claim.node} would run ${cell.label} with ${what}`
  }
}
