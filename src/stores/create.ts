/** Makes a store, and removes one. */
import { closeSync, openSync, renameSync, rmSync, statfsSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { makeFolder, OWN_FILE, partialName } from '../own-files.ts'
import { formatBytes, KiB } from '../units.ts'
import { journalPath } from './journal.ts'
import { LEAST_LABEL } from './labels.ts'
import { lockStore } from './lock.ts'
import { type Made, newFile, recordMade } from './new-file.ts'
import { storeName } from './place.ts'
import { problems } from './problems.ts'
import { openStore, type Store } from './store.ts'
import { exists, isFolder, statsOf, told } from './system.ts'

export interface CreateRequest {
  readonly path: string
  /** What the guest can use; bytes. */
  readonly size: number
  /** Label area behind it; bytes, 0 for none. */
  readonly label: number
  /** A store that is there already is emptied, and takes the new size. */
  readonly discard: boolean
  readonly stateFolder: string
}

const PAGE = 4 * KiB

/**
 * Makes an empty store, sparse.
 *
 * @throws BringupError STORE_SIZE_UNFIT, STORE_EXISTS, STORE_FOLDER_MISSING, STORE_IN_USE, STORE_OPERATION_FAILED
 */
export async function createStore(request: CreateRequest): Promise<Store> {
  const { path, size, label, discard, stateFolder } = request
  const unfit = checkSizes(size, label)
  if (unfit.length > 0) throw new BringupError(unfit)
  // bringup makes the folders of its own stores only.
  if (storeName(path, { stateFolder }) !== undefined) told(path, () => makeFolder(dirname(path)))
  else if (!isFolder(dirname(path)))
    throw new BringupError([problems.STORE_FOLDER_MISSING.at('', `there is no folder ${dirname(path)}`)])
  const there = statsOf(path)
  if (there && !there.isFile())
    throw new BringupError([problems.STORE_IS_NO_FILE.at('', `${path} is no file`)])
  if (there && !discard) throw new BringupError([exists(path)])
  const made = { to: path, size, label, stateFolder }
  if (there) await replaceStore(made)
  else await makeStore(made)
  return openStore(path, { stateFolder })
}

/** Removes a store with its record. */
export async function removeStore(
  path: string,
  { stateFolder }: { readonly stateFolder: string },
): Promise<void> {
  if (openStore(path, { stateFolder }).kind !== 'file')
    throw new BringupError([problems.STORE_IS_NO_FILE.at('', `${path} is a DAX device`)])
  const journal = journalPath(path, stateFolder)
  await using _ = await lockStore(path, 'exclusive')
  told(path, () => {
    rmSync(path)
    rmSync(journal, { force: true })
  })
}

/** What no store can have; all of it. */
export function checkSizes(size: number, label: number): readonly Diagnostic[] {
  const unfit = (what: string) => problems.STORE_SIZE_UNFIT.at('', what)
  return [
    ...(size === 0 ? [unfit('the size is 0')] : []),
    ...(size % PAGE === 0 ? [] : [unfit(`the size, ${size} bytes, is not a multiple of 4K`)]),
    ...(label === 0 || label >= LEAST_LABEL
      ? []
      : [unfit(`a label area of ${formatBytes(label)} is too small`)]),
    ...(label % PAGE === 0 ? [] : [unfit(`the label area, ${label} bytes, is not a multiple of 4K`)]),
  ]
}

/** Bytes that are missing on the disk if the whole store is written; 0 when there is room. */
export function missingRoom({ path, bytes, allocatedBytes }: Store): number {
  const { bavail, bsize } = statfsSync(path)
  return Math.max(0, bytes - allocatedBytes - bavail * bsize)
}

async function makeStore(made: Made): Promise<void> {
  const file = newFile(made.to)
  try {
    told(made.to, () => truncateSync(file.path, made.size + made.label))
    recordMade(file.path, made)
    await file.name()
  } finally {
    file.close()
  }
}

/** An empty file takes the name of the old one, which is whole until then. */
async function replaceStore(made: Made): Promise<void> {
  await using _ = await lockStore(made.to, 'exclusive')
  const partial = partialName(made.to)
  try {
    told(made.to, () => {
      closeSync(openSync(partial, 'wx', OWN_FILE))
      truncateSync(partial, made.size + made.label)
      renameSync(partial, made.to)
    })
    recordMade(made.to, made)
  } finally {
    rmSync(partial, { force: true })
  }
}
