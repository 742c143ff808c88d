/** `bringup resume`: continues an operation that was killed, failed, or waited for a reboot. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { findOperation, journalFolder, listOperations, type Operation } from '../../steps/journal.ts'
import type { Command, Invocation } from '../command.ts'
import { OPERATION_OPTIONS, resumeChange, undoChange } from '../operation.ts'

export const problems = defineDiagnostics({
  OPERATION_NOT_RESUMABLE: {
    title: 'The operation has ended and cannot be resumed.',
    why: 'it is complete, or was undone',
    remedy: 'run the original command again',
  },
})

export const command: Command = {
  summary: 'continue an operation that was interrupted or waits for a reboot',
  description:
    'What is done is not done twice: every step is checked first. Without an id, the newest operation that has not ended.',
  arguments: [
    { name: '[id]', description: 'id from `bringup operations`, or a unique prefix', from: 'operations' },
  ],
  options: OPERATION_OPTIONS,
  examples: [
    { command: 'bringup resume', says: 'finish what was begun' },
    { command: 'bringup resume --dry-run', says: 'what is left to do' },
  ],
  run: resume,
}

async function resume(invocation: Invocation): Promise<number> {
  const { args, output } = invocation
  const root = journalFolder()
  const operation =
    args[0] === undefined ? listOperations(root).findLast(isOpen) : findOperation(root, args[0])
  if (operation === undefined) {
    output.json({ title: 'Nothing was left unfinished.', state: 'nothing-to-do', steps: [], diagnostics: [] })
    output.note('Nothing was left unfinished.')
    return 0
  }
  if (!isOpen(operation))
    throw new BringupError([
      problems.OPERATION_NOT_RESUMABLE.at('', `"${operation.title}" (${operation.id}) is ${operation.state}`),
    ])
  return operation.state === 'half-undone'
    ? undoChange(invocation, operation)
    : resumeChange(invocation, operation)
}

function isOpen({ state }: Operation): boolean {
  return state === 'half-done' || state === 'half-undone' || state === 'awaiting-reboot'
}
