/**
 * Folders and files that bringup writes for itself: for this user only, whole or not at all, and never through a name
 * that another user could have put there before.
 */
import { linkSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { randomDigits } from './random-name.ts'

/** Records hold what guests printed, stores what they wrote: private to this user. */
export const OWN_FILE = 0o600
export const OWN_FOLDER = 0o700

/**
 * Makes a folder and those above it. Node's own `recursive` never ends below /proc, where folders cannot be made and
 * the error says that one is missing.
 *
 * @throws the system's error of the first folder that cannot be made
 */
export function makeFolder(path: string, mode: number = OWN_FOLDER): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && isFolder(path)) return
    const above = dirname(path)
    if (code !== 'ENOENT' || above === path || isFolder(above)) throw error
    makeFolder(above, mode)
    makeFolder(path, mode)
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** A name beside a file that is hard to guess, for what becomes that file once it is whole. Open it with `wx`. */
export function partialName(path: string): string {
  return `${path}.${randomDigits(16)}.part`
}

/** Writes a file whole or not at all, and makes its folder. With `isDurable` it is on the disk then. */
export function writeWhole(
  path: string,
  content: string | Uint8Array,
  { mode = OWN_FILE, isDurable = false }: { readonly mode?: number; readonly isDurable?: boolean } = {},
): void {
  const partial = partialName(path)
  makeFolder(dirname(path))
  try {
    writeFileSync(partial, content, { flag: 'wx', mode, flush: isDurable })
    renameSync(partial, path)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
}

/**
 * Writes a file whole, unless there is one of that name: of several processes, also on several computers that share a file
 * system, one wins. Its folder must exist.
 *
 * @returns whether this one was written
 */
export function writeNew(path: string, content: string | Uint8Array): boolean {
  const partial = partialName(path)
  try {
    writeFileSync(partial, content, { flag: 'wx', mode: OWN_FILE })
    linkSync(partial, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(partial, { force: true })
  }
}
