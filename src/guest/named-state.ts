/** Saves a running guest under a name. */
import { cacheFolder } from '../project/cache-folder.ts'
import { addPlan, namedFolder, refuseTaken } from '../states/named.ts'
import { beginState } from '../states/open-state.ts'
import { bytesIn } from '../states/rack-record.ts'
import type { Guest } from './guest.ts'
import { saveGuest } from './save-guest.ts'

/** @throws BringupError STATE_NAME_TAKEN, GUEST_NOT_SAVED */
export async function saveNamed(
  guest: Guest,
  name: string,
): Promise<{ readonly name: string; readonly folder: string; readonly bytes: number }> {
  let folder = ''
  const { open, plan, facts } = await saveGuest(guest, (stateFolder) => {
    folder = namedFolder(stateFolder, name)
    refuseTaken(folder, name)
    return { begin: () => beginState(folder, name, 'nothing'), isLasting: true, key: name }
  })
  try {
    addPlan(open.path, plan, { cache: cacheFolder(), firmware: facts.qemu?.dataFolders ?? [] })
    if (!open.keep()) refuseTaken(folder, name)
  } finally {
    open[Symbol.dispose]()
  }
  return { name, folder, bytes: bytesIn(folder) }
}
