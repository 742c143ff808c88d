/** The controller of the cluster, as far as it knows the jobs of one sweep. */
import { BringupError } from '../../diagnostics.ts'
import { pause } from '../../timer.ts'
import { isAway, slurmCommand } from './commands.ts'
import { problems } from './problems.ts'
import { ASK_MS, Backoff } from './questions.ts'
import type { Queue } from './queue.ts'
import { type Job, jobsNamed } from './squeue.ts'

export interface JobsEnd {
  readonly note?: string
  readonly queue?: Queue
  readonly looks?: number
}

export class Controller {
  readonly #jobName: string
  readonly #onNote: (text: string) => void
  #isAway = false

  constructor(jobName: string, onNote: (text: string) => void) {
    this.#jobName = jobName
    this.#onNote = onNote
  }

  /** Jobs of this sweep that the controller knows; undefined while it does not answer. */
  async jobs(signal?: AbortSignal): Promise<readonly Job[] | undefined> {
    const answer = await slurmCommand('squeue', ['--json', '--states=all', `--name=${this.#jobName}`], {
      signal,
    })
    const jobs = answer.status === 0 ? jobsNamed(answer.stdout, this.#jobName) : undefined
    if (signal?.aborted) return undefined
    if (!jobs && !isAway(answer) && answer.status !== 0)
      throw new BringupError([
        problems.SLURM_NOT_ANSWERING.at('--on slurm', `squeue ended with ${answer.status}`, {
          evidence: answer.stderr.split('\n'),
        }),
      ])
    if (!jobs && !this.#isAway) this.#onNote('the controller of the cluster does not answer; waiting for it')
    if (jobs && this.#isAway) this.#onNote('the controller of the cluster answers again')
    this.#isAway = !jobs
    return jobs
  }

  cancel(options: readonly string[]) {
    return slurmCommand('scancel', [...options, `--name=${this.#jobName}`])
  }

  /**
   * Cancels all jobs of the sweep that there are, and waits until no node has one.
   *
   * @param looks how often jobs that run are looked at before they are cancelled: where nothing is left to do, they end
   */
  async endJobs({ note, queue, looks = 0 }: JobsEnd): Promise<void> {
    const backoff = new Backoff(ASK_MS)
    let isTold = false
    for (let look = 0; ; look++) {
      const jobs = (await this.jobs())?.filter(({ state }) => state !== 'ended')
      if (jobs?.length === 0) return
      if (jobs && look === 0 && note !== undefined) this.#onNote(note)
      // A second SIGTERM would end a job before it has tidied up.
      if (!isTold && look >= looks) {
        await this.cancel([])
        isTold = jobs !== undefined
      } else if (jobs?.some(({ state }) => state === 'waits')) await this.cancel(['--state=PENDING'])
      if (!jobs && queue && hasEnded(queue)) {
        this.#onNote('no job runs any more; those that still wait end as soon as they start')
        return
      }
      await pause(backoff.ms)
      backoff.grow()
    }
  }
}

/** They see the file that tells them to, also where the controller is away. */
function hasEnded(queue: Queue): boolean {
  const ended = queue.ended()
  return [...queue.begun()].every((name) => ended.has(name))
}
