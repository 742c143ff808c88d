/** Files that options name: checked before the work that fills them, then written. */
import { accessSync, constants, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  OPTION_FILE_NOT_WRITTEN: {
    title: 'A file that an option names cannot be written.',
    why: 'its folder is missing or not writable, or the disk is full',
    remedy: 'name a file in a folder that exists and is yours',
  },
  OPTION_FILE_TAKEN: {
    title: 'A file that an option names exists, and is not of the kind that would replace it.',
    why: 'bringup replaces only a file that is empty or that it has written itself',
    remedy: 'name another file, or delete that one first',
  },
})

/** A file that an option names. */
export interface NamedFile {
  readonly option: string
  readonly path: string
  /** Whether the content of an existing file is of the kind that is written: it is replaced only then. */
  readonly isOurs: (existing: Buffer) => boolean
}

/**
 * Refuses a file that could not be written, before the work whose result goes there.
 *
 * @throws BringupError OPTION_FILE_NOT_WRITTEN, OPTION_FILE_TAKEN
 */
export function checkNamedFile(file: NamedFile): void {
  attempt(file, () => {
    const stats = statSync(file.path, { throwIfNoEntry: false })
    if (stats?.isDirectory()) throw new Error(`${file.path} is a folder`)
    accessSync(stats ? file.path : dirname(file.path), constants.W_OK)
  })
}

/** @throws BringupError OPTION_FILE_NOT_WRITTEN, OPTION_FILE_TAKEN */
export function writeNamedFile(file: NamedFile, content: string | Uint8Array): void {
  attempt(file, () => writeFileSync(file.path, content))
}

function attempt({ option, path, isOurs }: NamedFile, act: () => void): void {
  try {
    if (isTaken(path, isOurs))
      throw new BringupError([
        problems.OPTION_FILE_TAKEN.at(option, `${path} exists and was not written by bringup`),
      ])
    act()
  } catch (error) {
    if (error instanceof BringupError) throw error
    throw new BringupError([problems.OPTION_FILE_NOT_WRITTEN.at(option, reasonOf(path, error as Error))])
  }
}

/** The system's errors in words. */
function reasonOf(path: string, { code, message }: NodeJS.ErrnoException): string {
  const folder = dirname(path)
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `${path}: the folder ${folder} does not exist`,
    ENOTDIR: `${path}: ${folder} is not a folder`,
    EACCES: `${path}: no permission to write there`,
    EPERM: `${path}: no permission to write there`,
    EROFS: `${path}: the file system is read-only`,
    ENOSPC: `${path}: the disk is full`,
    EDQUOT: `${path}: the quota of this user is used up`,
  }
  return (code === undefined ? undefined : reasons[code]) ?? message
}

/** Devices and pipes hold nothing that could be lost. */
function isTaken(path: string, isOurs: (existing: Buffer) => boolean): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && stats.size > 0 && !isOurs(readFileSync(path))
}
