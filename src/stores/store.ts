/** A store as it is: the file, its record, its lock. Reads only. */
import { resolve } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { type LockHolder, lockHolder } from '../host/file-locks.ts'
import type { DaxDevice, StoreRecord, StoreTail, StoreUse } from '../machine/facts.ts'
import { readDaxDevice } from './dax-device.ts'
import { readTail } from './labels.ts'
import { problems } from './problems.ts'
import { isClean, lastUseOf, readRecord } from './record.ts'
import { statsOf } from './system.ts'

/** What holds the content of an NVDIMM: a file, or a DAX device. Sizes are bytes. */
export interface Store {
  readonly path: string
  readonly kind: 'file' | 'dax-device'
  /** Size of the file or device: what the guest can use, and the label area. */
  readonly bytes: number
  /** What it takes of the disk: files are sparse. */
  readonly allocatedBytes: number
  /** What the guest can use. */
  readonly size: number
  /** Size of the label area at the end; 0 without one. */
  readonly label: number
  /** What is where a label area would be; undefined for devices and what cannot be read. */
  readonly tail?: StoreTail
  readonly daxDevice?: DaxDevice
  /** Undefined when bringup never used it. It may be about another file: see `isOfThisFile`. */
  readonly record?: StoreRecord
  /** The run that used it last; undefined when none is known. */
  readonly lastUse?: StoreUse
  /** Whether that run, and those beside it, ended in good order; undefined when none is known. */
  readonly isClean?: boolean
  /** Who holds its lock: as a rule, the QEMU of a machine that runs. */
  readonly lockedBy?: LockHolder
}

/** Where records of devices and of files in foreign folders are. */
export interface StoreContext {
  /** `.bringup` of the project. Default: `.bringup` in the current folder. */
  readonly stateFolder?: string
}

/**
 * Looks at a store. Nothing is locked, and nothing is opened for writing.
 *
 * @throws BringupError STORE_UNKNOWN, STORE_IS_NO_FILE
 *
 * @example
 * const store = openStore('.bringup/stores/default/pm0.img')
 * if (store.isClean === false) console.log(`${store.lastUse?.run} did not end in good order`)
 */
export function openStore(path: string, { stateFolder = resolve('.bringup') }: StoreContext = {}): Store {
  const stats = statsOf(path)
  if (!stats) throw new BringupError([problems.STORE_UNKNOWN.at('', `there is no ${path}`)])
  const daxDevice = stats.isCharacterDevice() ? readDaxDevice(path) : undefined
  if (!stats.isFile() && !daxDevice)
    throw new BringupError([problems.STORE_IS_NO_FILE.at('', `${path} is neither a file nor a DAX device`)])
  const bytes = daxDevice?.bytes ?? stats.size
  const record = readRecord(path, stateFolder)
  const tail = daxDevice ? undefined : readTail(path, bytes)
  const holder = lockHolder(path)
  const lastUse = record?.isOfThisFile ? lastUseOf(record) : undefined
  return {
    path,
    kind: daxDevice ? 'dax-device' : 'file',
    bytes,
    allocatedBytes: daxDevice ? bytes : stats.blocks * 512,
    ...geometryOf(bytes, record, tail),
    ...(tail ? { tail } : {}),
    ...(daxDevice ? { daxDevice } : {}),
    ...(record ? { record } : {}),
    ...(lastUse && record ? { lastUse, isClean: isClean(record) } : {}),
    ...(holder ? { lockedBy: holder } : {}),
  }
}

/** Where the label area begins. Labels that are there count more than what is written down; that only if the size fits. */
export function geometryOf(
  bytes: number,
  record: StoreRecord | undefined,
  tail: StoreTail | undefined,
): { readonly size: number; readonly label: number } {
  const isKnown = record?.isOfThisFile === true && record.size + record.label === bytes
  if (tail?.kind === 'labels' && !(isKnown && record.label > 0))
    return { size: bytes - tail.bytes, label: tail.bytes }
  return isKnown ? { size: record.size, label: record.label } : { size: bytes, label: 0 }
}
