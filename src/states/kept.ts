/** The saved states of this user: list, find, remove, prune. */
import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { isLock, takeLock } from '../processes/flock.ts'
import { bytesIn } from './rack-record.ts'
import { FILES, readState, type StateRecord } from './record.ts'

export const problems = defineDiagnostics({
  STATE_UNKNOWN: {
    title: 'No saved state has that key.',
    why: 'states are identified by their keys, or by a prefix that is unique',
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
  /** Absent if it is unusable. */
  readonly record?: StateRecord
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
    const state = readState(folder, key)
    const known = { key, folder, bytes: bytesIn(folder), usedAt: usedAt(folder) }
    if (state === undefined) return undefined
    return typeof state === 'string' ? { ...known, damage: state } : { ...known, record: state }
  } catch {
    // Removed by another process meanwhile.
    return undefined
  }
}

function usedAt(folder: string): number {
  const path = join(folder, FILES.record)
  return (statSync(path, { throwIfNoEntry: false }) ?? statSync(folder)).mtimeMs
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
}: Pick<KeptState, 'key' | 'folder' | 'record'>): Promise<void> {
  const lock = record && (await takeLock(join(folder, FILES.record)))
  if (lock && !isLock(lock))
    throw new BringupError([problems.STATE_IN_USE.at(key, `a running guest was restored from ${key}`)])
  rmSync(folder, { recursive: true, force: true })
  await lock?.[Symbol.asyncDispose]()
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
    const fits = state.record !== undefined && state.bytes <= left
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
