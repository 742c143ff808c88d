/** Reads all that a report shows of a sweep: its record, the summary of its cells, and one run of each. */
import { runOfId } from '../runs/record.ts'
import { type Comparison, compareSweeps, refuseSame } from '../sweeps/compare.ts'
import {
  type Attempt,
  findSweep,
  readAttempts,
  readSweep,
  type SweepFolder,
  type SweepRecord,
} from '../sweeps/record.ts'
import { type CellSummary, type SweepSummary, summarizeSweep } from '../sweeps/summary.ts'
import { type Room, type RunReport, readRunReport } from './read-run.ts'

export interface SweepReport {
  readonly record: SweepRecord
  readonly summary: SweepSummary
  /** With an earlier sweep, where one is named and found. */
  readonly comparison?: Comparison
  /** The runs that are shown in full, by the key of their cell. */
  readonly runs: ReadonlyMap<string, RunReport>
}

/** What is read of all runs together. */
const ROOM = { log: 6 * 1024 * 1024, picture: 512 * 1024, events: 40 }

/** @throws BringupError SWEEP_UNREADABLE; SWEEP_NOT_FOUND, SWEEP_SAME for what it is to be compared with */
export function readSweepReport(
  stateFolder: string,
  folder: SweepFolder,
  compareWith: string | undefined,
): SweepReport {
  const record = readSweep(folder)
  const attempts = readAttempts(folder)
  const summary = summarizeSweep(record, attempts)
  const share = (bytes: number) => Math.floor(bytes / Math.max(1, summary.cells.length))
  const room: Room = { log: share(ROOM.log), picture: share(ROOM.picture), events: ROOM.events }
  const other = earlier(stateFolder, folder, compareWith, record.compareWith)
  return {
    record,
    summary,
    ...(other ? { comparison: compareSweeps(other, { record, attempts }) } : {}),
    runs: new Map(
      summary.cells.flatMap((cell) => {
        const run = shownRun(cell)?.run
        const read = run === undefined ? undefined : readOr(stateFolder, run, room)
        return read ? [[cell.key, read] as const] : []
      }),
    ),
  }
}

/** The attempt that is shown in full: the last with the worst verdict. */
export function shownRun({ attempts, worst }: CellSummary): Attempt | undefined {
  const made = attempts.filter(({ run }) => run !== undefined)
  return made.findLast(({ verdict }) => verdict === worst) ?? made.at(-1)
}

/** Runs may have been deleted, lie on another computer, or be incomplete. */
function readOr(stateFolder: string, id: string, room: Room): RunReport | undefined {
  const run = runOfId(stateFolder, id)
  if (!run) return undefined
  try {
    return readRunReport(run, room)
  } catch {
    return undefined
  }
}

function earlier(
  stateFolder: string,
  { id }: SweepFolder,
  asked: string | undefined,
  configured: string | undefined,
) {
  const wanted = asked ?? configured
  if (wanted === undefined) return undefined
  try {
    const found = findSweep(stateFolder, wanted)
    const record = readSweep(found)
    if (asked !== undefined) refuseSame(record, { id })
    return found.id === id ? undefined : { record, attempts: readAttempts(found) }
  } catch (error) {
    // A baseline that the config names may not exist yet.
    if (asked !== undefined) throw error
    return undefined
  }
}
