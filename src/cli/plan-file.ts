/** Reads a saved plan. */
import { readFileSync } from 'node:fs'
import { BringupError } from '../diagnostics.ts'
import { findIntruder } from '../host/intruder.ts'
import { problems } from '../project/saved-plan.ts'

/**
 * The text of the file, or of standard input for `-`.
 *
 * @throws BringupError PLAN_UNREADABLE, also for a file that another user could change: a plan names programs to run
 */
export async function readPlanFile(path: string): Promise<string> {
  if (path === '-') {
    let text = ''
    for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk
    return text
  }
  const intruder = findIntruder(path)
  if (intruder !== undefined) throw new BringupError([problems.PLAN_UNREADABLE.at('--plan', intruder)])
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new BringupError([problems.PLAN_UNREADABLE.at('--plan', (cause as Error).message)], { cause })
  }
}
