/**
 * The folder of a saved state: RAM by block, the device state, and a record that is written last; without it the folder is
 * no state. Files are identified by inode, size, modification and change time: every write, replacement or change of owner
 * updates the change time, which programs cannot set.
 */
import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** Changes whenever states of before cannot be read any more. */
export const FORMAT = 4

const file = z.lazy(() => z.strictObject({ name: z.string(), seal: z.string() }))

/** `state.json` of a saved state. */
export const stateSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(FORMAT),
    /** Of what it depends on, or the name that a user gave it: the name of its folder. Empty for those of a process. */
    key: z.string(),
    /** Digests of what the key depends on, by their names. */
    parts: z.record(z.string(), z.string()),
    /** Name of the machine. */
    machine: z.string(),
    profile: z.string(),
    /** ISO 8601. */
    made: z.string(),
    qemu: z.strictObject({ path: z.string(), version: z.string() }),
    /** When it was saved: at the first answer of the guest, or by a caller. */
    moment: z.string(),
    /** Which boot it is, as the guest’s agent says: 32 hexadecimal digits. */
    boot: z.string(),
    /** How often that boot went on from a state before. */
    resumed: z.int(),
    /** RAM by block; none where it is in the file of the devices. */
    ram: z.array(file),
    /** Copies of stores, and the paths of what they are copies of. */
    stores: z.array(z.strictObject({ name: z.string(), seal: z.string(), path: z.string() })),
    /** Disks, by the ids of their drives: copied images, then those of others that they lie over. */
    disks: z.array(
      z.strictObject({
        drive: z.string(),
        own: z.array(z.strictObject({ name: z.string(), seal: z.string(), format: z.string() })),
        others: z.array(z.strictObject({ path: z.string(), format: z.string() })),
      }),
    ),
    /** Images of others, and what they are based on. */
    images: z.array(z.strictObject({ path: z.string(), seal: z.string() })),
    devices: file,
    /** What the guest has printed on its console. */
    console: file,
    /** SHA-256 of the file of the devices. */
    devicesSha256: z.string(),
    /** Bytes that it takes on the disk. */
    bytes: z.int(),
  }),
)
export type StateRecord = z.output<typeof stateSchema>

export const FILES = { record: 'state.json', devices: 'devices', console: 'console.log' } as const
export const ramFile = (id: string): string => `${id}.ram`
export const storeFile = (device: string): string => `${device}.store`

/** Identity of a file; the content is unchanged as long as it is the same. */
export function sealOf(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true })
  return [dev, ino, size, mtimeNs, ctimeNs].join('-')
}

/** Undefined if the file is missing. */
function sealOrNone(path: string): string | undefined {
  try {
    return sealOf(path)
  } catch {
    return undefined
  }
}

/**
 * The state in that folder, or why it is unusable, as a clause. Undefined if the folder has no record.
 *
 * @param key that the state has to have; a folder could have been renamed
 */
export function readState(folder: string, key?: string): StateRecord | string | undefined {
  const path = join(folder, FILES.record)
  try {
    const notOwn = [folder, path].map(notOwnWhy).find((why) => why !== undefined)
    if (notOwn !== undefined) return notOwn
    const record = recordOf(readFileSync(path, 'utf8'))
    if (record === undefined) return `${path} is not a record that this version can read`
    if (key !== undefined && record.key !== key)
      return `${path} is the record of another state${record.key === '' ? '' : `, ${record.key}`}`
    return damageOf(folder, record) ?? record
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? undefined : `${path}: ${message}`
  }
}

/** The record that was read last: one run reads the same several times, before and after the state is locked. */
let last: { readonly text: string; readonly record: StateRecord } | undefined

/** Undefined if this version cannot read it. */
function recordOf(text: string): StateRecord | undefined {
  if (last?.text === text) return last.record
  const { data: record } = stateSchema.safeParse(JSON.parse(text), { jitless: true })
  if (record) last = { text, record }
  return record
}

function damageOf(folder: string, state: StateRecord): string | undefined {
  const { ram, stores, disks, devices, console, devicesSha256 } = state
  for (const { path, seal } of state.images)
    if (sealOrNone(path) !== seal) return `the image ${path} was changed after the guest was saved`
  for (const { name, seal } of [...ram, ...stores, ...disks.flatMap(({ own }) => own), devices, console]) {
    const why = fileDamage(join(folder, name), seal)
    if (why !== undefined) return why
  }
  const path = join(folder, devices.name)
  if (hashed.get(devices.seal) === devicesSha256) return undefined
  const isWhole = createHash('sha256').update(readFileSync(path)).digest('hex') === devicesSha256
  if (!isWhole) return `${path} has another content than was saved`
  hashed.set(devices.seal, devicesSha256)
  return undefined
}

/** Why a file of a state is not as it was saved, as a clause. */
export function fileDamage(path: string, seal: string): string | undefined {
  try {
    return notOwnWhy(path) ?? (sealOf(path) === seal ? undefined : `${path} was changed after it was saved`)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? `${path} is missing`
      : `${path}: ${(error as Error).message}`
  }
}

/** Digests of files that this process has read, by their seals. The file has 80 MiB where it contains the RAM. */
const hashed = new Map<string, string>()

/** Why other users could exchange the states in a folder, as a clause. Undefined if they cannot, or if it is missing. */
export function exchangeableWhy(folder: string): string | undefined {
  const own = process.geteuid?.()
  // A link is followed by its name: who owns it can have it name another folder.
  const found = [lstatSync, statSync].flatMap((read) => read(folder, { throwIfNoEntry: false }) ?? [])
  if (found.some(({ uid }) => uid !== own)) return `${folder} belongs to another user`
  const isOpen = found.some((stats) => !stats.isSymbolicLink() && (stats.mode & 0o022) !== 0)
  return isOpen ? `other users can write to ${folder}` : undefined
}

/** Why a file could have been made or read by others, as a clause. */
export function notOwnWhy(path: string): string | undefined {
  const { uid, mode } = lstatSync(path)
  if (uid !== process.geteuid?.()) return `${path} belongs to another user`
  return (mode & 0o077) === 0 ? undefined : `${path} is open to other users`
}
