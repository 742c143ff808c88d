/** The folder of a state while it is filled: whole under its name, or not there. */
import { renameSync, rmSync } from 'node:fs'
import { makeFolder } from '../own-files.ts'
import { startGuard } from '../processes/guard.ts'
import { randomDigits } from '../random-name.ts'
import { readState } from './record.ts'

/** A folder being filled. Deleted when disposed of or when this process dies, unless it was kept. */
export interface OpenState extends Disposable {
  readonly path: string
  /** Renames it to its final name. False if a usable state has that name already. */
  keep(): boolean
}

/**
 * @param key of the state; none for those that their process deletes
 * @param replaces what `keep` may delete to make room: a state that cannot be used, or nothing
 * @throws the system's error where it cannot be made
 */
export function beginState(
  folder: string,
  key = '',
  replaces: 'nothing' | 'unusable' = 'unusable',
): OpenState {
  const path = `${folder}.${randomDigits(16)}.part`
  const guard = startGuard({ graceMs: 0, remove: path })
  let isKept = false
  try {
    makeFolder(path)
  } catch (error) {
    guard[Symbol.dispose]()
    throw error
  }
  return {
    path,
    keep() {
      if (replaces === 'nothing') isKept = isRenamed(path, folder)
      else if (typeof readState(folder, key) !== 'object') {
        rmSync(folder, { recursive: true, force: true })
        renameSync(path, folder)
        isKept = true
      }
      return isKept
    },
    [Symbol.dispose]() {
      if (!isKept) rmSync(path, { recursive: true, force: true })
      guard[Symbol.dispose]()
    },
  }
}

/** Renames a folder, unless one of that name has content. */
function isRenamed(path: string, folder: string): boolean {
  try {
    renameSync(path, folder)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}
