/** Writes off in the journal what the kernel has removed: networks of runs that were killed. */
import { createHostReader } from '../../steps/host-reader.ts'
import { journalFolder, listOperations, type Operation, openJournal } from '../../steps/journal.ts'
import type { StepKinds } from '../../steps/step.ts'
import { planUndo, undoOperation } from '../../steps/undo.ts'
import { isThere, placeSchema } from './place.ts'

/** Of host networks, in the journal. */
export const OPERATION_NAME = 'network'

/** Operations whose run has gone; where something is left for root to remove, it stays in the journal as it is. */
export async function settleDead({
  kinds,
  signal,
}: {
  readonly kinds: StepKinds
  readonly signal: AbortSignal
}): Promise<void> {
  const host = createHostReader(signal)
  for (const operation of listOperations(journalFolder()).filter(isDead)) {
    const plan = await planUndo(operation, kinds, host)
    if (plan.hasChanges || plan.blockers.length > 0) continue
    const journal = openJournal(operation.folder, operation)
    try {
      await undoOperation(operation, { kinds, host, journal, prefix: [], onEvent: () => {} })
    } finally {
      journal.close()
    }
  }
}

function isDead({ name, state, steps }: Operation): boolean {
  if (name !== OPERATION_NAME || state === 'undone') return false
  const params = steps[0]?.params
  const place = placeSchema.safeParse(
    params instanceof Object && 'place' in params ? params.place : undefined,
  )
  return place.success && !isThere(place.data)
}
