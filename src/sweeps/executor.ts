/** Where the runs of a sweep take place. A new place is one new file and its line in `executors.ts`. */
import type { SweepConfig } from '../project/sweep-schema.ts'
import type { Attempt, SweepFolder } from './record.ts'
import type { AttemptMeans, Task } from './run-attempt.ts'

/** What every executor works with. */
export interface ExecutorMeans extends Omit<AttemptMeans, 'job' | 'sweepId'> {
  readonly folder: SweepFolder
  readonly sweep: SweepConfig
  /** Most runs at a time; the executor decides without it. */
  readonly jobs: number | undefined
  readonly onStart: (task: Task) => void
  /** Called once for each task that has ended; the attempt is in the record already. */
  readonly onEnd: (task: Task, attempt: Attempt) => void
  /** A line for a person: a queue that waits, a node that went down. */
  readonly onNote: (text: string) => void
}

export interface Executor {
  readonly name: string
  /** Called before anything is recorded. @throws BringupError if nothing can run there */
  check?(): Promise<void>
  /** Runs at a time on average, for the time that is left. */
  slots(tasks: readonly Task[], means: Pick<ExecutorMeans, 'jobs' | 'signal'>): number | Promise<number>
  /**
   * Runs the tasks, in this order as far as possible. Resolves when all have ended or the signal is aborted and nothing is
   * left running.
   */
  run(tasks: readonly Task[], means: ExecutorMeans): Promise<void>
}
