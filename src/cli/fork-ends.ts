/** What ends a fork besides its command: `--until`, `--until-regex` and `--timeout`, as those of `run`. */
import type { GuestPlan } from '../plan/plan.ts'
import { withPassPatterns } from '../project/kernel-form.ts'
import { zDuration } from '../units.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { isSupervised, STAYS_MS } from './detach-options.ts'
import { TIMEOUT_OPTION } from './machine-options.ts'
import { UNTIL_OPTIONS, untilPatterns } from './until-options.ts'
import { usageError } from './usage.ts'

export const FORK_END_OPTIONS: readonly OptionSpec[] = [...UNTIL_OPTIONS, TIMEOUT_OPTION]

export interface ForkEnds {
  /** Sources of regular expressions. */
  readonly until: readonly string[]
  /** Undefined: that of the guest that was saved. */
  readonly timeoutMs: number | undefined
}

/** @throws usage error with every option that cannot be understood */
export function forkEndsOf(options: Invocation['options']): ForkEnds {
  return { until: untilPatterns(options), timeoutMs: timeoutOf(options) ?? staysMs(options) }
}

/** A guest of the fork, which ends so. */
export const withForkEnds = (
  plan: GuestPlan,
  { until, timeoutMs = plan.timeoutMs }: ForkEnds,
): GuestPlan => ({
  ...plan,
  judgement: withPassPatterns(plan.judgement, until),
  timeoutMs,
})

function timeoutOf({ timeout }: Invocation['options']): number | undefined {
  if (timeout === undefined) return undefined
  const parsed = zDuration.safeParse(timeout)
  if (parsed.success) return parsed.data
  throw usageError(`--timeout: ${parsed.error.issues[0]?.message}`, 'write it such as --timeout 30s')
}

const staysMs = (options: Invocation['options']) => (isSupervised(options) ? STAYS_MS : undefined)
