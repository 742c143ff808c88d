/** The operation that made RDMA ready, as far as it is not taken back. */
import { OPERATION_NAME } from '../../../rdma/operation.ts'
import { journalFolder, listOperations, type Operation } from '../../../steps/journal.ts'

export function currentOperation(): Operation | undefined {
  return listOperations(journalFolder()).findLast(
    (o) => o.name === OPERATION_NAME && o.state !== 'undone' && o.changes.some((c) => !c.isUndone),
  )
}
