/** Racks that users save under a name: as guests, with the plan of the whole run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { writeWhole } from '../own-files.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import { sealPlan, unsealPlan } from '../plan/seal.ts'
import type { KeyFolders, KeyParts } from './key.ts'
import {
  bootPlanOf,
  FORK_FILE,
  forkParts,
  forkSchema,
  isRackFolder,
  otherWhy,
  refuseExchangeable,
  savedPlan,
  unusable,
} from './named.ts'
import { digestOf, RACK_FILE, type RackRecord, type RackState, readRack } from './rack-record.ts'
import { readState } from './record.ts'

const schema = z.lazy(() =>
  z.strictObject({
    /** SHA-256 of the record of the rack. */
    recordSha256: z.string(),
    /** In the order of the plan. */
    guests: z.array(forkSchema),
    plan: z.unknown(),
  }),
)

/** What a fork of a named rack is made of. */
export interface NamedRack {
  readonly name: string
  readonly folder: string
  readonly record: RackRecord
  /** Of the rack that was saved, as it boots. */
  readonly plan: RunPlan
  /** In the order of the plan. */
  readonly guests: readonly (RackState['guests'][number] & {
    /** Digests of what it depends on. */
    readonly parts: KeyParts
    /** Of the guest that was saved. */
    readonly plan: GuestPlan
  })[]
}

/**
 * Adds to the folder of a rack what forks in other processes need.
 *
 * @param guests in the order of the plan
 */
export function addRackPlan(
  folder: string,
  plan: RunPlan,
  guests: readonly { readonly plan: GuestPlan; readonly folders: KeyFolders }[],
): void {
  const boots = guests.map((guest) => bootPlanOf(guest.plan))
  const content = {
    recordSha256: digestOf(join(folder, RACK_FILE)),
    guests: guests.map((guest) => forkParts(guest.plan, guest.folders)),
    plan: sealPlan({ ...plan, guests: boots, pending: [] }),
  }
  writeWhole(join(folder, FORK_FILE), JSON.stringify(content))
}

/**
 * A named rack whose files are whole. `refuseOtherRack` compares it with this computer.
 *
 * @throws BringupError STATE_UNUSABLE
 */
export function readNamedRack(folder: string, name: string): NamedRack {
  refuseExchangeable(folder, name)
  const state = readRack(folder, name)
  if (typeof state !== 'object') throw unusable(name, state ?? noRackWhy(folder))
  const fork = forkIn(folder)
  const plan = unsealPlan(fork?.plan)
  if (fork === undefined || plan === undefined) throw unusable(name, `${FORK_FILE} is missing or was edited`)
  if (fork.recordSha256 !== digestOf(join(folder, RACK_FILE)))
    throw unusable(name, `${RACK_FILE} is not the record that ${FORK_FILE} was written with`)
  const guests = state.guests.flatMap((guest, index) => {
    const [boots, parts] = [plan.guests[index], fork.guests[index]]
    const isThat = boots !== undefined && boots.guest === state.record.guests[index]?.name
    return isThat && parts ? [{ ...guest, parts: parts.parts, plan: savedPlan(boots, parts) }] : []
  })
  const isWhole = guests.length === plan.guests.length && guests.length === state.guests.length
  if (!plan.isRack || !isWhole) throw unusable(name, `the plan in ${FORK_FILE} is not that of this rack`)
  return { name, folder, record: state.record, plan, guests }
}

const noRackWhy = (folder: string) =>
  readState(folder) === undefined
    ? `${folder} has no saved state`
    : `${folder} has the state of a guest, not that of a rack`

/**
 * @param foldersOf of a guest, by its place in the plan
 * @throws BringupError STATE_UNUSABLE, naming for each guest what this computer has otherwise now
 */
export function refuseOtherRack({ name, guests }: NamedRack, foldersOf: (index: number) => KeyFolders): void {
  const whys = guests.flatMap((guest, index) => {
    const why = otherWhy(guest, foldersOf(index))
    return why === undefined ? [] : [`guest "${guest.plan.guest}": ${why}`]
  })
  if (whys.length > 0) throw unusable(name, ...whys)
}

function forkIn(folder: string): z.output<typeof schema> | undefined {
  if (!isRackFolder(folder)) return undefined
  try {
    return schema.parse(JSON.parse(readFileSync(join(folder, FORK_FILE), 'utf8')))
  } catch {
    return undefined
  }
}
