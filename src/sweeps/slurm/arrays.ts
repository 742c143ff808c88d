/** The arrays of one call of `bringup sweep`: as many jobs as there are tasks that none has taken. */
import { BringupError } from '../../diagnostics.ts'
import type { Controller } from './controller.ts'
import { splitArrays } from './groups.ts'
import type { Nodes } from './nodes.ts'
import { problems } from './problems.ts'
import type { Job } from './squeue.ts'
import { type ArrayRequest, type Submission, submit } from './submit.ts'
import type { Work } from './work.ts'

interface Means extends Pick<Submission, 'project' | 'config' | 'jobName'> {
  readonly nodes: Nodes
  readonly controller: Controller
  readonly onNote: (text: string) => void
}

/** What there is, and what may be. */
interface Demand {
  readonly jobs: readonly Job[]
  /** Jobs at a time. */
  readonly most: number
  /** Tasks of each group that no job has taken. */
  readonly waiting: readonly number[]
}

export class Arrays {
  readonly #means: Means
  /** Groups by the number of their arrays. */
  readonly #groupOf = new Map<number, number>()
  /** Arrays whose elements were cancelled here before they ran. */
  readonly #withdrawn = new Set<number>()

  constructor(means: Means) {
    this.#means = means
  }

  /** Whether a job of this call was not cancelled by it. */
  isWanted({ array }: Job): boolean {
    return this.#groupOf.has(array) && !this.#withdrawn.has(array)
  }

  /** Cancels the jobs that wait. */
  async withdraw(jobs: readonly Job[]): Promise<void> {
    const waiting = jobs.filter(({ state }) => state === 'waits')
    for (const { array } of waiting) this.#withdrawn.add(array)
    if (waiting.length > 0) await this.#means.controller.cancel(['--state=PENDING'])
  }

  /**
   * Submits what is missing so that all tasks can run side by side.
   *
   * @throws BringupError if there are no jobs at all
   */
  async submitMissing(
    { queue, mark, site, groups }: Pick<Work, 'queue' | 'mark' | 'site' | 'groups'>,
    { jobs, most, waiting }: Demand,
  ): Promise<void> {
    const submission = { ...this.#means, queue, mark }
    const active = jobs.filter(
      ({ state, reason }) => state === 'runs' || (state === 'waits' && reason !== 'BeginTime'),
    )
    let room = most - sumOf(active)
    for (const [index, group] of groups.entries()) {
      const own = sumOf(active.filter(({ array }) => this.#groupOf.get(array) === index))
      const open = waiting[index] ?? 0
      const wanted = Math.min(room, (group.isSerial ? Math.min(1, open) : open) - own)
      if (wanted <= 0) continue
      room -= wanted
      for (const count of splitArrays(wanted, site.mostElements)) {
        const request = { group, index, count, exclude: [...this.#means.nodes.excluded] }
        if (!(await this.#submit(submission, request, active.length > 0))) return
      }
    }
  }

  /** @param isSpare there are other jobs, so that a refusal is no reason to end */
  async #submit(submission: Submission, request: ArrayRequest, isSpare: boolean): Promise<boolean> {
    try {
      this.#groupOf.set(await submit(submission, request), request.index)
      return true
    } catch (error) {
      if (!(error instanceof BringupError) || (!isSpare && this.#groupOf.size === 0)) throw error
      const isAwayNow = error.code === problems.SLURM_NOT_ANSWERING.code
      // No node is left, for a reason that says more.
      if (!isAwayNow && !isSpare) throw this.#means.nodes.error(error) ?? error
      this.#means.onNote(`${error.diagnostics[0]?.what}; going on with the jobs that there are`)
      return false
    }
  }
}

const sumOf = (jobs: readonly Job[]) => jobs.reduce((sum, { count }) => sum + count, 0)
