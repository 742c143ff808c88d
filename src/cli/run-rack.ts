/** A run of several guests, or a background run, in this process: its events, its control socket, the report. */
import { BringupError } from '../diagnostics.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import type { RunResult } from '../runs/record.ts'
import type { Run, RunOptions } from '../runs/run.ts'
import type { Invocation } from './command.ts'
import { reportRack, showRackEvents } from './follow-rack.ts'

/**
 * Follows the run until it has ended, and reports it.
 *
 * @param start starts it with the listener that shows its events
 */
export async function runRack(
  { guests }: RunPlan,
  start: (shown: Pick<RunOptions, 'onEvent'>) => Run,
  { options, output }: Invocation,
): Promise<RunResult> {
  const names = guests.map(({ guest }) => guest)
  const isShown = !output.isJson && options.quiet !== true && options.events !== true
  const run = start(isShown ? { onEvent: showRackEvents(names, output) } : {})
  if (typeof options.supervise === 'string') {
    const { supervise } = await import('./detach.ts')
    await supervise(run, options.supervise)
  }
  const result = await run.done
  // A bug while a guest starts is no result.
  await run.started.catch(throwBug)
  output.json(result)
  if (!output.isJson && options.events !== true) reportRack(result, output)
  return result
}

function throwBug(error: unknown): void {
  if (!(error instanceof BringupError)) throw error
}
