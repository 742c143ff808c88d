/**
 * Lets a store grow, by one system call: killed at any moment, it is as it was or as it is to be. Data keeps its place; a
 * label area goes to the new end, since QEMU looks for it there.
 */
import { realpathSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'
import { BringupError } from '../diagnostics.ts'
import { partialName } from '../own-files.ts'
import { startGuard } from '../processes/guard.ts'
import { formatBytes } from '../units.ts'
import { checkSizes, createStore } from './create.ts'
import {
  appendJournal,
  appendJournalDurably,
  identityOf,
  journalPath,
  readJournal,
  shapesIn,
} from './journal.ts'
import { readLabels, writeLabels } from './labels.ts'
import { lockStore } from './lock.ts'
import { problems } from './problems.ts'
import { openStore, type Store } from './store.ts'
import { runFor, told } from './system.ts'

export interface ResizeRequest {
  readonly path: string
  /** What the guest can use afterwards; bytes. */
  readonly size: number
  /** Bytes of the label area, if it is to be another; undefined keeps it. */
  readonly label?: number
  /** Creates an empty store with any size and label area. */
  readonly discard: boolean
  readonly stateFolder: string
}

/**
 * Enlarges a store, or continues a resize that was killed.
 *
 * @throws BringupError STORE_WOULD_SHRINK, STORE_LABEL_FIXED, STORE_RESIZE_UNFINISHED, STORE_IN_USE, STORE_IS_NO_FILE
 */
export async function resizeStore(request: ResizeRequest): Promise<Store> {
  const { path, size, discard, stateFolder } = request
  const store = openStore(path, { stateFolder })
  const label = request.label ?? store.record?.resizingTo?.label ?? store.label
  if (store.kind !== 'file')
    throw new BringupError([problems.STORE_IS_NO_FILE.at('', `${path} is a DAX device`)])
  if (discard) return createStore({ path, size, label, discard, stateFolder })
  const unfit = [...checkSizes(size, label), ...refusals(store, size, label)]
  if (unfit.length > 0) throw new BringupError(unfit)
  {
    await using _ = await lockStore(path, 'exclusive')
    // The previous holder may have changed it.
    const now = openStore(path, { stateFolder })
    const changed = refusals(now, size, label)
    if (changed.length > 0) throw new BringupError(changed)
    if (now.size !== size || now.record?.resizingTo) await grow(now, size, journalPath(path, stateFolder))
  }
  return openStore(path, { stateFolder })
}

function refusals(store: Store, size: number, label: number) {
  const { path, record } = store
  const half = record?.isOfThisFile ? record.resizingTo : undefined
  if (half) {
    const what = `${path} was on its way to ${formatBytes(half.size)}`
    return size === half.size && label === half.label ? [] : [problems.STORE_RESIZE_UNFINISHED.at('', what)]
  }
  return [
    ...(size < store.size
      ? [
          problems.STORE_WOULD_SHRINK.at(
            '',
            `${path} has ${formatBytes(store.size)}, and would have ${formatBytes(size)}`,
          ),
        ]
      : []),
    ...(label === store.label
      ? []
      : [
          problems.STORE_LABEL_FIXED.at(
            '',
            `${path} has ${store.label === 0 ? 'no label area' : `a label area of ${formatBytes(store.label)}`}, and would have ${label === 0 ? 'none' : `one of ${formatBytes(label)}`}`,
          ),
        ]),
  ]
}

async function grow(store: Store, size: number, journal: string): Promise<void> {
  const { path, label } = store
  const at = new Date().toISOString()
  if (store.record?.resizingTo) finishMove(store, size, journal)
  else {
    if (!store.record?.isOfThisFile) {
      const found = { event: 'found', at, size: store.size, label, file: identityOf(statSync(path)) } as const
      appendJournal(journal, found, { isDurable: true })
    }
    await appendJournalDurably(journal, { event: 'resizing', at, size, label })
    if (label === 0) told(path, () => truncateSync(path, size))
    else if (!(await insertHole(store, size))) await replaceByLarger(store, size, journal)
  }
  const file = identityOf(statSync(path))
  await appendJournalDurably(journal, { event: 'resized', at, size, label, file })
}

/**
 * Moves the label area by a hole before it: the kernel does that in one call, which no signal interrupts
 * (FALLOC_FL_INSERT_RANGE of fallocate(2); ext4, XFS).
 *
 * @returns false where the file system cannot do it
 */
async function insertHole({ path, size: from }: Store, size: number): Promise<boolean> {
  const where = ['--offset', `${from}`, '--length', `${size - from}`]
  try {
    await runFor(path, ['fallocate', '--insert-range', ...where, '--', path])
    return true
  } catch (error) {
    if (error instanceof BringupError) return false
    throw error
  }
}

/** A larger copy takes the name of the store, which is whole until then. */
async function replaceByLarger(
  { path, size: from, label }: Store,
  size: number,
  journal: string,
): Promise<void> {
  const target = realpathSync.native(path)
  const partial = partialName(target)
  using guard = startGuard({ graceMs: 0, remove: partial })
  try {
    const cp = ['cp', '--reflink=auto', '--sparse=always', '--preserve=mode,ownership']
    await runFor(path, [...cp, '--', target, partial], undefined, guard.environment)
    told(path, () => {
      truncateSync(partial, from)
      truncateSync(partial, size + label)
      writeLabels(partial, size, readLabels(target, from, label))
    })
    const as = identityOf(statSync(partial))
    await appendJournalDurably(journal, {
      event: 'resizing',
      at: new Date().toISOString(),
      size,
      label,
      as,
    })
    told(path, () => renameSync(partial, target))
  } finally {
    rmSync(partial, { force: true })
  }
}

/** Goes on with a resize that an older version did by several calls: its record has the label area. */
function finishMove({ path }: Store, size: number, journal: string): void {
  const half = unfinished(journal)
  if (!half) return
  const { labels, from } = half
  told(path, () => {
    truncateSync(path, size + labels.length)
    writeLabels(path, size, labels)
    writeLabels(path, from, Buffer.alloc(Math.min(labels.length, size - from)))
  })
}

function unfinished(journal: string): { readonly labels: Buffer; readonly from: number } | undefined {
  const lines = readJournal(journal)
  const last = shapesIn(lines).at(-1)
  const line = lines.findLast((l) => l.event === 'resizing')
  if (!last || !line || lines.indexOf(line) < lines.indexOf(last)) return undefined
  return { labels: inflateRawSync(Buffer.from(line.labels ?? '', 'base64')), from: last.size }
}
