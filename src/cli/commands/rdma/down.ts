/** `bringup rdma down`: takes back what `up` has changed. */
import { OPERATION_NAME } from '../../../rdma/operation.ts'
import { currentOperation } from '../../../steps/journal.ts'
import type { Command, Invocation } from '../../command.ts'
import { OPERATION_OPTIONS, undoChange } from '../../operation.ts'

export const down: Command = {
  summary: 'take back what `up` has changed',
  description:
    'Removes the device and the interface that were made, unloads what was loaded and loads what was unloaded. What was there before stays.',
  options: OPERATION_OPTIONS,
  examples: [
    { command: 'bringup rdma down --dry-run', says: 'what would be taken back' },
    { command: 'bringup rdma down --yes', says: 'for a script' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { output } = invocation
  const operation = currentOperation(OPERATION_NAME)
  if (operation) return undoChange(invocation, operation)
  const why = 'There is nothing to take back.'
  output.json({ title: why, state: 'nothing-to-do', steps: [], diagnostics: [] })
  output.note(why)
  return 0
}
