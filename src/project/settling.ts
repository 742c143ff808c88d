/** What guests of profiles do before their first command: one that does not answer in time is a finding and no error. */
import { BringupError } from '../diagnostics.ts'
import type { Settling } from './profile.ts'

/** Exit code of a command that the guest does not have. */
export const NOT_FOUND = 127

/** Runs a command of a settling; no answer within that time counts as one that failed. */
export async function answerWithin(
  run: Parameters<Settling>[0],
  argv: readonly string[],
  timeoutMs: number,
): ReturnType<Parameters<Settling>[0]> {
  try {
    return await run(argv, { timeoutMs })
  } catch (error) {
    if (!(error instanceof BringupError && error.code === 'SHELL_TIMEOUT')) throw error
    return { stdout: '', stderr: `no answer within ${timeoutMs / 1000} s`, exitCode: 1 }
  }
}
