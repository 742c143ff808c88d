/** Which run, and which guest of it, a command line means. */
import { BringupError } from '../diagnostics.ts'
import { problems } from '../runs/control-client.ts'
import { findGuest, findRun, listRuns, type RunFolder, type RunSummary, readRun } from '../runs/record.ts'
import type { OptionSpec } from './command.ts'

export const RUN_OPTION: OptionSpec = {
  flags: '--run <run>',
  description: 'name or id of the run (default: the newest running one that has the guest)',
  from: 'runs',
}

export interface FoundGuest {
  readonly run: RunFolder
  readonly guest: string
}

/**
 * The guest that is meant. A word may also be the name of a run with one guest.
 *
 * @param wanted Name of a guest; without it the only guest of the run.
 * @throws BringupError RUN_NOT_FOUND, RUN_GUEST_UNKNOWN, RUN_NOT_REACHED
 */
export function guestThatRuns(
  stateFolder: string,
  { wanted, run }: { readonly wanted: string | undefined; readonly run: unknown },
): FoundGuest {
  if (typeof run === 'string') return guestIn(findRun(stateFolder, run), wanted)
  const running = listRuns(stateFolder).filter(({ verdict }) => verdict === 'running')
  const fits = ({ guests }: RunSummary) => (wanted === undefined ? true : guests.includes(wanted))
  const found = running.findLast(fits)
  if (found) return guestIn(findRun(stateFolder, found.id), wanted)
  const named = running.findLast(({ label }) => label === wanted)
  if (named) return guestIn(findRun(stateFolder, named.id), undefined)
  throw noneRuns(running, wanted)
}

export interface FoundRack {
  readonly run: RunFolder
  /** Name of the rack. */
  readonly rack: string
}

/**
 * The guest that is meant, or the whole rack where a run is named and no guest of it.
 *
 * @param wanted Name of a guest or of a run; without it the newest run.
 * @throws BringupError as `guestThatRuns`
 */
export function targetThatRuns(
  stateFolder: string,
  { wanted, run }: { readonly wanted: string | undefined; readonly run: unknown },
): FoundGuest | FoundRack {
  const running = listRuns(stateFolder).filter(({ verdict }) => verdict === 'running')
  const isGuest = wanted !== undefined && running.some(({ guests }) => guests.includes(wanted))
  const named =
    typeof run === 'string'
      ? wanted === undefined && findRun(stateFolder, run)
      : running.findLast(({ label }) => wanted === undefined || label === wanted)
  if (named && !isGuest) {
    const found = findRun(stateFolder, named.id)
    const { plan } = readRun(found)
    if (plan.isRack) return { run: found, rack: plan.name }
  }
  return guestThatRuns(stateFolder, { wanted, run })
}

function guestIn(run: RunFolder, wanted: string | undefined): FoundGuest {
  const folder = findGuest(run, wanted)
  return { run, guest: wanted ?? folder.name }
}

function noneRuns(running: readonly RunSummary[], wanted: string | undefined): BringupError {
  const names = running.flatMap(({ guests }) => guests)
  const what =
    names.length === 0
      ? 'no run is running'
      : `no running guest is named "${wanted}"; these run: ${[...new Set(names)].join(', ')}`
  return new BringupError([problems.RUN_NOT_REACHED.at('', what)])
}
