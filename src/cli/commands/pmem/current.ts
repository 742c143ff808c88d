/** The operation that made persistent memory of RAM, as far as it is not taken back. */
import { OPERATION_NAME } from '../../../pmem/operation.ts'
import { journalFolder, listOperations, type Operation } from '../../../steps/journal.ts'

export function currentOperation(): Operation | undefined {
  return listOperations(journalFolder()).findLast(
    (o) => o.name === OPERATION_NAME && o.state !== 'undone' && o.changes.some((c) => !c.isUndone),
  )
}
