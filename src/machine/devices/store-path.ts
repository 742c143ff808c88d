/** Where bringup keeps the stores that a description gives no file for. */

/**
 * `.bringup/stores/<machine>/<id><extension>`, relative to the project's folder. Plain and predictable, so that the next
 * boot of the same machine finds what the last one wrote, and a person can copy or delete it.
 * Ids are safe as file names by their schema; a machine's name is made so.
 */
export function storePath(machine: string, id: string, extension = '.img'): string {
  return `.bringup/stores/${machine.replaceAll(/[^A-Za-z0-9._-]|^\.+/g, '_')}/${id}${extension}`
}
