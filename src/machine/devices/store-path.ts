/** Where bringup keeps the stores that a description gives no file for. */
import type { MachineView } from '../device.ts'

/**
 * `.bringup/stores/<machine>/<id><extension>`, below the state folder once the machine has a home. Plain and predictable, so that the next
 * boot of the same machine finds what the last one wrote, and a person can copy or delete it.
 * Ids are safe as file names by their schema; a machine's name is made so.
 */
export function storePath(
  machine: Pick<MachineView, 'name' | 'home'>,
  id: string,
  extension = '.img',
): string {
  const state = machine.home?.stateFolder ?? '.bringup'
  return `${state}/stores/${machine.name.replaceAll(/[^A-Za-z0-9._-]|^\.+/g, '_')}/${id}${extension}`
}

/** What helps where another run holds a store that the description gives no file for. */
export const OWN_STORE_BUSY =
  'wait for the other run or end it; a run beside it has stores of its own with --state FOLDER, or as a machine of another name'
