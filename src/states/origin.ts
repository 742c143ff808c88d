/** Whether a guest boots or goes on from a saved state, decided before it starts. Reads, and starts nothing. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { viewOf } from '../machine/machine.ts'
import { partsOf } from '../machine/parts.ts'
import type { GuestPlan, Origin } from '../plan/plan.ts'
import { keyOf } from './key.ts'
import { FILES, ramFile, readState, type StateRecord } from './record.ts'
import { forRestoring, forSaving, INCOMING, withBackends, withCopies, withoutFiles } from './state-args.ts'

/** Below the cache: states can be made again. */
export const statesFolder = (cacheFolder: string): string => join(cacheFolder, 'states')

/**
 * The plan of the same guest, which goes on from a saved state where there is one, and else is saved at its first answer.
 * Where neither can be, the plan says why it boots.
 *
 * @param cacheFolder holds the states of this user
 */
export function withState(plan: GuestPlan, cacheFolder: string): GuestPlan {
  const obstacle = obstacleOf(plan) ?? differenceAtFirst(plan)
  if (obstacle !== undefined) return booted(plan, obstacle)
  const args = withBackends(plan.args, viewOf(plan.name, plan.machine).ramBytes)
  const key = keyFor(plan, args, cacheFolder)
  if (typeof key !== 'string') return booted(plan, key.message)
  const folder = join(statesFolder(cacheFolder), key)
  const state = readState(folder)
  const known = { key, folder }
  if (typeof state === 'object') return fromState(plan, { args, ...known, made: state.made })
  const because =
    state === undefined ? 'no such machine was saved before' : `the saved state cannot be used: ${state}`
  return {
    ...plan,
    args: forSaving(args),
    origin: { kind: 'boot', because, saves: known, otherwise: otherwiseOf(plan) },
  }
}

function booted(plan: GuestPlan, because: string): GuestPlan {
  return { ...plan, origin: { kind: 'boot', because } }
}

interface Found {
  readonly args: GuestPlan['args']
  readonly key: string
  readonly folder: string
  readonly made: string
}

function fromState(plan: GuestPlan, { args, key, folder, made }: Found): GuestPlan {
  const origin: Origin = {
    kind: 'state',
    because: `this machine was saved on ${made}`,
    state: { key, folder },
    otherwise: otherwiseOf(plan),
  }
  return {
    ...plan,
    args: forRestoring(args, (id) => join(folder, ramFile(id))),
    // Nobody removes it while it is used.
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

/** A state that was saved by a caller, and what its forks are started with. */
export interface Forked {
  readonly folder: string
  readonly record: StateRecord
  /** Of the guest that was saved. */
  readonly plan: GuestPlan
  readonly isSame: boolean
}

/** The plan of a guest that goes on from a state at which another one was saved; its stores are its own private copies. */
export function forkOf({ folder, record, plan, isSame }: Forked): GuestPlan {
  const { otherwise } = plan.origin ?? {}
  const base = baseOf(plan)
  const ram =
    record.ram.length > 0 ? forRestoring(base, (id) => join(folder, ramFile(id))) : [...INCOMING, ...base]
  const copies = new Map(record.stores.map(({ name, path }) => [path, join(folder, name)]))
  const { files, locks } = otherwise ?? plan
  // The state that the saved guest went on from is not needed any more.
  const own = plan.origin?.state && join(plan.origin.state.folder, FILES.record)
  return {
    ...plan,
    args: withCopies(ram, copies),
    files: files.filter(({ path }) => !copies.has(path)),
    stores: [],
    locks: [
      ...locks.filter(({ path }) => !copies.has(path) && path !== own),
      { path: join(folder, FILES.record), mode: 'shared' },
    ],
    origin: {
      kind: 'state',
      because: `it was saved on ${record.made}`,
      state: { key: record.key, folder, ...(isSame ? { isSame } : {}) },
    },
  }
}

/** The arguments with which a guest started that was saved, but for where its memory came from. */
function baseOf({ name, machine, args, origin }: GuestPlan): GuestPlan['args'] {
  if (origin?.otherwise) return withBackends(origin.otherwise.args, viewOf(name, machine).ramBytes)
  return origin?.state ? withoutFiles(args, origin.state.folder) : args
}

function keyFor(plan: GuestPlan, args: GuestPlan['args'], cacheFolder: string): string | Error {
  try {
    return keyOf(plan, args, cacheFolder)
  } catch (error) {
    return error as Error
  }
}

/** Why the machine cannot go on from a saved state, as a clause; undefined where it can. */
export function obstacleOf({ machine, joins }: Pick<GuestPlan, 'machine' | 'joins'>): string | undefined {
  if (joins.length > 0) return `it is connected to what exists for one run only (${joins[0]?.resource})`
  if (machine.qemuArgs.length > 0)
    return `bringup does not know what ${machine.qemuArgs[0]} keeps outside of the machine`
  for (const { device, config, id } of partsOf(machine)) {
    const answer = device.savedState?.(config) ?? 'bringup has not tried it in a saved state'
    if (answer !== true) return `${device.kind}${device.kind === id ? '' : ` ${id}`}: ${answer}`
  }
  return undefined
}

/** Why a guest that was saved at its first answer would not be the one that is wanted. */
function differenceAtFirst({
  judgement,
  stores,
}: Pick<GuestPlan, 'judgement' | 'stores'>): string | undefined {
  if ((judgement.passPatterns ?? []).length > 0) return 'a text of its console ends the run'
  const used = stores.find(({ path }) => hasContent(path))
  return used && `the store ${used.device} has content, which the saved guest may have read before it changed`
}

/** A file without a single block is all zeros. */
function hasContent(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && (!found.isFile() || found.blocks > 0)
}
