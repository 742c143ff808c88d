/** Which run, and which guest of it, a command line means. */
import { BringupError } from '../diagnostics.ts'
import { problems } from '../runs/control-client.ts'
import { findGuest, findRun, listRuns, type RunFolder, type RunSummary } from '../runs/record.ts'
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
