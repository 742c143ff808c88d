/** The folder that a source tree goes to: what is there, who works in it, and how it is left. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { isLock, LOCK_TAKEN, takeLock } from '../../processes/flock.ts'
import { type Marker, readMarker } from './marker.ts'

export const problems = defineDiagnostics({
  CHECKOUT_FOLDER_TAKEN: {
    title: 'The target folder of the check-out already holds something else.',
    why: 'a check-out never writes to a folder with other files',
    remedy: 'name another folder, or move the files away',
  },
  CHECKOUT_FOLDER_DENIED: {
    title: 'The folder cannot be created or written to.',
    why: 'the source tree belongs to you, not to root',
    remedy: 'name a folder that you can write to',
  },
  CHECKOUT_RUNNING: {
    title: 'Another check-out works in the same folder.',
    why: 'two of them would write the same files',
    remedy: 'wait for the other one, or end it',
    source: 'flock(2) on the folder’s .git',
  },
})

/** What was found at the place. */
export type FolderState =
  | { readonly kind: 'absent' | 'empty' }
  | { readonly kind: 'unfinished'; readonly marker: Marker }
  | { readonly kind: 'clone' }

/**
 * Looks; changes nothing.
 *
 * @throws BringupError CHECKOUT_FOLDER_TAKEN, CHECKOUT_FOLDER_DENIED
 */
export function inspectFolder(folder: string): FolderState {
  const stats = statOf(folder)
  if (stats === undefined) return { kind: 'absent' }
  if (!stats.isDirectory()) throw taken(`${folder} is a file`)
  const marker = readMarker(folder)
  if (marker) return { kind: 'unfinished', marker }
  const names = namesIn(folder)
  const gitFolder = join(folder, '.git')
  if (names.length === 0 || (names.length === 1 && isEmptyFolder(gitFolder))) return { kind: 'empty' }
  if (!names.includes('.git')) throw taken(`${folder} is not empty: it has ${some(names)}`)
  if (!lstatSync(gitFolder).isDirectory())
    throw taken(`${folder} is a worktree or a submodule of another clone`)
  if (!existsSync(join(gitFolder, 'HEAD'))) throw taken(`${folder} has a .git that is no repository`)
  return { kind: 'clone' }
}

function taken(what: string): BringupError {
  return new BringupError([problems.CHECKOUT_FOLDER_TAKEN.at('', what)])
}

function some(names: readonly string[]): string {
  const shown = names.toSorted().slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOTDIR') throw taken(`a part of ${path} is a file`)
    throw deniedOr(cause, path)
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    throw deniedOr(cause, folder)
  }
}

function isEmptyFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true && readdirSync(path).length === 0
}

/** What the file system refuses is the user's to fix; anything else stays what it is. */
function deniedOr(cause: unknown, folder: string): unknown {
  const { code, message } = cause as NodeJS.ErrnoException
  if (!['EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ELOOP'].includes(code ?? '')) return cause
  return new BringupError([problems.CHECKOUT_FOLDER_DENIED.at('', `${folder}: ${message}`)], { cause })
}

/**
 * Makes the folder with an empty `.git`, and returns the outermost folder that had to be made for it.
 *
 * @throws BringupError CHECKOUT_FOLDER_DENIED
 */
export function makeFolder(folder: string): string | undefined {
  try {
    const made = mkdirSync(folder, { recursive: true })
    mkdirSync(join(folder, '.git'), { recursive: true })
    return made
  } catch (cause) {
    throw deniedOr(cause, folder)
  }
}

/** Takes that back; a folder with files of others stays. */
export function unmakeFolder(folder: string, made: string | undefined): void {
  rmSync(join(folder, '.git'), { recursive: true, force: true })
  if (made !== undefined) removeEmpty(folder, made)
}

/** Whether a fetch has come to its end there: then there is something to go on with. */
export function hasHistory(folder: string): boolean {
  const bytes = (name: string) => statSync(join(folder, '.git', name), { throwIfNoEntry: false })?.size ?? 0
  return ['FETCH_HEAD', 'packed-refs', 'shallow', 'refs/remotes/origin'].some((name) => bytes(name) > 0)
}

/** From the inside outwards. */
function removeEmpty(from: string, to: string): void {
  try {
    rmdirSync(from)
  } catch {
    return
  }
  if (from !== to) removeEmpty(dirname(from), to)
}

/**
 * Holds the folder for this process; the lock ends with it, however it ends. Undefined on a file system without locks,
 * and on a computer without flock: that is left to git's own locks.
 *
 * @throws BringupError CHECKOUT_RUNNING
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable | undefined> {
  const lock = await takeLock(join(folder, '.git'))
  if (isLock(lock)) return lock
  if (lock.status !== LOCK_TAKEN) return undefined
  throw new BringupError([problems.CHECKOUT_RUNNING.at('', `${folder} is being worked on`)])
}

/**
 * Deletes what a killed git left: stale locks and partial packs. Only for a folder that is
 * locked and has a marker.
 */
export function sweepLeftovers(folder: string): void {
  const gitFolder = join(folder, '.git')
  for (const name of readdirSync(gitFolder, { recursive: true, encoding: 'utf8' })) {
    const inObjects = /(^|\/)objects\//.test(name)
    const isLeft = inObjects ? basename(name).startsWith('tmp_') : name.endsWith('.lock')
    if (isLeft) rmSync(join(gitFolder, name), { recursive: true, force: true })
  }
}
