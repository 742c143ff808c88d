/** `bringup operations`: what has been changed on this computer, by which command, and what is left of it. */
import { stepKinds } from '../../step-registry.ts'
import { findOperation, journalFolder, listOperations, type Operation } from '../../steps/journal.ts'
import { findKind } from '../../steps/plan-operation.ts'
import type { Command, Invocation } from '../command.ts'

export const command: Command = {
  summary: 'list the operations that changed this computer',
  description: 'Lists the journal of this user, oldest first; root has a separate journal.',
  examples: [
    { command: 'bringup operations', says: 'what was done, and what is left of it' },
    { command: 'bringup operations show 20261125-101500', says: 'one of them, step by step' },
  ],
  run: list,
  subcommands: {
    show: {
      summary: 'print one operation, step by step',
      arguments: [{ name: '<id>', description: 'an id, or a unique prefix of one', from: 'operations' }],
      examples: [
        { command: 'bringup operations show 20261125-101500 --json', says: 'everything known about it' },
      ],
      run: show,
    },
  },
}

async function list({ output }: Invocation): Promise<number> {
  const operations = listOperations(journalFolder())
  output.json({ operations: operations.map(summaryOf) })
  if (output.isJson) return 0
  if (operations.length === 0) {
    output.note('Nothing has been changed on this computer by bringup.')
    return 0
  }
  const { formatTable } = await import('../table.ts')
  const rows = operations.map((o) => [o.id, o.name, o.state, o.title])
  output.print(formatTable(['operation', 'command', 'state', ''], rows, output))
  return 0
}

async function show({ args, output }: Invocation): Promise<number> {
  const operation = findOperation(journalFolder(), args[0] ?? '')
  const steps = await Promise.all(
    operation.steps.map(async (step, index) => {
      const kind = await findKind(step, stepKinds)
      const title = 'code' in kind ? step.kind : kind.describe(step.params)
      return { kind: step.kind, title, state: stateOf(operation, index) }
    }),
  )
  output.json({ ...summaryOf(operation), steps })
  output.print(`${operation.id}  ${operation.title}  ${operation.state}`)
  for (const step of steps) output.print(`  ${step.title}: ${step.state}`)
  if (operation.failure !== undefined) output.print(`  failed: ${operation.failure}`)
  output.print(`  journal: ${operation.folder}`)
  return 0
}

function stateOf({ changes }: Operation, index: number): 'changed' | 'taken back' | 'not changed' {
  const change = changes.find((c) => c.step === index)
  if (!change) return 'not changed'
  return change.isUndone ? 'taken back' : 'changed'
}

function summaryOf(operation: Operation) {
  const { id, name, title, state, startedAt, folder, failure } = operation
  return { id, name, title, state, startedAt, folder, ...(failure === undefined ? {} : { failure }) }
}
