/** The states of this user: what there is, and what is taken away to keep within a budget. */
import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { isLock, takeLock } from '../processes/flock.ts'
import { FILES, readState, type StateRecord } from './record.ts'

export const problems = defineDiagnostics({
  STATE_UNKNOWN: {
    title: 'There is no saved state of that name.',
    why: 'states are named by their keys, of which the beginning is enough where it is that of one state only',
    remedy: 'list them: `bringup state list`',
  },
  STATE_IN_USE: {
    title: 'A saved state is in use.',
    why: 'a guest that runs was started from it',
    remedy: 'end that guest first: `bringup ps`',
  },
})

/** What states may take on the disk before the one that was unused for the longest time goes: 4 GiB. */
export const BUDGET = 4 * 1024 ** 3

export interface KeptState {
  readonly key: string
  readonly folder: string
  /** Bytes on the disk. */
  readonly bytes: number
  /** Milliseconds since 1970 at which it was made or last used. */
  readonly usedAt: number
  /** Absent where it cannot be used. */
  readonly record?: StateRecord
  /** Why it cannot be used. */
  readonly damage?: string
}

/** All states in the folder, the one that was used last first. */
export function keptStates(folder: string): readonly KeptState[] {
  return namesIn(folder)
    .flatMap((key) => keptAt(join(folder, key), key) ?? [])
    .toSorted((a, b) => b.usedAt - a.usedAt)
}

function keptAt(folder: string, key: string): KeptState | undefined {
  try {
    const state = readState(folder)
    const known = { key, folder, bytes: bytesIn(folder), usedAt: usedAt(folder) }
    if (state === undefined) return undefined
    return typeof state === 'string' ? { ...known, damage: state } : { ...known, record: state }
  } catch {
    // Another process took it away.
    return undefined
  }
}

function usedAt(folder: string): number {
  const path = join(folder, FILES.record)
  return (statSync(path, { throwIfNoEntry: false }) ?? statSync(folder)).mtimeMs
}

const bytesIn = (folder: string) =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0)

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => !name.endsWith('.part'))
  } catch {
    return []
  }
}

/** Its time of last use is now. */
export function noteUse(folder: string): void {
  const now = new Date()
  try {
    utimesSync(join(folder, FILES.record), now, now)
  } catch {
    // It goes a little earlier than it should.
  }
}

/**
 * The states whose keys begin with these words.
 *
 * @throws BringupError STATE_UNKNOWN with each that is none, or more than one
 */
export function findStates(folder: string, words: readonly string[]): readonly KeptState[] {
  const all = keptStates(folder)
  const found = words.map((word) => all.filter(({ key }) => key.startsWith(word)))
  const wrong = words.flatMap((word, i) => {
    const count = found[i]?.length ?? 0
    if (count === 1 && word !== '') return []
    return [
      problems.STATE_UNKNOWN.at(
        word,
        count === 0 ? `no state is named "${word}"` : `${count} states begin with "${word}"`,
      ),
    ]
  })
  if (wrong.length > 0) throw new BringupError(wrong)
  return [...new Set(found.flat())]
}

/**
 * Takes a state away. Guests that run keep what they have mapped.
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
    throw new BringupError([problems.STATE_IN_USE.at(key, `a guest runs from state ${key}`)])
  rmSync(folder, { recursive: true, force: true })
  await lock?.[Symbol.asyncDispose]()
}

/**
 * Takes away what cannot be used, and then the states that were unused for the longest time until the others fit.
 *
 * @returns those that were taken away; one that is in use stays
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
