/** Copies a store: blocks are shared where the file system can, holes stay holes. */
import { truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { formatBytes } from '../units.ts'
import { checkSizes } from './create.ts'
import { readLabels, writeLabels } from './labels.ts'
import { lockStore } from './lock.ts'
import { newFile, recordMade } from './new-file.ts'
import { problems } from './problems.ts'
import { openStore, type Store, type StoreContext } from './store.ts'
import { exists, isFolder, runFor, statsOf, told } from './system.ts'

export interface CloneRequest {
  readonly from: string
  readonly to: string
  /** What the guest can use of the copy; not less than of the original. Bytes. */
  readonly size?: number
  /** Another label area for the copy, empty; 0 for none. Bytes. */
  readonly label?: number
  /** Copies it although a machine that does not share it runs: the copy is of no moment, unless that machine is stopped. */
  readonly evenInUse?: boolean
  readonly stateFolder: string
  readonly signal?: AbortSignal
}

/**
 * Makes the copy, whole or not at all.
 *
 * @throws BringupError STORE_IN_USE, STORE_EXISTS, STORE_WOULD_SHRINK, STORE_IS_NO_FILE, STORE_SIZE_UNFIT
 */
export async function cloneStore(request: CloneRequest): Promise<Store> {
  const { from, to, evenInUse = false, stateFolder } = request
  const source = openStore(from, { stateFolder })
  if (source.kind !== 'file')
    throw new BringupError([problems.STORE_IS_NO_FILE.at('', `${from} is a DAX device`)])
  const size = request.size ?? source.size
  const label = request.label ?? source.label
  const wrong = [
    ...checkSizes(size, label),
    ...(size < source.size
      ? [
          problems.STORE_WOULD_SHRINK.at(
            '',
            `${from} has ${formatBytes(source.size)}, the copy ${formatBytes(size)}`,
          ),
        ]
      : []),
    ...(statsOf(to) ? [exists(to)] : []),
    ...(isFolder(dirname(to))
      ? []
      : [problems.STORE_FOLDER_MISSING.at('', `there is no folder ${dirname(to)}`)]),
  ]
  if (wrong.length > 0) throw new BringupError(wrong)
  {
    await using _ = evenInUse ? { async [Symbol.asyncDispose]() {} } : await lockStore(from, 'shared')
    await copy(source, { ...request, size, label })
  }
  return openStore(to, { stateFolder })
}

/**
 * Copies a store as it is at this moment, for instance to hand it to a checker. To have what a power cut at that moment
 * would leave of a store that keeps everything it was given, stop the guest first (`guest.qmp.execute('stop')`), and
 * pass `evenInUse`.
 *
 * @param evenInUse copy although a machine holds it. Default: false
 * @throws BringupError as `bringup nvdimm clone` does: STORE_IN_USE, STORE_EXISTS, STORE_OPERATION_FAILED
 *
 * @example
 * await using guest = await launch('default')
 * await guest.done
 * await snapshotStore('.bringup/stores/default/pm0.img', 'after-the-test.img')
 */
export async function snapshotStore(
  from: string,
  to: string,
  { stateFolder = '.bringup', evenInUse = false }: StoreContext & { readonly evenInUse?: boolean } = {},
): Promise<Store> {
  return cloneStore({ from, to, stateFolder, evenInUse })
}

async function copy(
  source: Store,
  request: CloneRequest & { readonly size: number; readonly label: number },
) {
  const { to, signal } = request
  const target = newFile(to)
  try {
    const cp = ['cp', '--reflink=auto', '--sparse=always', '--', source.path, target.path]
    await runFor(to, cp, signal)
    told(target.path, () => reshape(source, target.path, request))
    recordMade(target.path, request)
    await target.name(signal)
  } finally {
    target.close()
  }
}

/** Drops the label area, and puts one behind the data at the place where it belongs in the copy. */
function reshape(
  source: Store,
  path: string,
  { size, label }: { readonly size: number; readonly label: number },
) {
  if (size === source.size && label === source.label) return
  truncateSync(path, source.size)
  truncateSync(path, size + label)
  if (label > 0 && label === source.label)
    writeLabels(path, size, readLabels(source.path, source.size, label))
}
