/** States that users save under a name, in the folder that keeps runs and stores. They stay until they are deleted. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { viewOf } from '../machine/machine.ts'
import { writeWhole } from '../own-files.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { runOfOne } from '../plan/run-plan.ts'
import { sealPlan, unsealPlan } from '../plan/seal.ts'
import { type KeptState, problems as keptProblems, keptStates } from './kept.ts'
import { differenceOf, type KeyFolders, type KeyParts, keyPartsOf } from './key.ts'
import { baseOf } from './origin.ts'
import { RACK_FILE } from './rack-record.ts'
import { exchangeableWhy, FILES, readState, type StateRecord } from './record.ts'
import { withBackends } from './state-args.ts'

export const problems = defineDiagnostics({
  STATE_NAME_TAKEN: {
    title: 'A saved state has that name already.',
    why: 'a state is never overwritten: forks of it may be expected to continue from there',
    remedy: 'choose another --name, or delete that state: `bringup state rm NAME`',
  },
  STATE_UNUSABLE: {
    title: 'A saved state cannot be forked.',
    why: 'a state fits only the QEMU, firmware and machine that it was saved with, and needs all of its files unchanged',
    remedy: 'start the guest or the rack anew, and save it again: `bringup state save`',
  },
})

/** What forks in other processes need, in the folder of a state. */
export const FORK_FILE = 'fork.json'

/** What is compared with this computer before a fork. */
export const forkSchema = z.strictObject({
  parts: z.record(z.string(), z.string()),
  /** RAM was in backends of its own. */
  hasBackends: z.boolean(),
})

const schema = z.lazy(() => forkSchema.extend({ plan: z.unknown() }))

/** What a fork of a named state is made of. */
export interface NamedState {
  readonly name: string
  /** Digests of what it depends on. */
  readonly parts: KeyParts
  readonly folder: string
  readonly record: StateRecord
  /** Of the guest that was saved, as it boots. */
  readonly plan: GuestPlan
}

export const namedFolder = (stateFolder: string, name: string): string => join(stateFolder, 'states', name)

/** The plan of the same guest that boots and is not saved. That of a fork does not need the files of its state. */
export function bootPlanOf(saved: GuestPlan): GuestPlan {
  const { origin, ...plan } = saved
  if (origin?.otherwise || !origin?.state) return { ...plan, ...origin?.otherwise }
  const own = join(origin.state.folder, FILES.record)
  return { ...plan, args: baseOf(saved), locks: plan.locks.filter(({ path }) => path !== own) }
}

const partsNow = (plan: GuestPlan, folders: KeyFolders): KeyParts =>
  keyPartsOf(plan, withBackends(plan.args, viewOf(plan.name, plan.machine).ramBytes), folders)

/** @throws BringupError STATE_NAME_TAKEN */
export function refuseTaken(folder: string, name: string): void {
  if (!existsSync(folder)) return
  throw new BringupError([problems.STATE_NAME_TAKEN.at('--name', `the state "${name}" is in ${folder}`)])
}

/** Adds to the folder of a state what forks in other processes need. */
export function addPlan(folder: string, plan: GuestPlan, folders: KeyFolders): void {
  const content = { ...forkParts(plan, folders), plan: sealPlan(runOfOne(bootPlanOf(plan))) }
  writeWhole(join(folder, FORK_FILE), JSON.stringify(content))
}

/** Of a guest that was saved. */
export const forkParts = (plan: GuestPlan, folders: KeyFolders): z.output<typeof forkSchema> => ({
  parts: partsNow(bootPlanOf(plan), folders),
  hasBackends: plan.origin?.otherwise !== undefined,
})

/** The named states of a project, most recently used first. */
export function namedStates(stateFolder: string): readonly KeptState[] {
  return keptStates(join(stateFolder, 'states')).filter(({ folder }) => existsSync(join(folder, FORK_FILE)))
}

/**
 * The folder of a state that was saved under a name.
 *
 * @throws BringupError STATE_UNKNOWN, with the names that there are
 */
export function findNamed(stateFolder: string, name: string): string {
  const folder = namedFolder(stateFolder, name)
  if (name !== '' && existsSync(folder)) return folder
  const names = namedStates(stateFolder).map(({ key }) => key)
  const remedy =
    names.length === 0
      ? 'save one first: `bringup state save RUN --name NAME`'
      : `named states: ${names.join(', ')}`
  throw new BringupError([
    keptProblems.STATE_UNKNOWN.at(name, `no state was saved under the name "${name}"`, { remedy }),
  ])
}

/**
 * A named state whose files are whole. `refuseOther` compares it with this computer.
 *
 * @throws BringupError STATE_UNUSABLE
 */
export function readNamed(folder: string, name: string): NamedState {
  refuseExchangeable(folder, name)
  const record = isRackFolder(folder) ? `${folder} has the state of a rack` : readState(folder, name)
  if (typeof record !== 'object') throw unusable(name, record ?? `${folder} has no saved state`)
  const { parts, plan } = planIn(folder) ?? {}
  if (parts === undefined || plan === undefined) throw unusable(name, `${FORK_FILE} is missing or was edited`)
  return { name, folder, record, parts, plan }
}

/** Whether the folder of a state says that it is one of a rack. */
export const isRackFolder = (folder: string): boolean => existsSync(join(folder, RACK_FILE))

/** @throws BringupError STATE_UNUSABLE where other users could exchange the state */
export function refuseExchangeable(folder: string, name: string): void {
  const exchangeable = exchangeableWhy(dirname(folder))
  if (exchangeable !== undefined) throw unusable(name, exchangeable)
}

/**
 * Why a guest of a state does not fit this computer any more, as a clause; undefined if it fits.
 *
 * @param parts of the guest when it was saved
 * @param plan of it
 */
export function otherWhy(
  { parts, plan }: Pick<NamedState, 'parts' | 'plan'>,
  folders: KeyFolders,
): string | undefined {
  try {
    const differing = differenceOf(parts, partsNow(plan, folders))
    return differing.length === 0 ? undefined : `this computer differs now in ${differing.join(', ')}`
  } catch (error) {
    return (error as Error).message
  }
}

/** @throws BringupError STATE_UNUSABLE, naming what this computer has otherwise now */
export function refuseOther(named: NamedState, folders: KeyFolders): void {
  const why = otherWhy(named, folders)
  if (why !== undefined) throw unusable(named.name, why)
}

/** @param whys clauses: a finding each */
export const unusable = (name: string, ...whys: readonly string[]): BringupError =>
  new BringupError(whys.map((why) => problems.STATE_UNUSABLE.at('', `the state "${name}": ${why}`)))

function planIn(
  folder: string,
): { readonly parts: KeyParts; readonly plan: GuestPlan | undefined } | undefined {
  try {
    const { plan, ...fork } = schema.parse(JSON.parse(readFileSync(join(folder, FORK_FILE), 'utf8')))
    const saved = unsealPlan(plan)
    const [boots] = saved?.isRack === false ? saved.guests : []
    return { parts: fork.parts, plan: boots && savedPlan(boots, fork) }
  } catch {
    return undefined
  }
}

/** The plan of the guest that was saved, by its plan that boots. */
export const savedPlan = (boots: GuestPlan, { hasBackends }: z.output<typeof forkSchema>): GuestPlan =>
  hasBackends ? { ...boots, origin: originOf(boots) } : boots

const originOf = ({ args, locks, files, stores }: GuestPlan): NonNullable<GuestPlan['origin']> => ({
  kind: 'boot',
  because: 'it was saved under a name',
  otherwise: { args, locks, files, stores },
})
