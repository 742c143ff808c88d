/** The folder in which a QEMU is made. It becomes an installed QEMU as a whole, or goes without a trace. */
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { makeFolder, OWN_FILE } from '../own-files.ts'
import { withLock } from '../processes/file-lock.ts'
import { isLock, takeLock } from '../processes/flock.ts'
import { startGuard } from '../processes/guard.ts'
import { randomDigits } from '../random-name.ts'
import { qemusFolder } from './folder.ts'
import { problems } from './problems.ts'

const STAGING = /^\.staging-[0-9a-f]{16}$/
/** A QEMU that is being replaced lies under this name and its own until the new one is in its place. */
export const REPLACED = '.replaced-'
/** A QEMU that is being removed. */
export const REMOVED = '.removed-'

/** Disposing of it removes what `addQemu` did not take. */
export interface Staging extends AsyncDisposable {
  /** Empty at first; its content becomes the folder of the QEMU. */
  readonly folder: string
  /** For what does not belong to the QEMU: sources, downloads, temporary files. */
  readonly work: string
  /** For programs that work in it: with it they end with this process. */
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Makes a folder to make a QEMU in. It is removed when this process is killed, too: by its guard, or, if that was killed
 * as well, by the next call.
 *
 * @example
 * await using staging = await stageQemu()
 * // … fill staging.folder …
 * await addQemu(staging, record)
 *
 * @throws BringupError QEMU_FOLDER_UNUSABLE; the signal's reason when aborted
 */
export async function stageQemu(folder = qemusFolder(), signal?: AbortSignal): Promise<Staging> {
  try {
    makeFolder(folder)
    return await inQemus(folder, () => stage(folder), signal)
  } catch (error) {
    throw unusable(folder, error) ?? error
  }
}

/** One process at a time changes the folder: what it does in it is short. */
export const inQemus = <T>(folder: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
  withLock(join(folder, '.lock'), work, signal)

async function stage(folder: string): Promise<Staging> {
  await removeStale(folder)
  const room = join(folder, `.staging-${randomDigits(16)}`)
  const [inner, work, lockFile] = [join(room, 'qemu'), join(room, 'work'), join(room, 'lock')]
  const guard = startGuard({ graceMs: 0, remove: room })
  for (const path of [room, inner, work]) makeFolder(path)
  writeFileSync(lockFile, '', { mode: OWN_FILE })
  const lock = await takeLock(lockFile)
  return {
    folder: inner,
    work,
    environment: { ...guard.environment, TMPDIR: work },
    async [Symbol.asyncDispose]() {
      rmSync(room, { recursive: true, force: true })
      if (isLock(lock)) await lock[Symbol.asyncDispose]()
      guard[Symbol.dispose]()
    },
  }
}

/** What processes left that were killed together with their guards: a staging folder whose lock is free, a half replacement. */
async function removeStale(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (STAGING.test(name)) {
      const lock = await takeLock(join(path, 'lock'))
      if (!isLock(lock)) continue
      await using _ = lock
      rmSync(path, { recursive: true, force: true })
    } else if (name.startsWith(REMOVED)) {
      rmSync(path, { recursive: true, force: true })
    } else if (name.startsWith(REPLACED)) {
      const home = join(folder, name.slice(REPLACED.length))
      if (existsSync(home)) rmSync(path, { recursive: true, force: true })
      else renameSync(path, home)
    }
  }
}

function unusable(folder: string, error: unknown): BringupError | undefined {
  const { code, syscall = '' } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === '' || syscall.startsWith('spawn')) return undefined
  const what = `${folder}: ${(error as Error).message}`
  return new BringupError([problems.QEMU_FOLDER_UNUSABLE.at('', what)], { cause: error })
}
