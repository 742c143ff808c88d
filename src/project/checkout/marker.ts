/**
 * What is left to do in a source tree, in a file within `.git`. It is written before the first change and deleted after
 * the last: as long as it is there, the check-out is not done, whatever the folder looks like.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { writeWhole } from '../../own-files.ts'

const markerSchema = z.object({
  /** Without a password. */
  url: z.string(),
  /** What is to be checked out, as it was asked for; absent for the default branch. */
  ref: z.string().optional(),
  /** `fetch`: nothing of the tree is there. `tree`: files are being written. `submodules`: only those are missing. */
  stage: z.enum(['fetch', 'tree', 'submodules']),
  /** The folder had no clone before, so there is nothing in it that git does not have. */
  isNew: z.boolean(),
  /** The outermost folder that was made for it; absent when the folder was there. */
  made: z.string().optional(),
  /** What was checked out before, in a clone that there was already. */
  from: z.string().optional(),
  /** What is being checked out, once that is known. */
  to: z.string().optional(),
  /** The connection broke: the next attempt is made in pieces. */
  hasBroken: z.boolean(),
})

export type Marker = z.output<typeof markerSchema>

/** Writes what has changed, and returns all of it. */
export type Mark = (change?: Partial<Marker>) => Marker

const NAME = 'bringup-checkout.json'

/** The marker of a folder; undefined when nothing is left to do there, or there never was. */
export function readMarker(folder: string): Marker | undefined {
  try {
    return markerSchema.parse(JSON.parse(readFileSync(join(folder, '.git', NAME), 'utf8')))
  } catch {
    return undefined
  }
}

/** Replaces it in one go: a kill leaves the old one or the new one. */
export function writeMarker(folder: string, marker: Marker): void {
  const path = join(folder, '.git', NAME)
  writeWhole(path, `${JSON.stringify(marker, null, 2)}\n`, { mode: 0o644 })
}

export function removeMarker(folder: string): void {
  rmSync(join(folder, '.git', NAME), { force: true })
}
