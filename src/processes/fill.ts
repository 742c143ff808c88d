/**
 * Fills an entry of a cache: whole or not at all, once however many processes want it, and with nothing left when this
 * process is killed.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { makeFolder, partialName } from '../own-files.ts'
import { withLock } from './file-lock.ts'
import { startGuard } from './guard.ts'

export const problems = defineDiagnostics({
  CACHE_UNUSABLE: {
    title: 'The cache folder cannot be written.',
    why: 'bringup compiles its kernel and its helpers once and keeps them in $XDG_CACHE_HOME/bringup, else in ~/.cache/bringup',
    remedy: 'make the folder writable, or name another: export XDG_CACHE_HOME=/tmp/cache-of-$USER',
  },
})

export interface FillRequest {
  /** The entry, a file or a folder. */
  readonly path: string
  /** Whether the entry can be used as it is. Default: it exists. */
  readonly isThere?: () => boolean
  readonly signal?: AbortSignal
  /**
   * Makes the entry at `partial`. Programs that it starts get `environment`, by which they end with this process. Its
   * errors reach the caller, and nothing is kept.
   */
  readonly make: (partial: string, environment: Readonly<Record<string, string>>) => Promise<void>
}

/**
 * Resolves once the entry exists. Entries in the same folder are made one after another.
 *
 * @throws BringupError CACHE_UNUSABLE, and what `make` throws
 */
export async function fill({ path, signal, make, isThere }: FillRequest): Promise<void> {
  const isFilled = isThere ?? (() => existsSync(path))
  if (isFilled()) return
  const folder = dirname(path)
  orUnusable(folder, () => makeFolder(folder))
  try {
    const fillOnce = async () => {
      if (!isFilled()) await fillAlone(path, make)
    }
    await withLock(join(folder, '.lock'), fillOnce, signal)
  } catch (error) {
    throw unusable(folder, error) ?? error
  }
}

async function fillAlone(path: string, make: FillRequest['make']): Promise<void> {
  removePartials(dirname(path))
  const room = partialName(path)
  const partial = join(room, 'entry')
  using guard = startGuard({ graceMs: 0, remove: room })
  try {
    makeFolder(room)
    // Compilers leave their temporary files where they are killed: there they go with the rest.
    await make(partial, { ...guard.environment, TMPDIR: room })
    rmSync(path, { recursive: true, force: true })
    renameSync(partial, path)
  } finally {
    rmSync(room, { recursive: true, force: true })
  }
}

/** The holder of the lock makes the only one, so all others belong to processes that died together with their guard. */
function removePartials(folder: string): void {
  for (const name of readdirSync(folder))
    if (/\.[0-9a-f]{16}\.part$/.test(name)) rmSync(join(folder, name), { recursive: true, force: true })
}

function orUnusable(folder: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    throw unusable(folder, error) ?? error
  }
}

/** The system's refusals of a folder, a file or a disk; programs that cannot be started are not among them. */
function unusable(folder: string, error: unknown): BringupError | undefined {
  const { code, syscall = '' } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === '' || syscall.startsWith('spawn')) return undefined
  const what = `${folder}: ${(error as Error).message}`
  return new BringupError([problems.CACHE_UNUSABLE.at('', what)], { cause: error })
}
