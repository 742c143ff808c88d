/** Nodes that cannot run cells: they get no more jobs, and the reason is an error once no node is left. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, type Diagnostic } from '../../diagnostics.ts'
import { problems } from './problems.ts'
import { type Queue, SCRIPT_ENDS } from './queue.ts'
import type { Job } from './squeue.ts'

/** Jobs that may end before bringup starts, each on another node, while none has started it. */
const MOST_FAILURES = 20

/** They say nothing about bringup. */
const NOT_ITS_FAULT = ['NODE_FAIL', 'PREEMPTED', 'BOOT_FAIL', 'COMPLETED']

export class Nodes {
  readonly excluded = new Set<string>()
  readonly #failed = new Set<string>()
  readonly #findings: Diagnostic[] = []
  readonly #onNote: (text: string) => void

  constructor(onNote: (text: string) => void) {
    this.#onNote = onNote
  }

  /** Whether a job that has ended without starting bringup excludes its node. */
  hasFailed(job: Job, queue: Queue): boolean {
    const key = `${job.id}.${job.restarts}`
    if (this.#failed.has(key) || NOT_ITS_FAULT.includes(job.word)) return false
    this.#failed.add(key)
    return this.#exclude(job.node, findingOf(job, queue))
  }

  /** A job says that its node would run something else. Returns whether that is new. */
  isUnfit(node: string, why: string): boolean {
    return this.#exclude(node, problems.SLURM_NODE_DIFFERS.at('--on slurm', why))
  }

  /** @throws BringupError if no job has started bringup, and it does not look as if one would */
  judge({ hasBegun, isIdle }: { readonly hasBegun: boolean; readonly isIdle: boolean }): void {
    const error = this.error()
    if (!hasBegun && error && (isIdle || this.#failed.size >= MOST_FAILURES)) throw error
    if (!hasBegun) return
    for (const { code, what } of this.#findings)
      this.#onNote(`warning ${code}: ${what}; the node gets no more cells`)
  }

  /** Why nodes were excluded; undefined if none was. */
  error(cause?: unknown): BringupError | undefined {
    const kinds = new Map(this.#findings.map((finding) => [finding.code, finding]))
    return kinds.size === 0 ? undefined : new BringupError([...kinds.values()], { cause })
  }

  #exclude(node: string, finding: Diagnostic): boolean {
    // Jobs that wait end without a node once all of them are excluded.
    if (node !== '' || this.excluded.size === 0) this.#findings.push(finding)
    if (node === '' || this.excluded.has(node)) return false
    this.excluded.add(node)
    return true
  }
}

function findingOf(job: Job, queue: Queue): Diagnostic {
  const { code } = job.exit
  const evidence = logOf(queue, job)
  if (job.node === '')
    return problems.SLURM_JOB_FAILED.at(
      '--on slurm',
      `job ${job.label} ended with ${job.word} without a node`,
    )
  const what = `job ${job.label} on node ${job.node} ended with ${job.word}${code === 0 ? '' : `, exit status ${code}`}`
  // slurmd itself fails before the script if it cannot make the log.
  const isUnshared =
    code === SCRIPT_ENDS.notShared || (code !== SCRIPT_ENDS.noProgram && evidence.length === 0)
  const kind = isUnshared
    ? 'SLURM_NOT_SHARED'
    : code === SCRIPT_ENDS.noProgram
      ? 'SLURM_PROGRAM_MISSING'
      : 'SLURM_JOB_FAILED'
  return problems[kind].at('--on slurm', what, { evidence })
}

const LOG_LINES = 20

function logOf({ logs }: Queue, { label }: Job): readonly string[] {
  try {
    return readFileSync(join(logs, `${label}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-LOG_LINES)
  } catch {
    return []
  }
}
