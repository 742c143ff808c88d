/** Jobs as `squeue --json` prints them. Pure. */
import * as z from 'zod'

/** Slurm 22 prints numbers and a word; later versions print `{ set, number }` and a list of words. */
const zNumber = z.lazy(() =>
  z
    .union([z.number(), z.null(), z.object({ set: z.boolean().optional(), number: z.number().optional() })])
    .transform((value) =>
      typeof value === 'object' ? (value?.set === false ? undefined : value?.number) : value,
    ),
)

const zState = z.lazy(() =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((value) => (typeof value === 'string' ? [value] : value)),
)

const zExit = z.lazy(() =>
  z
    .union([
      z.number().transform((status) => ({ code: (status >> 8) & 0xff, signal: status & 0x7f })),
      z
        .object({
          return_code: zNumber.optional(),
          signal: z.object({ id: zNumber.optional(), signal_id: zNumber.optional() }).optional(),
        })
        .transform((exit) => ({
          code: exit.return_code ?? 0,
          signal: exit.signal?.id ?? exit.signal?.signal_id ?? 0,
        })),
    ])
    .optional(),
)

const zQueue = z.lazy(() =>
  z.object({
    errors: z.array(z.unknown()).nullish(),
    jobs: z.array(
      z.object({
        job_id: z.number(),
        array_job_id: zNumber.optional(),
        array_task_id: zNumber.optional(),
        array_task_string: z.string().nullish(),
        name: z.string(),
        job_state: zState,
        state_reason: z.string().nullish(),
        restart_cnt: zNumber.optional(),
        exit_code: zExit,
        nodes: z.string().nullish(),
      }),
    ),
  }),
)

export type JobState = 'waits' | 'runs' | 'ends' | 'ended'

export interface Job {
  /** Number of its own: what SLURM_JOB_ID is in the job. */
  readonly id: number
  readonly array: number
  /** For people: `12_3`. */
  readonly label: string
  /** Elements of the array that it stands for: those that wait are one entry. */
  readonly count: number
  readonly state: JobState
  /** In Slurm's words: `NODE_FAIL`. */
  readonly word: string
  /** Why it waits: `Resources`. Empty for none. */
  readonly reason: string
  readonly restarts: number
  readonly exit: { readonly code: number; readonly signal: number }
  readonly node: string
}

const WAITS = [
  'PENDING',
  'CONFIGURING',
  'REQUEUED',
  'REQUEUE_HOLD',
  'REQUEUE_FED',
  'SPECIAL_EXIT',
  'RESV_DEL_HOLD',
]
const RUNS = ['RUNNING', 'SUSPENDED', 'STOPPED', 'SIGNALING', 'STAGE_OUT', 'RESIZING']

/**
 * Jobs of that name; undefined if they are not known: squeue of Slurm 22 exits with 0 and prints an empty list where the
 * controller does not answer, and only `errors` says so.
 */
export function jobsNamed(text: string, name: string): readonly Job[] | undefined {
  const { data } = zQueue.safeParse(json(text))
  if (data === undefined || (data.errors?.length ?? 0) > 0) return undefined
  return data.jobs.filter((job) => job.name === name).map(jobOf)
}

function jobOf(job: z.output<typeof zQueue>['jobs'][number]): Job {
  const { job_id: id, array_task_string: elements, job_state: words } = job
  const array = job.array_job_id || id
  const isMany = elements !== undefined && elements !== null && elements !== ''
  const isAny = (known: readonly string[]) => words.some((word) => known.includes(word))
  const state = isAny(['COMPLETING']) ? 'ends' : isAny(WAITS) ? 'waits' : isAny(RUNS) ? 'runs' : 'ended'
  const reason = job.state_reason ?? ''
  return {
    id,
    array,
    label: isMany
      ? `${array}_[${elements}]`
      : array === id && !job.array_job_id
        ? `${id}`
        : `${array}_${job.array_task_id ?? 0}`,
    count: isMany ? countOf(elements) : 1,
    state,
    word: words[0] ?? 'UNKNOWN',
    reason: reason === 'None' ? '' : reason,
    restarts: job.restart_cnt ?? 0,
    exit: job.exit_code ?? { code: 0, signal: 0 },
    node: job.nodes ?? '',
  }
}

/** Length of `3-10,12%4`. Long lists are cut by squeue, and end with `...`: then it is at least that many. */
export function countOf(elements: string): number {
  return elements
    .replace(/%\d+$/, '')
    .split(',')
    .reduce((sum, part) => {
      const [, first, last] = /^(\d+)(?:-(\d+))?/.exec(part) ?? []
      return first === undefined ? sum : sum + (last === undefined ? 1 : Number(last) - Number(first) + 1)
    }, 0)
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
