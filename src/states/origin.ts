/** Decides whether a guest boots or is restored from a saved state. Reads only. */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Join } from '../machine/device.ts'
import { viewOf } from '../machine/machine.ts'
import { partsOf } from '../machine/parts.ts'
import type { GuestPlan, Origin } from '../plan/plan.ts'
import { drivesOf, withChains } from './disk-chain.ts'
import { chainsOf, diskObstacle } from './disks.ts'
import { keptStates } from './kept.ts'
import { differenceOf, type KeyFolders, type KeyParts, keyOf, keyPartsOf } from './key.ts'
import { exchangeableWhy, FILES, ramFile, readState, type StateRecord } from './record.ts'
import { forRestoring, forSaving, INCOMING, withBackends, withCopies, withoutFiles } from './state-args.ts'
import { usedStore } from './store-content.ts'

/** Below the cache: states can be made again. */
export const statesFolder = (cacheFolder: string): string => join(cacheFolder, 'states')

/**
 * The plan of the same guest, restored from its saved state, or booted and saved if there is no state. If the machine cannot
 * be saved, the plan contains the reason.
 *
 * @param folders the cache, which holds the states of this user, and those of QEMU's firmware
 */
export function withState(plan: GuestPlan, folders: KeyFolders): GuestPlan {
  const obstacle =
    endsAtText(plan) ??
    obstacleOf(plan) ??
    keptDisk(plan) ??
    usedStore(plan.stores) ??
    exchangeableWhy(statesFolder(folders.cache))
  if (obstacle !== undefined) return booted(plan, obstacle)
  const args = withBackends(plan.args, viewOf(plan.name, plan.machine).ramBytes)
  const parts = partsFor(plan, args, folders)
  if (parts instanceof Error) return booted(plan, parts.message)
  const key = keyOf(parts)
  const folder = join(statesFolder(folders.cache), key)
  const state = readState(folder, key)
  const known = { key, folder }
  if (typeof state === 'object') return fromState(plan, { args, ...known, state })
  const because =
    state === undefined
      ? `no saved state for this machine${closestOf(plan, parts, dirname(folder))}`
      : `the saved state is unusable: ${state}`
  const unwritable = unwritableWhy(dirname(folder))
  if (unwritable !== undefined) return booted(plan, `${because}; none is saved: ${unwritable}`)
  return {
    ...plan,
    args: forSaving(args),
    origin: { kind: 'boot', because, saves: { ...known, parts }, otherwise: otherwiseOf(plan) },
  }
}

/** Why no state can be made in the folder, as a clause. It is made with the first state. */
function unwritableWhy(folder: string): string | undefined {
  if (!existsSync(folder) && dirname(folder) !== folder) return unwritableWhy(dirname(folder))
  try {
    accessSync(folder, constants.W_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'EROFS' ? `${folder} is on a read-only file system` : `${folder} is not writable`
  }
}

/** A guest that was saved after it printed the text would pass a run in which it does nothing. */
function endsAtText({ judgement: { passPatterns = [] } }: GuestPlan): string | undefined {
  return passPatterns.length === 0
    ? undefined
    : 'a text proves the pass, and the guest has to print it in this run'
}

/** A saved guest would not know what a later one wrote. */
function keptDisk({ args }: GuestPlan): string | undefined {
  const drives = drivesOf(args)
  const kept = drives.find(({ writes }) => writes === 'image')?.chain[0]
  return kept ? `${kept.path} keeps what the guest writes` : diskObstacle(drives)
}

/** RAM that is in the stream needs no files. */
const restoring = (args: GuestPlan['args'], folder: string, { ram }: Pick<StateRecord, 'ram'>) =>
  ram.length > 0 ? forRestoring(args, (id) => join(folder, ramFile(id))) : [...INCOMING, ...args]

function booted(plan: GuestPlan, because: string): GuestPlan {
  return { ...plan, origin: { kind: 'boot', because } }
}

interface Found {
  readonly args: GuestPlan['args']
  readonly key: string
  readonly folder: string
  readonly state: StateRecord
}

function fromState(plan: GuestPlan, { args, key, folder, state }: Found): GuestPlan {
  const origin: Origin = {
    kind: 'state',
    because: `the state saved at ${state.made}`,
    state: { key, folder },
    otherwise: otherwiseOf(plan),
  }
  return {
    ...plan,
    args: withChains(restoring(args, folder, state), chainsOf(folder, state)),
    // `state rm` leaves states in use.
    locks: [...plan.locks, { path: join(folder, FILES.record), mode: 'shared' }],
    origin,
  }
}

const otherwiseOf = ({ args, locks, files, stores }: GuestPlan): Origin['otherwise'] => ({
  args,
  locks,
  files,
  stores,
})

/** A state saved by a caller, and what its forks need. */
export interface Forked {
  readonly folder: string
  readonly record: StateRecord
  /** Of the guest that was saved. */
  readonly plan: GuestPlan
  readonly isSame: boolean
}

/** The plan of a fork. Its stores are private copies. */
export function forkOf({ folder, record, plan, isSame }: Forked): GuestPlan {
  const { otherwise } = plan.origin ?? {}
  const base = baseOf(plan)
  const ram = restoring(base, folder, record)
  const copies = new Map(record.stores.map(({ name, path }) => [path, join(folder, name)]))
  const images = new Set(drivesOf(base).flatMap(({ chain }) => chain.map(({ path }) => path)))
  const { files, locks } = otherwise ?? plan
  // A fork of a fork does not need the files of the first state.
  const own = plan.origin?.state && join(plan.origin.state.folder, FILES.record)
  return {
    ...plan,
    args: withChains(withCopies(ram, copies), chainsOf(folder, record)),
    files: files.filter(({ path }) => !copies.has(path) && !images.has(path)),
    stores: [],
    locks: [
      ...locks.filter(({ path }) => !copies.has(path) && !images.has(path) && path !== own),
      { path: join(folder, FILES.record), mode: 'shared' },
    ],
    origin: {
      kind: 'state',
      because: `the state saved at ${record.made}`,
      state: { key: record.key, folder, ...(isSame ? { isSame } : {}) },
    },
  }
}

/** Arguments of the saved guest, with all memory in plain backends. */
export function baseOf({ name, machine, args, origin }: GuestPlan): GuestPlan['args'] {
  if (origin?.otherwise) return withBackends(origin.otherwise.args, viewOf(name, machine).ramBytes)
  return origin?.state ? withoutFiles(args, origin.state.folder) : args
}

/** In which parts the last state of a machine of that name differs, as the end of a clause. */
function closestOf({ name, profile }: GuestPlan, parts: KeyParts, folder: string): string {
  const found = keptStates(folder).find(
    ({ record }) => record?.machine === name && record.profile === profile,
  )?.record
  if (!found) return ''
  // Made only here: it takes 12 ms.
  const list = new Intl.ListFormat('en')
  return `; the state saved at ${found.made} differs in ${list.format(differenceOf(found.parts, parts))}`
}

function partsFor(plan: GuestPlan, args: GuestPlan['args'], folders: KeyFolders): KeyParts | Error {
  try {
    return keyPartsOf(plan, args, folders)
  } catch (error) {
    return error as Error
  }
}

/** Why a resource of the run cannot be saved with its guests, as a clause; undefined if it can. */
export type JoinObstacle = (join: Join) => string | undefined

/** A guest alone leaves what it shares with others behind. */
const notAlone: JoinObstacle = ({ resource }) =>
  `it uses a resource of the run (${resource}), which only the state of the whole rack contains`

type Savable = Pick<GuestPlan, 'machine' | 'joins'>

/** Why the machine cannot be saved, as a clause; undefined if it can. */
export const obstacleOf = (plan: Savable): string | undefined => obstaclesIn(plan)[0]

/**
 * All reasons why the machine cannot be saved, as clauses.
 *
 * @param ofJoin says it of resources of the run that are saved as well
 */
export function obstaclesIn({ machine, joins }: Savable, ofJoin: JoinObstacle = notAlone): readonly string[] {
  const joined = joins.flatMap((one) => {
    const why = ofJoin(one)
    return why === undefined ? [] : [{ why, device: one.device }]
  })
  return [
    ...joined.map(({ why }) => why),
    ...machine.qemuArgs
      .slice(0, 1)
      .map((word) => `${word} of --qemu-arg could have state outside of the machine`),
    ...partsOf(machine).flatMap(({ device, config, id }) => {
      if (joined.some((one) => one.device === id)) return []
      const answer = device.savedState?.(config) ?? 'saved states with it are untested'
      return answer === true ? [] : `${device.kind}${device.kind === id ? '' : ` ${id}`}: ${answer}`
    }),
  ]
}
