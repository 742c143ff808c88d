/** Makes what was staged an installed QEMU, and removes one. */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { lockHolder } from '../host/file-locks.ts'
import { OWN_FILE } from '../own-files.ts'
import { isLock, takeLock } from '../processes/flock.ts'
import { digestsOf } from './digests.ts'
import { defaultQemu, qemusFolder, setDefaultQemu } from './folder.ts'
import { findInstalled } from './installed.ts'
import { problems } from './problems.ts'
import { type InstalledQemu, isName, type QemuRecord, RECORD, recordSchema } from './record.ts'
import { inQemus, REMOVED, REPLACED, type Staging } from './staging.ts'

export interface AddOptions {
  /** Takes the place of one that has the same name. Default: that is an error. */
  readonly replaces?: boolean
  readonly signal?: AbortSignal
}

/**
 * Writes the record with the digests of all files, and gives the folder its name: an installed QEMU is whole or not there.
 *
 * @example
 * await using staging = await stageQemu()
 * await addQemu(staging, { name: '7.2.22-source', version: '7.2.22', … })
 *
 * @throws BringupError QEMU_INSTALLED_ALREADY, QEMU_IN_USE; the signal's reason when aborted
 */
export async function addQemu(
  { folder: staged }: Pick<Staging, 'folder'>,
  about: Omit<QemuRecord, 'format' | 'files' | 'installedAt'>,
  { replaces = false, signal }: AddOptions = {},
): Promise<InstalledQemu> {
  const folder = dirname(dirname(staged))
  const files = await digestsOf(staged, { except: [RECORD], ...(signal ? { signal } : {}) })
  // A record that could not be read again, or a name that leads elsewhere, would be a damaged QEMU.
  const record = recordSchema.parse({ format: 1, ...about, installedAt: new Date().toISOString(), files })
  const home = join(folder, record.name)
  writeFileSync(join(staged, RECORD), `${JSON.stringify(record, null, 2)}\n`, { mode: OWN_FILE, flush: true })
  return inQemus(
    folder,
    async () => {
      if (!existsSync(home)) renameSync(staged, home)
      else if (replaces) await replace(home, staged)
      else throw new BringupError([problems.QEMU_INSTALLED_ALREADY.at('', `${about.name} is installed`)])
      return { name: about.name, folder: home, record }
    },
    signal,
  )
}

async function replace(home: string, staged: string): Promise<void> {
  await using _ = await holdUnused(home)
  const old = join(dirname(home), `${REPLACED}${basename(home)}`)
  rmSync(old, { recursive: true, force: true })
  renameSync(home, old)
  renameSync(staged, home)
  rmSync(old, { recursive: true, force: true })
}

export interface RemoveOptions {
  readonly isDefaultToo?: boolean
  readonly folder?: string
}

/**
 * Removes an installed QEMU.
 *
 * @param isDefaultToo Also removes the one that machines use by default; the default is the system's then
 * @throws BringupError QEMU_NOT_INSTALLED, QEMU_IN_USE
 */
export async function removeQemu(
  name: string,
  { isDefaultToo = false, folder = qemusFolder() }: RemoveOptions = {},
): Promise<void> {
  const home = join(folder, name)
  refuse(whyKept(name, isDefaultToo, folder))
  await inQemus(folder, async () => {
    refuse(whyKept(name, isDefaultToo, folder))
    const isDefault = defaultQemu(folder) === name
    await using _ = findInstalled(name, folder) ? await holdUnused(home) : undefined
    // One rename: an interrupted removal leaves nothing that could be started.
    const gone = join(folder, `${REMOVED}${name}`)
    rmSync(gone, { recursive: true, force: true })
    renameSync(home, gone)
    if (isDefault) setDefaultQemu(undefined, folder)
    rmSync(gone, { recursive: true, force: true })
  })
}

/**
 * Whether all of them can be removed, so that not half of them are.
 *
 * @throws BringupError with every problem
 */
export async function checkRemovals(
  names: readonly string[],
  { isDefaultToo = false, folder = qemusFolder() }: RemoveOptions = {},
): Promise<void> {
  const found: Diagnostic[] = []
  for (const name of names) {
    const why = whyKept(name, isDefaultToo, folder)
    found.push(...why)
    if (why.length > 0 || !findInstalled(name, folder)) continue
    try {
      await using _ = await holdUnused(join(folder, name))
    } catch (error) {
      if (!(error instanceof BringupError)) throw error
      found.push(...error.diagnostics)
    }
  }
  refuse(found)
}

function whyKept(name: string, isDefaultToo: boolean, folder: string): readonly Diagnostic[] {
  if (!isName(name) || !existsSync(join(folder, name)))
    return [problems.QEMU_NOT_INSTALLED.at('', `${name} is not installed`)]
  if (isDefaultToo || defaultQemu(folder) !== name) return []
  const remedy = 'choose another first: `bringup qemu use system`'
  return [problems.QEMU_IN_USE.at('', `${name} is the QEMU that machines use by default`, { remedy })]
}

function refuse(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length > 0) throw new BringupError(diagnostics)
}

/** Each guest holds the record of its QEMU while it runs. */
async function holdUnused(home: string): Promise<AsyncDisposable> {
  const path = join(home, RECORD)
  const lock = await takeLock(path)
  if (isLock(lock)) return lock
  const holder = lockHolder(path)
  const who = holder && holder.pid > 0 ? `process ${holder.pid} (${holder.command})` : 'another process'
  throw new BringupError([problems.QEMU_IN_USE.at('', `${home} is in use by ${who}`)])
}
