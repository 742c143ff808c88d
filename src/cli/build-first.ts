/** What comes before a boot: findings of the description, the build of what is booted, and the plan with it. */
import { BringupError } from '../diagnostics.ts'
import { errorsOf } from '../plan/run-plan.ts'
import { type PlannedRun, planOnly, planRun, type RunRequest } from '../project/run-planning.ts'
import type { BootProgress } from './boot-progress.ts'
import { formatDiagnostics } from './errors.ts'
import type { Output } from './output.ts'

export interface BuildFirst {
  /** False boots the last build. */
  readonly isBuilt: boolean
  readonly isVerbose: boolean
  readonly progress: BootProgress | undefined
}

/**
 * The plan that is run. What is wrong with the description is said before anything is built, fetched or made for it.
 *
 * @throws BringupError with every error of the plan, or with what the build says
 */
export async function planAndBuild(
  request: RunRequest,
  output: Output,
  { isBuilt, ...shown }: BuildFirst,
): Promise<{ readonly made: PlannedRun; readonly buildMs?: number }> {
  const early = await planOnly(request)
  const errors = errorsOf(early.plan)
  if (errors.length > 0) throw new BringupError(errors)
  const buildMs = isBuilt ? await build(request, output, shown) : undefined
  if (!isBuilt) await sayOutdated(request, output)
  if (buildMs === undefined && early.plan.pending.length === 0) return { made: early }
  return { made: await planRun(request), ...(buildMs === undefined ? {} : { buildMs }) }
}

/** The last build may be older than its sources. What cannot be planned is not built either. */
async function sayOutdated(request: RunRequest, output: Output): Promise<void> {
  const { outdatedBuild } = await import('../project/building.ts')
  const found = await outdatedBuild(request).catch((error: unknown) => {
    if (error instanceof BringupError) return []
    throw error
  })
  if (found.length > 0) output.note(`${formatDiagnostics(found, output.errorPage)}\n`)
}

/**
 * Builds what is to boot, and says how long that took; nothing where the profile has nothing to build.
 *
 * @throws BringupError when the build failed: nothing is booted then
 */
export async function build(
  request: RunRequest,
  output: Output,
  { isVerbose, progress: boot }: Omit<BuildFirst, 'isBuilt'>,
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
