/** Saves a running rack under a name. */
import { dirname } from 'node:path'
import { cacheFolder } from '../project/cache-folder.ts'
import { namedFolder, refuseTaken } from '../states/named.ts'
import { addRackPlan } from '../states/named-rack.ts'
import { beginState } from '../states/open-state.ts'
import { bytesIn } from '../states/rack-record.ts'
import type { Run } from './run.ts'
import { type FramesOption, saveRack } from './save-rack.ts'

/** What was saved. */
export interface SavedNamedRack {
  readonly name: string
  readonly folder: string
  readonly bytes: number
  /** Name of the rack. */
  readonly rack: string
  readonly guests: readonly string[]
  readonly networks: readonly string[]
  /** How many frames were kept. */
  readonly frames: number
}

/** @throws BringupError STATE_NAME_TAKEN, RACK_NOT_SAVED, RACK_FRAMES_NOT_KEPT, GUEST_NOT_SAVED */
export async function saveNamedRack(
  run: Run,
  { name, frames }: { readonly name: string; readonly frames: FramesOption },
): Promise<SavedNamedRack> {
  // Runs are two folders below the one that keeps runs and stores.
  const folder = namedFolder(dirname(dirname(run.folder.path)), name)
  refuseTaken(folder, name)
  const { open, record, guests } = await saveRack(run, {
    begin: () => beginState(folder, name, 'nothing'),
    isLasting: true,
    key: name,
    frames,
  })
  try {
    addRackPlan(
      open.path,
      run.plan,
      guests.map(({ plan, facts }) => ({
        plan,
        folders: { cache: cacheFolder(), firmware: facts.qemu?.dataFolders ?? [] },
      })),
    )
    if (!open.keep()) refuseTaken(folder, name)
  } finally {
    open[Symbol.dispose]()
  }
  return {
    name,
    folder,
    bytes: bytesIn(folder),
    rack: record.rack,
    guests: record.guests.map((guest) => guest.name),
    networks: record.networks,
    frames: Object.values(record.frames).flat().length,
  }
}
