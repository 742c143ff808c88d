/** Runs cells as jobs of a Slurm cluster. */
import { slurmSchema } from '../../project/slurm-schema.ts'
import type { Executor, ExecutorMeans } from '../executor.ts'
import { listSweeps, readAttempt, readAttempts, readSweep } from '../record.ts'
import type { Task } from '../run-attempt.ts'
import { type Grouped, groupTasks, type Measured } from './groups.ts'
import { Queue } from './queue.ts'
import { readCores, readSite } from './site.ts'
import { Watch } from './watch.ts'

export const slurm: Executor = {
  name: 'slurm',
  slots,
  check: async () => void (await readSite()),
  run,
}

const configOf = ({ sweep, swept }: Pick<ExecutorMeans, 'sweep' | 'swept'>) =>
  sweep.slurm ?? swept.project.slurm ?? slurmSchema.parse({})

/** Cores of the cluster, for the time that is left; the jobs of others are not known. */
async function slots(
  tasks: readonly Task[],
  { jobs, signal }: Pick<ExecutorMeans, 'jobs' | 'signal'>,
): Promise<number> {
  const most = Math.max(1, Math.min(tasks.length, jobs ?? Number.POSITIVE_INFINITY))
  const cores = await readCores(signal)
  const wanted = tasks.reduce((sum, { cell }) => sum + Math.max(1, cell.cell.cores), 0)
  if (cores === undefined || wanted === 0) return most
  return Math.max(1, Math.min(most, Math.round((cores * tasks.length) / wanted)))
}

async function run(tasks: readonly Task[], means: ExecutorMeans): Promise<void> {
  const config = configOf(means)
  const jobName = `bringup-${means.folder.id}`
  const watch = new Watch(means, { config, jobName })
  // Jobs of a bringup that was killed: what they have finished counts, what they have begun runs again.
  await watch.endEarlier()
  const left = tasks.filter((task) => {
    const made = readAttempt(means.folder, { ...task, cell: task.cell.cell.key })
    if (made) means.onEnd(task, made)
    return made === undefined
  })
  if (left.length === 0 || means.signal.aborted) return
  const site = await readSite()
  const measured = measure(left, means)
  const grouped = groupTasks(measured, config)
  const { queue, mark } = Queue.create(means.folder.path, roundOf(measured, grouped, means))
  await watch.run({ queue, mark, site, tasks: left, groups: grouped.groups })
}

function roundOf(measured: readonly Measured[], { groups, of }: Grouped, means: ExecutorMeans) {
  const { stage, scratch } = configOf(means)
  return {
    isFresh: means.isFresh,
    isStaged: stage,
    ...(scratch === undefined ? {} : { scratch }),
    groups: [...groups],
    inputs: Object.fromEntries(
      measured.flatMap(({ task: { cell } }) => (cell.input ? [[cell.cell.key, { ...cell.input }]] : [])),
    ),
    tasks: measured.map(({ task: { cell, repeat, attempt }, earlierMs }, index) => ({
      cell: cell.cell.key,
      repeat,
      attempt,
      group: of[index] ?? 0,
      isPending: (cell.planned?.plan.pending.length ?? 0) > 0,
      expectedMs: earlierMs ?? 0,
    })),
  }
}

const EARLIER_SWEEPS = 5

/** How long each cell took in this sweep and in the last ones of that name. */
function measure(tasks: readonly Task[], { swept, folder }: ExecutorMeans): readonly Measured[] {
  const own = listSweeps(swept.project.stateFolder).filter((one) => nameOf(one) === swept.name)
  const longest = new Map<string, number>()
  for (const sweep of new Map([...own.slice(-EARLIER_SWEEPS), folder].map((one) => [one.id, one])).values())
    for (const { cell, totalMs } of readAttempts(sweep))
      longest.set(cell, Math.max(totalMs, longest.get(cell) ?? 0))
  return tasks.map((task) => ({ task, earlierMs: longest.get(task.cell.cell.key) }))
}

function nameOf(folder: Parameters<typeof readSweep>[0]): string | undefined {
  try {
    return readSweep(folder).name
  } catch {
    return undefined
  }
}
