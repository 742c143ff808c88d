/** Runs the commands of Slurm: words, never a shell. */
import { execa } from 'execa'
import { BringupError } from '../../diagnostics.ts'
import { problems } from './problems.ts'

export interface Answer {
  /** Exit status; undefined if it was ended before. */
  readonly status: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A client waits for a controller that is away for as long as MessageTimeout says, several times. */
const MOST_MS = 60_000
const MOST_BYTES = 1024 * 1024 * 1024

/** Variables of the job that bringup itself runs in: sbatch would take them for options. */
const OF_A_JOB = /^(?:SLURM_(?!CONF$|JWT$|CLUSTERS$)|SBATCH_(?:EXPORT|ARRAY_INX|REQUEUE|NO_REQUEUE)$)/

/**
 * Runs one command to its end.
 *
 * @throws BringupError SLURM_MISSING
 */
export async function slurmCommand(
  program: string,
  args: readonly string[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Answer> {
  const outside = Object.keys(process.env).filter((name) => OF_A_JOB.test(name))
  const result = await execa(program, [...args], {
    reject: false,
    stdin: 'ignore',
    timeout: MOST_MS,
    maxBuffer: MOST_BYTES,
    // Ctrl-C on the terminal must not end an sbatch that has submitted already.
    detached: true,
    env: { LC_ALL: 'C', ...Object.fromEntries(outside.map((name) => [name, undefined])) },
    ...(signal ? { cancelSignal: signal } : {}),
  })
  if (result.code === 'ENOENT')
    throw new BringupError([problems.SLURM_MISSING.at('--on slurm', `${program} is not in PATH`)])
  return { status: result.exitCode, stdout: result.stdout, stderr: result.stderr.trim() }
}

/** Whether the controller did not answer: it may answer later. */
export function isAway({ status, stderr }: Answer): boolean {
  return (
    status === undefined ||
    (status !== 0 &&
      /unable to contact slurm controller|socket timed out|connection (?:refused|failure|timed out)|zero bytes were transmitted|slurmctld is (?:down|not responding)|communication/i.test(
        stderr,
      ))
  )
}
