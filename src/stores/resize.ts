/** Lets a store grow. Data keeps its place; a label area goes to the new end, since QEMU looks for it there. */
import { statSync, truncateSync } from 'node:fs'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { BringupError } from '../diagnostics.ts'
import { formatBytes } from '../units.ts'
import { checkSizes, createStore } from './create.ts'
import {
  appendJournalDurably,
  identityOf,
  journalPath,
  readJournal,
  rewriteJournal,
  shapesIn,
} from './journal.ts'
import { readLabels, writeLabels } from './labels.ts'
import { lockStore } from './lock.ts'
import { problems } from './problems.ts'
import { openStore, type Store } from './store.ts'
import { told } from './system.ts'

export interface ResizeRequest {
  readonly path: string
  /** What the guest can use afterwards; bytes. */
  readonly size: number
  /** Bytes of the label area, if it is to be another; undefined keeps it. */
  readonly label?: number
  /** Begins anew, empty, with whatever size and label area. */
  readonly discard: boolean
  readonly stateFolder: string
}

/**
 * Lets a store grow, or goes on with a resize that was killed.
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

/**
 * Until the label area is in its new place, the journal has it: killed at any moment, this can be done again from the
 * start.
 */
async function grow(store: Store, size: number, journal: string): Promise<void> {
  const { path, label } = store
  const at = new Date().toISOString()
  const half = unfinished(journal)
  const labels = half?.labels ?? (label > 0 ? readLabels(path, store.size, label) : Buffer.alloc(0))
  const from = half?.from ?? store.size
  if (!half) {
    if (!store.record?.isOfThisFile) {
      const found = { event: 'found', at, size: from, label, file: identityOf(statSync(path)) } as const
      rewriteJournal(journal, [found])
    }
    const kept = labels.length > 0 ? { labels: deflateRawSync(labels).toString('base64') } : {}
    await appendJournalDurably(journal, { event: 'resizing', at, size, label: labels.length, ...kept })
  }
  told(path, () => {
    truncateSync(path, size + labels.length)
    if (labels.length === 0) return
    writeLabels(path, size, labels)
    writeLabels(path, from, Buffer.alloc(Math.min(labels.length, size - from)))
  })
  const file = identityOf(statSync(path))
  await appendJournalDurably(journal, { event: 'resized', at, size, label: labels.length, file })
}

function unfinished(journal: string): { readonly labels: Buffer; readonly from: number } | undefined {
  const lines = readJournal(journal)
  const last = shapesIn(lines).at(-1)
  const line = lines.findLast((l) => l.event === 'resizing')
  if (!last || !line || lines.indexOf(line) < lines.indexOf(last)) return undefined
  return { labels: inflateRawSync(Buffer.from(line.labels ?? '', 'base64')), from: last.size }
}
