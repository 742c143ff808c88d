/** What comes before the runs of a sweep: builds, and files that profiles fetch or make. */
import { planBuild } from '../project/building.ts'
import { planRun } from '../project/run-planning.ts'
import { readingOnce } from '../read-once.ts'
import { requestOfCell } from '../sweeps/cell-request.ts'
import { nameOfCell, type PlannedCell } from '../sweeps/plan-sweep.ts'
import type { PlannedSweep } from '../sweeps/run-sweep.ts'
import { build } from './build-first.ts'
import type { Output } from './output.ts'

interface Preparation {
  /** False runs the last build. */
  readonly isBuilt: boolean
  readonly signal: AbortSignal
  readonly progress: (what: string) => void
}

/**
 * Builds what the cells boot, and prepares what is missing, once for all cells that need the same.
 *
 * @returns whether anything was built or made: then the cells have to be planned again
 * @throws BringupError with what a build says
 */
export async function prepareCells(
  planned: PlannedSweep,
  output: Output,
  { isBuilt, signal, progress }: Preparation,
): Promise<boolean> {
  const { swept, cells } = planned
  const requestOf = ({ combination }: PlannedCell) => ({
    ...requestOfCell(swept, combination, nameOfCell(swept.name, combination.key)),
    signal,
  })
  const builds = isBuilt ? await distinctBuilds(cells, requestOf) : []
  for (const cell of builds) await build(requestOf(cell), output, { isVerbose: false, progress: undefined })
  const pending = distinct(cells, ({ planned: run }) => run?.plan.pending ?? [])
  for (const cell of pending) await planRun({ ...requestOf(cell), progress })
  return builds.length > 0 || pending.length > 0
}

/** A cell for each graph that profiles have for them. */
async function distinctBuilds(
  cells: readonly PlannedCell[],
  requestOf: (cell: PlannedCell) => Parameters<typeof planBuild>[0],
): Promise<readonly PlannedCell[]> {
  const found = new Map<string, PlannedCell>()
  await readingOnce(async () => {
    for (const cell of cells) {
      if (!cell.planned?.guests.some(({ profile }) => profile.build)) continue
      const planned = await planBuild(requestOf(cell))
      if (planned) found.set(JSON.stringify([planned.profile.name, planned.graph]), cell)
    }
  })
  return [...found.values()]
}

/** A cell for each list that is not empty. */
function distinct(
  cells: readonly PlannedCell[],
  listOf: (cell: PlannedCell) => readonly unknown[],
): readonly PlannedCell[] {
  return [
    ...new Map(
      cells.filter((cell) => listOf(cell).length > 0).map((cell) => [JSON.stringify(listOf(cell)), cell]),
    ).values(),
  ]
}
