/** Lets a planned run read from the scratch folder of a node. The record of the run keeps the paths of the project. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OWN_FOLDER, writeWhole } from '../../own-files.ts'
import type { GuestPlan } from '../../plan/plan.ts'
import type { PlannedRun } from '../../project/run-planning.ts'
import { contentOf } from '../../qemu/cache.ts'
import { FILES, readState, type StateRecord, sealOf } from '../../states/record.ts'
import { type Copy, copyTo, type Scratch } from './scratch.ts'

/** Options of QEMU whose value is a file that is read before the guest runs. */
const READ_WHOLE = new Set(['-kernel', '-initrd', '-dtb', '-bios'])

export interface Staging {
  readonly scratch: Scratch
  readonly cache: string
  /** A copy that could not be made: the run reads the original. */
  readonly onFailure: (error: Error) => void
}

/** Copies kernels, initrds, installed QEMUs and saved states, and lets the plan name the copies. */
export async function staged(run: PlannedRun, staging: Staging): Promise<PlannedRun> {
  const guests = []
  for (const guest of run.guests) guests.push({ ...guest, plan: await stagedPlan(guest.plan, staging) })
  return { plan: { ...run.plan, guests: guests.map(({ plan }) => plan) }, guests }
}

async function stagedPlan(plan: GuestPlan, staging: Staging): Promise<GuestPlan> {
  const withFiles = { ...plan, args: await stagedArgs(plan.args, staging) }
  return stagedState(await stagedQemu(withFiles, staging), staging)
}

async function stagedArgs(args: GuestPlan['args'], staging: Staging): Promise<GuestPlan['args']> {
  const result: GuestPlan['args'][number][] = []
  for (const argument of args) {
    const [flag, value] = argument
    const copy =
      READ_WHOLE.has(flag) && value !== undefined && isFile(value) ? await copyOf(value, staging) : undefined
    result.push(copy === undefined ? argument : [flag, copy])
  }
  return result
}

const copyOf = (path: string, staging: Staging) =>
  attempt(staging, () => ({ key: contentOf(path, staging.cache), make: copyTo(path) }))

/** A QEMU that bringup has installed: its record has the digest of each of its files. */
async function stagedQemu(plan: GuestPlan, staging: Staging): Promise<GuestPlan> {
  const { starting } = plan.qemu
  if (starting === undefined) return plan
  const folder = dirname(starting.record)
  const copy = await attempt(staging, () => ({
    key: digestOf(readFileSync(starting.record)),
    make: copyTo(folder),
  }))
  return copy === undefined ? plan : { ...plan, qemu: replaced(plan.qemu, folder, copy) }
}

/** Files of a state are known by their inodes: the record of the copy names the new ones. */
async function stagedState(plan: GuestPlan, staging: Staging): Promise<GuestPlan> {
  const folder = plan.origin?.state?.folder
  const record = folder === undefined ? undefined : readState(folder)
  if (folder === undefined || typeof record !== 'object') return plan
  const copy = await attempt(staging, () => ({
    key: digestOf(JSON.stringify(record)),
    make: (path) => copyState(folder, record, path),
  }))
  if (copy === undefined) return plan
  const { origin, args, locks } = plan
  return {
    ...plan,
    args: replaced(args, folder, copy),
    locks: replaced(locks, folder, copy),
    ...(origin?.state ? { origin: { ...origin, state: { ...origin.state, folder: copy } } } : {}),
  }
}

function copyState(from: string, record: StateRecord, to: string): void {
  mkdirSync(to, { mode: OWN_FOLDER })
  const copied = <T extends { readonly name: string; readonly seal: string }>(file: T): T => {
    copyTo(join(from, file.name))(join(to, file.name))
    return { ...file, seal: sealOf(join(to, file.name)) }
  }
  const own: StateRecord = {
    ...record,
    ram: record.ram.map(copied),
    stores: record.stores.map(copied),
    devices: copied(record.devices),
    console: copied(record.console),
  }
  writeWhole(join(to, FILES.record), JSON.stringify(own))
}

async function attempt({ scratch, onFailure }: Staging, copy: () => Copy): Promise<string | undefined> {
  try {
    return await scratch.have(copy())
  } catch (error) {
    onFailure(error as Error)
    return undefined
  }
}

/** The same data with another folder in its texts. A plan is plain data. */
function replaced<T>(data: T, from: string, to: string): T {
  const doubled = (path: string) => path.replaceAll(',', ',,')
  const text = (value: string) =>
    value.replaceAll(doubled(from), doubled(to)).replaceAll(`${from}/`, `${to}/`)
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(one)]))
  }
  return walk(data) as T
}

const digestOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true
