/** Writes the record of a state, with which its files are compared before it is used. */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { OWN_FILE, writeWhole } from '../own-files.ts'
import { sealOthers } from './disks.ts'
import type { OpenState } from './open-state.ts'
import { FILES, FORMAT, ramFile, type StateRecord, sealOf, storeFile } from './record.ts'
import type { Copied } from './save.ts'

/** Properties of the guest in the record. */
export type About = Pick<
  StateRecord,
  'key' | 'parts' | 'machine' | 'profile' | 'qemu' | 'moment' | 'boot' | 'resumed'
>

/**
 * Writes the record.
 *
 * @param isLasting the copies are flushed to the disk first; a state that is deleted with its process does not need that
 */
export async function seal(
  { path }: Pick<OpenState, 'path'>,
  { blocks, stores, folders, disks }: Copied,
  { about, isLasting }: { readonly about: About; readonly isLasting: boolean },
): Promise<StateRecord> {
  const sealed = (name: string) => sealFile(join(path, name), isLasting)
  const [ram, kept] = await Promise.all([
    Promise.all(blocks.map(({ id }) => sealed(ramFile(id)))),
    Promise.all(
      stores.map(async (store) => ({ ...(await sealed(storeFile(store.device))), path: store.path })),
    ),
  ])
  const [devices, console] = await Promise.all([sealed(FILES.devices), sealed(FILES.console)])
  const keptDisks = await Promise.all(
    disks.map(async ({ drive, own, others }) => ({
      drive,
      others: [...others],
      own: await Promise.all(own.map(async ({ name, format }) => ({ ...(await sealed(name)), format }))),
    })),
  )
  const record: StateRecord = {
    format: FORMAT,
    ...about,
    made: new Date().toISOString(),
    ram,
    stores: kept,
    disks: keptDisks,
    images: sealOthers(disks, folders),
    devices,
    console,
    devicesSha256: createHash('sha256')
      .update(readFileSync(join(path, FILES.devices)))
      .digest('hex'),
    bytes: [...ram, ...kept, ...keptDisks.flatMap(({ own }) => own), devices, console].reduce(
      (sum, { name }) => sum + statSync(join(path, name)).blocks * 512,
      0,
    ),
  }
  writeWhole(join(path, FILES.record), `${JSON.stringify(record, null, 2)}\n`)
  return record
}

/** A file of this user alone, on the disk if it is to last. */
export async function sealFile(path: string, isLasting: boolean): Promise<StateRecord['devices']> {
  const file = await open(path, 'r')
  try {
    await file.chmod(OWN_FILE)
    if (isLasting) await file.sync()
  } finally {
    await file.close()
  }
  return { name: basename(path), seal: sealOf(path) }
}
