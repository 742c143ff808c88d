/** How a run ended. The six verdicts are kept apart all the way to the exit code of the process. */

/**
 * - `passed`: the guest said so.
 * - `failed`: the guest ended by itself and said that something is wrong.
 * - `crashed`: triple fault, panic, watchdog, an unexpected reset or power-off.
 * - `timed-out`: the guest still ran at the deadline.
 * - `machine-failed`: QEMU refused, died, or was killed by another process. Nothing is known about the guest's software.
 * - `interrupted`: the user, or the program that uses the library, ended it.
 */
export type Verdict = 'passed' | 'failed' | 'crashed' | 'timed-out' | 'machine-failed' | 'interrupted'

/**
 * Exit codes of `bringup`. Those of a run lie where guests' codes seldom do, since `run -- COMMAND` returns the
 * command's own code: 124 is timeout(1)'s, 125 is what `docker run` uses for its own failure, 130 is 128 + SIGINT.
 *
 * @example
 * await using guest = await launch({ memory: '64M' })
 * const { verdict } = await guest.done
 * process.exitCode = EXIT_CODES[verdict]
 */
export const EXIT_CODES = {
  passed: 0,
  failed: 1,
  /** Wrong usage, or a description with errors: nothing was started. */
  refused: 2,
  crashed: 123,
  'timed-out': 124,
  'machine-failed': 125,
  interrupted: 130,
  /** A bug in bringup. */
  internal: 70,
} as const satisfies Record<Verdict | 'refused' | 'internal', number>
