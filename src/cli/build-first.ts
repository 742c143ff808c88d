/** What comes before a boot: findings of the plan, and the build of what is booted. */
import { BringupError } from '../diagnostics.ts'
import { errorsOf } from '../plan/run-plan.ts'
import type { PlannedRun, RunRequest } from '../project/run-planning.ts'
import type { BootProgress } from './boot-progress.ts'
import type { Output } from './output.ts'

/** @throws BringupError with every error of the plan */
export function refuseWrong({ plan }: PlannedRun): void {
  const errors = errorsOf(plan)
  if (errors.length > 0) throw new BringupError(errors)
}

/**
 * Builds what is to boot, and says how long that took; nothing where the profile has nothing to build.
 *
 * @throws BringupError when the build failed: nothing is booted then
 */
export async function buildFirst(
  request: RunRequest,
  output: Output,
  { isVerbose, progress: boot }: { readonly isVerbose: boolean; readonly progress: BootProgress | undefined },
): Promise<number | undefined> {
  const { showBuild } = await import('./build-progress.ts')
  const { buildProject } = await import('../project/building.ts')
  const progress = showBuild(output, { isVerbose })
  const result = await buildProject({
    ...request,
    isVerbose,
    onEvent: (event) => {
      boot?.clear()
      progress.onEvent(event)
    },
    hasColors: !output.isJson && output.errorColors.isColorSupported,
  })
  if (!result) return undefined
  if (result.result === 'built') return result.totalMs
  request.signal?.throwIfAborted()
  throw new BringupError(output.isJson ? result.diagnostics : progress.remaining(result))
}
