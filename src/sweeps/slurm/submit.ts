/** Submits arrays of jobs. */
import { join } from 'node:path'
import { BringupError } from '../../diagnostics.ts'
import { PACKAGE_FOLDER } from '../../package-folder.ts'
import type { Project } from '../../project/project.ts'
import type { SlurmConfig } from '../../project/slurm-schema.ts'
import { isAway, slurmCommand } from './commands.ts'
import type { Group } from './groups.ts'
import { problems } from './problems.ts'
import type { Queue } from './queue.ts'
import { readPartitions } from './site.ts'

/** What all arrays of a round have in common. */
export interface Submission {
  readonly queue: Queue
  readonly mark: string
  readonly project: Pick<Project, 'folder' | 'configFile' | 'stateFolder'>
  readonly config: SlurmConfig
  /** By which the jobs of a sweep are found again. */
  readonly jobName: string
}

export interface ArrayRequest {
  readonly group: Group
  readonly index: number
  /** Elements of the array. */
  readonly count: number
  /** Nodes that have turned out to be unfit. */
  readonly exclude: readonly string[]
}

/** The words after `sbatch`. The job gets its words as arguments, so nothing of them is ever read by a shell. */
export function sbatchWords(
  { queue, mark, project, config, jobName }: Submission,
  { group, index, count, exclude }: ArrayRequest,
): readonly string[] {
  const { partition, account, qos, constraint, gres, reservation, nice } = config
  const named = { partition, account, qos, constraint, gres, reservation, nice }
  const without = [...(config.exclude === undefined ? [] : [config.exclude]), ...exclude].join(',')
  const logs = join(queue.logs, '%A_%a.log')
    .replaceAll('%', '%%')
    .replace(/%%A_%%a\.log$/, '%A_%a.log')
  return [
    '--parsable',
    `--job-name=${jobName}`,
    `--array=0-${count - 1}`,
    // A job that ends early is replaced by a new one, whose end says why.
    '--no-requeue',
    '--export=ALL',
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${group.cores}`,
    `--mem=${group.megabytes}M`,
    `--time=${Math.ceil(group.limitMs / 60_000)}`,
    `--chdir=${project.folder}`,
    `--output=${logs}`,
    '--open-mode=append',
    ...Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...(without === '' ? [] : [`--exclude=${without}`]),
    queue.script,
    queue.markFile,
    mark,
    process.execPath,
    join(PACKAGE_FOLDER, 'dist/cli/bin.js'),
    ...['--project', project.configFile ?? project.folder, '--state', project.stateFolder],
    ...['sweep', 'attempt', queue.folder, `${index}`],
  ]
}

/** @returns number of the array @throws BringupError with what sbatch says */
export async function submit(submission: Submission, request: ArrayRequest): Promise<number> {
  const answer = await slurmCommand('sbatch', sbatchWords(submission, request))
  // `NUMBER` or `NUMBER;CLUSTER`.
  if (answer.status === 0) return Number.parseInt(answer.stdout, 10)
  const evidence = answer.stderr.split('\n')
  if (isAway(answer))
    throw new BringupError([
      problems.SLURM_NOT_ANSWERING.at('--on slurm', 'sbatch cannot reach the controller', { evidence }),
    ])
  const said =
    evidence.findLast((line) => line !== '')?.replace(/^sbatch: (?:error: )?/, '') ?? 'it says nothing'
  if (!/invalid partition|no partition specified|default partition/i.test(answer.stderr))
    throw new BringupError([problems.SLURM_REFUSED.at('--on slurm', `sbatch: ${said}`, { evidence })])
  const { partition } = submission.config
  const known = await readPartitions()
  const what =
    partition === undefined
      ? 'the cluster has no default partition'
      : `the cluster has no partition "${partition}"`
  const remedy = known.length === 0 ? {} : { remedy: `set slurm.partition to one of: ${known.join(', ')}` }
  throw new BringupError([
    problems.SLURM_PARTITION_UNKNOWN.at('slurm.partition', what, { ...remedy, evidence }),
  ])
}
