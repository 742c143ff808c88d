/** `bringup sweep attempt`: what a job of a cluster runs. Not for people. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { work } from '../../../sweeps/slurm/worker.ts'
import type { Command, Invocation } from '../../command.ts'

export const attempt: Command = {
  summary: 'run cells of a sweep as a job of a cluster',
  isHidden: true,
  arguments: [
    { name: '<folder>', description: 'tasks of the sweep', from: 'folders' },
    { name: '<group>', description: 'those that this job takes' },
  ],
  examples: [{ command: 'bringup sweep attempt FOLDER 0', says: 'the first group of tasks' }],
  run,
}

async function run({ args, signal, project }: Invocation): Promise<number> {
  const [folder = '', group = ''] = args
  if (signal.aborted) ignoreFurther()
  else signal.addEventListener('abort', ignoreFurther)
  await work({ project: await project(), folder, group: Number(group), signal })
  return signal.aborted ? EXIT_CODES.interrupted : EXIT_CODES.passed
}

/** Slurm repeats SIGTERM, and a second one would end bringup before it has tidied up. SIGKILL comes after KillWait. */
function ignoreFurther(): void {
  process.removeAllListeners('SIGTERM')
  process.on('SIGTERM', () => {})
}
