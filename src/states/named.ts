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
import { type KeptState, keptStates } from './kept.ts'
import { differenceOf, type KeyFolders, type KeyParts, keyPartsOf } from './key.ts'
import { exchangeableWhy, readState, type StateRecord } from './record.ts'
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
    remedy: 'start the guest anew, and save it again: `bringup state save`',
  },
})

const FILE = 'fork.json'

const schema = z.lazy(() =>
  z.strictObject({
    parts: z.record(z.string(), z.string()),
    /** RAM was in backends of its own. */
    hasBackends: z.boolean(),
    plan: z.unknown(),
  }),
)

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

/** The plan of the same guest that boots and is not saved. */
function bootPlanOf({ origin, ...plan }: GuestPlan): GuestPlan {
  return { ...plan, ...origin?.otherwise }
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
  const boots = bootPlanOf(plan)
  const content = {
    parts: partsNow(boots, folders),
    hasBackends: plan.origin?.otherwise !== undefined,
    plan: sealPlan(runOfOne(boots)),
  }
  writeWhole(join(folder, FILE), JSON.stringify(content))
}

/** The named states of a project, most recently used first. */
export function namedStates(stateFolder: string): readonly KeptState[] {
  return keptStates(join(stateFolder, 'states')).filter(({ folder }) => existsSync(join(folder, FILE)))
}

/**
 * A named state whose files are whole. `refuseOther` compares it with this computer.
 *
 * @throws BringupError STATE_UNUSABLE
 */
export function readNamed(folder: string, name: string): NamedState {
  const exchangeable = exchangeableWhy(dirname(folder))
  if (exchangeable !== undefined) throw unusable(name, exchangeable)
  const record = readState(folder, name)
  if (typeof record !== 'object') throw unusable(name, record ?? `${folder} has no saved state`)
  const { parts, plan } = planIn(folder) ?? {}
  if (parts === undefined || plan === undefined) throw unusable(name, `${FILE} is missing or was edited`)
  return { name, folder, record, parts, plan }
}

/** @throws BringupError STATE_UNUSABLE, naming what this computer has otherwise now */
export function refuseOther({ name, parts, plan }: NamedState, folders: KeyFolders): void {
  const differing = differenceOf(parts, partsOrUnusable(plan, name, folders))
  if (differing.length > 0) throw unusable(name, `this computer differs now in ${differing.join(', ')}`)
}

function partsOrUnusable(plan: GuestPlan, name: string, folders: KeyFolders): KeyParts {
  try {
    return partsNow(plan, folders)
  } catch (error) {
    throw unusable(name, (error as Error).message)
  }
}

const unusable = (name: string, why: string) =>
  new BringupError([problems.STATE_UNUSABLE.at('', `the state "${name}": ${why}`)])

function planIn(
  folder: string,
): { readonly parts: KeyParts; readonly plan: GuestPlan | undefined } | undefined {
  try {
    const { parts, hasBackends, plan } = schema.parse(JSON.parse(readFileSync(join(folder, FILE), 'utf8')))
    const boots = unsealPlan(plan)?.guests[0]
    return { parts, plan: boots && hasBackends ? { ...boots, origin: originOf(boots) } : boots }
  } catch {
    return undefined
  }
}

const originOf = ({ args, locks, files, stores }: GuestPlan): NonNullable<GuestPlan['origin']> => ({
  kind: 'boot',
  because: 'it was saved under a name',
  otherwise: { args, locks, files, stores },
})
