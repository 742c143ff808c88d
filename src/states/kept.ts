/** The saved states of this user, of guests and of racks: list, find, remove, prune. */
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { isLock, type Lock, takeLock } from '../processes/flock.ts'
import { bytesIn, guestFolder, RACK_FILE, type RackState, readRack } from './rack-record.ts'
import { FILES, readState, type StateRecord } from './record.ts'

export const problems = defineDiagnostics({
  STATE_UNKNOWN: {
    title: 'No saved state has that key or name.',
    why: 'states are identified by their names, by their keys, or by a prefix of a key that is unique',
    remedy: 'list the states: `bringup state list`',
  },
  STATE_IN_USE: {
    title: 'A saved state is in use.',
    why: 'a running guest was restored from it',
    remedy: 'end that guest first; `bringup ps` lists background runs',
  },
})

/** Disk space of all states, beyond which the least recently used are deleted: 4 GiB. */
export const BUDGET = 4 * 1024 ** 3

export interface KeptState {
  readonly key: string
  readonly folder: string
  /** Bytes on the disk. */
  readonly bytes: number
  /** Milliseconds since 1970 at which it was made or last used. */
  readonly usedAt: number
  /** Of a guest. Absent if it is unusable. */
  readonly record?: StateRecord
  /** Of a rack. Absent if it is unusable. */
  readonly rack?: RackState
  /** Why it is unusable. */
  readonly damage?: string
}

/** All states in the folder, most recently used first. */
export function keptStates(folder: string): readonly KeptState[] {
  return namesIn(folder)
    .flatMap((key) => keptAt(join(folder, key), key) ?? [])
    .toSorted((a, b) => b.usedAt - a.usedAt)
}

function keptAt(folder: string, key: string): KeptState | undefined {
  try {
    // A folder with the record of a rack is one of a rack, whatever else it has.
    const isRack = existsSync(join(folder, RACK_FILE))
    const state = isRack ? readRack(folder, key) : readState(folder, key)
    const known = { key, folder, bytes: bytesIn(folder), usedAt: usedAt(folder) }
    if (state === undefined) return undefined
    if (typeof state === 'string') return { ...known, damage: state }
    return 'guests' in state ? { ...known, rack: state } : { ...known, record: state }
  } catch {
    // Removed by another process meanwhile.
    return undefined
  }
}

/** Every fork of a rack uses all of its guests. */
function usedAt(folder: string): number {
  const used = [folder, join(folder, guestFolder(0))].map((path) => join(path, FILES.record))
  const found = used.flatMap((path) => statSync(path, { throwIfNoEntry: false }) ?? [])
  return (found[0] ?? statSync(folder)).mtimeMs
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => !name.endsWith('.part'))
  } catch {
    return []
  }
}

/** Sets its time of last use to now. */
export function noteUse(folder: string): void {
  const now = new Date()
  try {
    utimesSync(join(folder, FILES.record), now, now)
  } catch {
    // Only the order of pruning depends on it.
  }
}

/**
 * The states whose keys start with these prefixes, or that have these names.
 *
 * @param named states with names
 * @throws BringupError STATE_UNKNOWN with each prefix that matches no state or several
 */
export function findStates(
  folder: string,
  words: readonly string[],
  named: readonly KeptState[] = [],
): readonly KeptState[] {
  const all = keptStates(folder)
  const found = words.map((word) => {
    const called = named.filter(({ key }) => key === word)
    return called.length > 0 ? called : all.filter(({ key }) => key.startsWith(word))
  })
  const wrong = words.flatMap((word, i) => {
    const count = found[i]?.length ?? 0
    if (count === 1 && word !== '') return []
    return [
      problems.STATE_UNKNOWN.at(
        word,
        word === ''
          ? 'an empty text is no key'
          : count === 0
            ? `no state has the key "${word}"`
            : `${count} keys start with "${word}"`,
      ),
    ]
  })
  if (wrong.length > 0) throw new BringupError(wrong)
  return [...new Set(found.flat())]
}

/**
 * Removes a state. Running guests keep their mappings.
 *
 * @throws BringupError STATE_IN_USE
 */
export async function removeState({
  key,
  folder,
  record,
  rack,
}: Pick<KeptState, 'key' | 'folder' | 'record' | 'rack'>): Promise<void> {
  const folders = rack?.guests.map((guest) => guest.folder) ?? (record ? [folder] : [])
  const locks: Lock[] = []
  try {
    for (const one of folders) {
      const lock = await takeLock(join(one, FILES.record))
      if (!isLock(lock))
        throw new BringupError([problems.STATE_IN_USE.at(key, `a running guest was restored from ${key}`)])
      locks.push(lock)
    }
    rmSync(folder, { recursive: true, force: true })
  } finally {
    for (const lock of locks) await lock[Symbol.asyncDispose]()
  }
}

/**
 * Removes unusable states, and the least recently used ones until the rest fits.
 *
 * @returns the removed ones; states in use are kept
 */
export async function pruneStates(folder: string, budget: number = BUDGET): Promise<readonly KeptState[]> {
  let left = budget
  const removed: KeptState[] = []
  for (const state of keptStates(folder)) {
    const fits = state.damage === undefined && state.bytes <= left
    if (fits) left -= state.bytes
    else if (
      await removeState(state).then(
        () => true,
        () => false,
      )
    )
      removed.push(state)
  }
  return removed
}
