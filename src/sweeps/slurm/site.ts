/** What is to be known of a cluster: its cores, its partitions and its limits. */
import { BringupError } from '../../diagnostics.ts'
import { isAway, slurmCommand } from './commands.ts'
import { problems } from './problems.ts'

/** Cores that jobs can have, used or not. Undefined where the controller does not say. */
export async function readCores(signal: AbortSignal): Promise<number | undefined> {
  const { stdout } = await slurmCommand('sinfo', ['--noheader', '--format=%C'], { signal })
  // Allocated, idle, other, all.
  const [, allocated, idle] = /^(\d+)\/(\d+)\//.exec(stdout) ?? []
  return allocated === undefined ? undefined : Number(allocated) + Number(idle)
}

/** Names of the partitions. */
export async function readPartitions(): Promise<readonly string[]> {
  const { stdout } = await slurmCommand('sinfo', ['--noheader', '--format=%R'])
  return [...new Set(stdout.split('\n').filter(Boolean))]
}

/** What the cluster allows. */
export interface Site {
  /** Elements of an array. */
  readonly mostElements: number
}

/** @throws BringupError SLURM_NOT_ANSWERING, SLURM_MISSING */
export async function readSite(): Promise<Site> {
  for (const program of ['sbatch', 'squeue', 'scancel']) await slurmCommand(program, ['--version'])
  const answer = await slurmCommand('scontrol', ['show', 'config'])
  if (isAway(answer))
    throw new BringupError([
      problems.SLURM_NOT_ANSWERING.at('--on slurm', 'scontrol cannot reach the controller', {
        evidence: answer.stderr.split('\n'),
      }),
    ])
  // The largest index is one less.
  const largest = /^MaxArraySize\s*=\s*(\d+)/m.exec(answer.stdout)?.[1]
  return { mostElements: Math.max(1, largest === undefined ? 1000 : Number(largest)) }
}
