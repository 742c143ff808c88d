/** From tasks to jobs: tasks that need the same of a node share an array, whose elements take one task after another. Pure. */
import type { SlurmConfig } from '../../project/slurm-schema.ts'
import type { Task } from '../run-attempt.ts'

/** What a job of a group asks for. */
export interface Group {
  readonly cores: number
  readonly megabytes: number
  /** Its cells use the same file: they run one after another, in one job at a time. */
  readonly isSerial: boolean
  /** A job takes no further cell after this time. */
  readonly batchMs: number
  /** Slurm ends a job after this time. */
  readonly limitMs: number
}

/** A task, and what is known of its length. */
export interface Measured {
  readonly task: Task
  /** The longest run of that cell so far; undefined if there was none. */
  readonly earlierMs: number | undefined
}

const MiB = 1024 * 1024
/** Of the bringup that runs the cells. */
const OWN_MEGABYTES = 256
/** To start, to stage and to end. */
const AROUND_MS = 120_000

export interface Grouped {
  readonly groups: readonly Group[]
  /** Index of the group of each task. */
  readonly of: readonly number[]
}

export function groupTasks(tasks: readonly Measured[], config: Pick<SlurmConfig, 'batch' | 'time'>): Grouped {
  const shared = sharedBy(tasks.map(({ task }) => task))
  const keys = tasks.map(({ task: { cell } }, index) => {
    const { cores, bytes } = cell.cell
    return `${cores} ${Math.ceil(bytes / MiB)} ${shared[index] ?? ''}`
  })
  const names = [...new Set(keys)]
  const groups = names.map((name): Group => {
    const own = tasks.filter((_, index) => keys[index] === name)
    const { cores, bytes } = (own[0] as Measured).task.cell.cell
    const longestMs = Math.max(...own.map(mostMs))
    const batchMs = Math.min(
      config.batch,
      own.reduce((sum, one) => sum + mostMs(one), 0),
    )
    return {
      cores: Math.max(1, cores),
      megabytes: Math.ceil(bytes / MiB) + OWN_MEGABYTES,
      isSerial: own.some(({ task }) => task.cell.exclusive.length > 0),
      batchMs: config.time === undefined ? batchMs : Math.max(0, Math.min(batchMs, config.time - longestMs)),
      limitMs: config.time ?? batchMs + longestMs + AROUND_MS,
    }
  })
  return { groups, of: keys.map((key) => names.indexOf(key)) }
}

/** The longest that a run may take. One that took a second before is not given an hour, unless it needed more than that. */
function mostMs({ task, earlierMs }: Measured): number {
  const limits = task.cell.planned?.plan.guests.map(({ timeoutMs }) => timeoutMs) ?? []
  const timeoutMs = Math.max(60_000, ...limits) + AROUND_MS / 4
  return earlierMs === undefined || task.attempt > 1 ? timeoutMs : Math.min(timeoutMs, 3 * earlierMs + 60_000)
}

/** For each task the name of the set of tasks that it shares files or ports with, also by way of others. */
function sharedBy(tasks: readonly Task[]): readonly (string | undefined)[] {
  const parent = new Map<string, string>()
  const root = (item: string): string => {
    const above = parent.get(item) ?? item
    return above === item ? item : root(above)
  }
  for (const { cell } of tasks)
    for (const item of cell.exclusive) parent.set(root(item), root(cell.exclusive[0] ?? item))
  return tasks.map(({ cell: { exclusive } }) => (exclusive[0] === undefined ? undefined : root(exclusive[0])))
}

/** Lengths of the arrays for that many jobs. */
export function splitArrays(count: number, most: number): readonly number[] {
  const whole = Array.from({ length: Math.floor(count / most) }, () => most)
  return count % most === 0 ? whole : [...whole, count % most]
}
