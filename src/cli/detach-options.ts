/** Options of runs in the background. `detach.ts`, which acts on them, is loaded only for such a run. */
import type { Invocation, OptionSpec } from './command.ts'

export const DETACH_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '-d, --detach',
    description: 'start the run in the background; see `ps`, `logs`, `attach`, `exec`, `cp`, `stop`',
  },
  { flags: '--name <name>', description: 'name of the run, which these commands take' },
  {
    flags: '--supervise <log>',
    description: 'be the process of a `run -d`, which has created this log',
    isHidden: true,
  },
]

/** Whether this process owns the run of a `run -d`. */
export const isSupervised = ({ supervise }: Invocation['options']) => typeof supervise === 'string'

/** A background run has no time-out unless one is given: a year. */
export const STAYS_MS = 365 * 24 * 60 * 60 * 1000
