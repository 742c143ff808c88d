/**
 * The folder of a saved rack: a folder with the state of each guest, the content of memories that they share, and a record
 * that is written last; without it the folder is no state.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { FILES, FORMAT, fileDamage, notOwnWhy, readState, type StateRecord } from './record.ts'

/** The record, and what tells the folder of a rack from that of a guest. */
export const RACK_FILE = 'rack.json'

export const guestFolder = (index: number): string => `guest-${index}`
export const memoryFile = (index: number): string => `memory-${index}`

/** `rack.json` of a saved rack. */
export const rackStateSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(FORMAT),
    /** The name that a user gave it: that of its folder. Empty for those of a process. */
    key: z.string(),
    /** Name of the rack. */
    rack: z.string(),
    /** ISO 8601. */
    made: z.string(),
    /** In the order of their folders, with the digests of their records. */
    guests: z.array(z.strictObject({ name: z.string(), sha256: z.string() })),
    /** Names of its private networks. */
    networks: z.array(z.string()),
    /** Files with the content of memories that guests share. */
    memories: z.array(z.strictObject({ resource: z.string(), name: z.string(), seal: z.string() })),
    /** Whether frames between the guests were kept. */
    keepsFrames: z.boolean(),
    /** Those on the way, by network. */
    frames: z.record(
      z.string(),
      z.array(
        z.strictObject({
          to: z.string(),
          from: z.string().optional(),
          afterMs: z.number(),
          bytes: z.base64(),
        }),
      ),
    ),
    /** Bytes that it takes on the disk. */
    bytes: z.int(),
  }),
)
export type RackRecord = z.output<typeof rackStateSchema>

/** A saved rack whose files are whole. */
export interface RackState {
  readonly record: RackRecord
  readonly guests: readonly { readonly folder: string; readonly record: StateRecord }[]
}

/**
 * The saved rack in that folder, or why it is unusable, as a clause. Undefined if the folder has no record of a rack.
 *
 * @param key that the state has to have; a folder could have been renamed
 */
export function readRack(folder: string, key?: string): RackState | string | undefined {
  const path = join(folder, RACK_FILE)
  try {
    const notOwn = [folder, path].map(notOwnWhy).find((why) => why !== undefined)
    if (notOwn !== undefined) return notOwn
    const { data: record } = rackStateSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    if (record === undefined) return `${path} is not a record that this version can read`
    if (key !== undefined && record.key !== key)
      return `${path} is the record of another state${record.key === '' ? '' : `, ${record.key}`}`
    if (existsSync(join(folder, FILES.record)))
      return `${folder} has the record of a guest besides that of a rack`
    const damage = record.memories
      .map(({ name, seal }) => fileDamage(join(folder, name), seal))
      .find((why) => why !== undefined)
    return damage ?? withGuests(folder, record)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? undefined : `${path}: ${message}`
  }
}

function withGuests(folder: string, record: RackRecord): RackState | string {
  const guests: { folder: string; record: StateRecord }[] = []
  for (const [index, { name, sha256 }] of record.guests.entries()) {
    const path = join(folder, guestFolder(index))
    const state = readState(path)
    if (typeof state !== 'object') return `guest "${name}": ${state ?? `${path} is missing`}`
    if (digestOf(join(path, FILES.record)) !== sha256)
      return `guest "${name}": ${path} is not the state that was saved with the rack`
    guests.push({ folder: path, record: state })
  }
  return { record, guests }
}

/** SHA-256 of the content of a file. */
export const digestOf = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex')

/** Bytes on the disk of a folder and all that is in it. */
export function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    return sum + (entry.isDirectory() ? bytesIn(path) : statSync(path).blocks * 512)
  }, 0)
}
