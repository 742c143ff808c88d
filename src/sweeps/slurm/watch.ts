/**
 * Follows the jobs of a sweep: collects what they have finished, asks Slurm for those that finish nothing, and gives their
 * tasks to other jobs. A job whose task has no result although it has ended was preempted or lost: neither is a verdict.
 */
import type { SlurmConfig } from '../../project/slurm-schema.ts'
import { pause } from '../../timer.ts'
import { inputNow } from '../cell-input.ts'
import type { ExecutorMeans } from '../executor.ts'
import { type Attempt, namesOfAttempts, readAttempt, saveNewAttempt } from '../record.ts'
import type { Task } from '../run-attempt.ts'
import { Arrays } from './arrays.ts'
import { Controller } from './controller.ts'
import { Nodes } from './nodes.ts'
import { problems } from './problems.ts'
import { Backoff, type Known, LOOK_MS, Questions } from './questions.ts'
import { type Claim, Queue } from './queue.ts'
import type { Job } from './squeue.ts'
import type { Work } from './work.ts'

/** A task whose jobs were lost that often is given up: it may be what ends them. */
const MOST_LOSSES = 3

/** Jobs that have nothing left to do end within a second; the pauses in between grow. */
const LOOKS_AT_THE_END = 6

/** A task in the queue. */
interface Entry {
  readonly task: Task
  readonly index: number
  readonly group: number
  claim: Claim | undefined
}

export class Watch {
  readonly #means: ExecutorMeans
  readonly #aborted: Promise<void>
  /** Tasks without a result, by their index in the queue. */
  readonly #open = new Map<number, Entry>()
  readonly #losses = new Map<string, number>()
  readonly #nodes: Nodes
  readonly #controller: Controller
  readonly #seenEnds = new Set<string>()
  readonly #notes = new Set<string>()
  readonly #arrays: Arrays
  /** Jobs that have taken a cell, by number and restart. */
  readonly #takers = new Set<string>()
  /** The user has cancelled jobs, or changed what the cells read: no new ones are submitted. */
  #isCancelled = false
  /** What the cells read is not what the sweep was planned with: jobs that wait are of no use. */
  #isStale = false
  #isReplacing = false

  constructor(
    means: ExecutorMeans,
    { config, jobName }: { readonly config: SlurmConfig; readonly jobName: string },
  ) {
    this.#means = means
    const onNote = (text: string) => this.#noteOnce(text)
    const nodes = new Nodes(onNote)
    const controller = new Controller(jobName, means.onNote)
    this.#nodes = nodes
    this.#controller = controller
    this.#arrays = new Arrays({ project: means.swept.project, config, jobName, nodes, controller, onNote })
    const { signal } = means
    this.#aborted = new Promise((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  /** Ends the jobs of an earlier call. */
  async endEarlier(): Promise<void> {
    for (const queue of Queue.all(this.#means.folder.path)) queue.stop()
    await this.#controller.endJobs({ note: 'jobs of an earlier call are still there; ending them' })
  }

  /** @throws BringupError when no job can run */
  async run(work: Work): Promise<void> {
    work.tasks.forEach((task, index) => {
      this.#open.set(index, {
        task,
        index,
        group: work.queue.read().tasks[index]?.group ?? 0,
        claim: undefined,
      })
    })
    try {
      await this.#submitMissing(work, [])
      await this.#follow(work)
    } finally {
      work.queue.stop()
      await this.#controller.endJobs({
        queue: work.queue,
        looks: this.#open.size === 0 ? LOOKS_AT_THE_END : 0,
      })
      this.#collect(work)
    }
  }

  async #follow(work: Work): Promise<void> {
    const over = new AbortController()
    const signal = AbortSignal.any([this.#means.signal, over.signal])
    const look = new Backoff(LOOK_MS)
    const questions = new Questions(() => this.#controller.jobs(signal))
    try {
      while (this.#open.size > 0 && !this.#means.signal.aborted) {
        if (this.#collect(work)) look.reset()
        else look.grow()
        const claims = new Map(
          [...this.#open.values()].flatMap(({ index, claim }) => (claim ? [[index, claim]] : [])),
        )
        const answer = questions.next(claims)
        if (answer) {
          await this.#judge(work, answer)
          const isOver = answer.jobs.every(({ state }) => state === 'ended')
          if (this.#isCancelled && isOver) return
        }
        if (this.#open.size > 0) await Promise.race([pause(look.ms), this.#aborted])
      }
    } finally {
      over.abort()
    }
  }

  /** What has a result now. Returns whether anything is new. */
  #collect({ queue }: Work): boolean {
    const { folder, onStart, onEnd } = this.#means
    const names = namesOfAttempts(folder)
    const claimed = queue.claimed()
    let isNew = false
    for (const entry of this.#open.values()) {
      const { task, index } = entry
      if (entry.claim === undefined && claimed.has(index)) {
        entry.claim = queue.readClaim(index)
        if (entry.claim) {
          this.#takers.add(`${entry.claim.job}.${entry.claim.restarts}`)
          onStart(task)
        }
        isNew = true
      }
      const attempt = readAttempt(folder, { ...task, cell: task.cell.cell.key }, names)
      if (!attempt) continue
      this.#open.delete(index)
      onEnd(task, attempt)
      isNew = true
    }
    for (const name of queue.ended()) if (!this.#seenEnds.has(name)) this.#hear(queue, name)
    return isNew
  }

  /** What a job says of its node. */
  #hear(queue: Queue, name: string): void {
    const end = queue.readEnd(name)
    if (!end) return
    this.#seenEnds.add(name)
    for (const text of end.unstaged)
      this.#noteOnce(
        `warning ${problems.SLURM_SCRATCH_FULL.code}: ${text}; read from the shared file system instead`,
      )
    if (end.unfit === undefined) return
    const changed = this.#changedFor(end)
    if (changed.length > 0) {
      this.#isCancelled = true
      this.#isStale = true
      this.#noteOnce(
        `${changed.join(' and ')} changed after the sweep was planned, so no new jobs are submitted; continue with --resume`,
      )
    } else if (this.#nodes.isUnfit(end.node, end.unfit)) this.#isReplacing = true
  }

  /** Files that are others on this computer too: then it is not the node that differs. */
  #changedFor({ job, restarts }: Claim): readonly string[] {
    const taken = [...this.#open.values()].filter(
      ({ claim }) => claim?.job === job && claim.restarts === restarts,
    )
    const inputs = taken.flatMap(({ task }) => task.cell.input ?? [])
    return [...new Set(inputs.flatMap((input) => inputNow(input).changed))]
  }

  #noteOnce(text: string): void {
    if (this.#notes.has(text)) return
    this.#notes.add(text)
    this.#means.onNote(text)
  }

  async #judge(work: Work, { jobs, claims }: Known): Promise<void> {
    this.#tellWaiting(jobs)
    // Results that came while the controller was asked.
    this.#collect(work)
    const begun = work.queue.begun()
    for (const job of jobs) if (job.state === 'ended') this.#judgeEnd(job, begun, work)
    this.#nodes.judge({ hasBegun: begun.size > 0, isIdle: jobs.every(({ state }) => state === 'ended') })
    for (const [index, claim] of claims) {
      const entry = this.#open.get(index)
      if (entry === undefined) continue
      const job = jobs.find(({ id }) => id === claim.job)
      const isAlive = job && job.state !== 'ended' && job.state !== 'waits' && job.restarts <= claim.restarts
      if (!isAlive) this.#lose(entry, claim, job, work)
    }
    if (this.#isStale) await this.#arrays.withdraw(jobs)
    if (this.#open.size === 0 || this.#isCancelled) return
    if (!this.#isReplacing) return this.#submitMissing(work, jobs)
    this.#isReplacing = false
    await this.#arrays.withdraw(jobs)
    await this.#submitMissing(
      work,
      jobs.filter(({ state }) => state !== 'waits'),
    )
  }

  /** @throws BringupError if there are no jobs at all */
  async #submitMissing(work: Work, jobs: readonly Job[]): Promise<void> {
    const most = this.#means.jobs ?? Number.POSITIVE_INFINITY
    const waiting = work.groups.map(
      (_, index) =>
        [...this.#open.values()].filter((one) => one.group === index && one.claim === undefined).length,
    )
    await this.#arrays.submitMissing(work, { jobs, most, waiting })
  }

  #tellWaiting(jobs: readonly Job[]): void {
    if (jobs.some(({ state }) => state === 'runs')) return
    const waits = jobs.find(
      ({ state, reason }) => state === 'waits' && !['', 'Resources', 'Priority'].includes(reason),
    )
    if (waits) this.#noteOnce(`the jobs wait: ${waits.reason} (${waits.label})`)
  }

  /** A job that has ended. One that has taken no cell says something about its node. */
  #judgeEnd(job: Job, begun: ReadonlySet<string>, { queue }: Work): void {
    const key = `${job.id}.${job.restarts}`
    const hasBegun = begun.has(key)
    if (job.word === 'CANCELLED') {
      if (!hasBegun && this.#arrays.isWanted(job)) this.#cancelled(job)
    } else if (hasBegun && (job.word !== 'FAILED' || this.#takers.has(key))) return
    else if (this.#nodes.hasFailed(job, queue)) this.#isReplacing = true
  }

  #cancelled({ label }: Job): void {
    this.#isCancelled = true
    this.#noteOnce(`job ${label} was cancelled, so no new ones are submitted; continue with --resume`)
  }

  /** The task of a job that has ended without a result. */
  #lose(entry: Entry, claim: Claim, job: Job | undefined, work: Work): void {
    const { task } = entry
    const word = job === undefined || job.restarts > claim.restarts ? undefined : job.word
    const end = work.queue.readEnd(`${claim.job}.${claim.restarts}`)
    const verdict = word === 'PREEMPTED' ? 'preempted' : 'lost'
    const because =
      end?.unfit ??
      (word === undefined || job === undefined
        ? 'the job was requeued or is gone'
        : `the job ended with ${endOf(job)}`)
    const attempt = lostAttempt(task, claim, verdict, because)
    // A result that has come meanwhile wins.
    if (!saveNewAttempt(this.#means.folder, attempt)) return
    this.#open.delete(entry.index)
    if (job && word === 'CANCELLED') this.#cancelled(job)
    const label = `${task.cell.cell.label} #${task.repeat}`
    const key = `${task.cell.cell.key} ${task.repeat}`
    const losses = (this.#losses.get(key) ?? 0) + (verdict === 'lost' && end?.unfit === undefined ? 1 : 0)
    this.#losses.set(key, losses)
    if (this.#isCancelled || losses >= MOST_LOSSES) {
      if (losses >= MOST_LOSSES)
        this.#noteOnce(`${label}: ${MOST_LOSSES} jobs ended during its run; it stays without a result`)
      this.#means.onEnd(task, attempt)
      return
    }
    this.#means.onNote(`${label}: ${verdict} on node ${claim.node} (${because}); it runs again`)
    this.#again(entry, work)
  }

  #again({ task, group, index: before }: Entry, { queue }: Work): void {
    const next = { ...task, attempt: task.attempt + 1 }
    const round = queue.read()
    const queued = round.tasks[before]
    if (!queued) throw new Error(`task ${before} is not in the queue`)
    const index = round.tasks.length
    queue.write({ ...round, tasks: [...round.tasks, { ...queued, attempt: next.attempt }] })
    this.#open.set(index, { task: next, index, group, claim: undefined })
  }
}

/** Without cgroups, a job that is killed for its memory is `FAILED` by signal 9. */
const endOf = ({ word, exit: { signal } }: Job) => (signal === 0 ? word : `${word}, signal ${signal}`)

function lostAttempt(task: Task, claim: Claim, verdict: 'preempted' | 'lost', because: string): Attempt {
  return {
    cell: task.cell.cell.key,
    repeat: task.repeat,
    attempt: task.attempt,
    input: task.cell.cell.input ?? '',
    verdict,
    meaning: because,
    findings: [],
    metrics: {},
    startedAt: new Date().toISOString(),
    totalMs: 0,
    host: claim.node,
    job: claim.label,
  }
}
