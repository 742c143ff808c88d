/** `bringup undo`: takes back what an operation changed on this computer. */
import { findOperation, journalFolder, listOperations, type Operation } from '../../steps/journal.ts'
import type { Command, Invocation } from '../command.ts'
import { OPERATION_OPTIONS, undoChange } from '../operation.ts'

export const command: Command = {
  summary: 'undo an operation that changed this computer',
  description:
    'Every change to this computer is journalled before it is made. Without an id, the newest operation that is not taken back yet.',
  arguments: [
    { name: '[id]', description: 'id from `bringup operations`, or a unique prefix', from: 'operations' },
  ],
  options: OPERATION_OPTIONS,
  examples: [
    { command: 'bringup undo --dry-run', says: 'what would be taken back' },
    { command: 'bringup undo', says: 'take back the newest operation' },
    { command: 'bringup undo 20261125-101500 --yes', says: 'take back that one, without asking' },
  ],
  run: undo,
}

async function undo(invocation: Invocation): Promise<number> {
  const { args, output } = invocation
  const root = journalFolder()
  const operation =
    args[0] === undefined ? listOperations(root).findLast(isUndoable) : findOperation(root, args[0])
  if (operation && isUndoable(operation)) return undoChange(invocation, operation)
  const why = operation ? `${operation.id} has nothing to take back.` : 'There is nothing to take back.'
  output.json({ title: why, state: 'nothing-to-do', steps: [], diagnostics: [] })
  output.note(why)
  return 0
}

function isUndoable(operation: Operation): boolean {
  return operation.state !== 'undone' && operation.changes.some((c) => !c.isUndone)
}
