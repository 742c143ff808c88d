/** Commands that change the host: shows their plan, asks, shows progress, says how it went. */
import type { Diagnostic } from '../diagnostics.ts'
import { EXIT_CODES } from '../guest/verdict.ts'
import { visible } from '../guest-text.ts'
import { plural } from '../plural.ts'
import { stepKinds } from '../step-registry.ts'
import { journalFolder, type Operation } from '../steps/journal.ts'
import {
  halfDone,
  type OperationContext,
  type OperationEnd,
  type OperationRequest,
  refuseHalfDone,
  resumeOperation,
  runOperation,
  takeBack,
} from '../steps/operation.ts'
import type { OperationPlan } from '../steps/plan-operation.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { hasTerminal, isConfirmed } from './confirm.ts'
import { showProgress } from './operation-progress.ts'
import { formatOperationPlan, operationJsonOf } from './operation-view.ts'

/** Options of every command that changes the host. */
export const OPERATION_OPTIONS: readonly OptionSpec[] = [
  { flags: '-y, --yes', description: 'do it without asking' },
  { flags: '--dry-run', description: 'show what would be done, and change nothing' },
]

/** What a command wants done. */
export interface CommandOperation extends OperationRequest {
  /** Findings that go with it, for `--json`; the command has shown them to a person. */
  readonly notes?: readonly Diagnostic[]
}

/**
 * Does it. Returns the exit code of the process.
 *
 * @throws BringupError with all blockers, OPERATION_HALF_DONE, CONFIRMATION_NEEDED, or why a step failed
 */
export async function changeHost(invocation: Invocation, request: CommandOperation): Promise<number> {
  const stopped = await settleHalfDone(invocation)
  if (stopped !== undefined) return stopped
  return say(invocation, await runOperation(request, contextOf(invocation)), request.notes)
}

/**
 * Does what a command needs of this computer before its own work. Its result is not the command's: nothing goes to
 * stdout.
 *
 * @returns whether it is done; otherwise the exit code of the process
 * @throws BringupError as `changeHost` does
 */
export async function prepareHost(invocation: Invocation, request: OperationRequest): Promise<true | number> {
  const stopped = await settleHalfDone(invocation)
  if (stopped !== undefined) return stopped
  const end = await runOperation(request, contextOf(invocation))
  if (end.id !== undefined) invocation.output.note(closingWords(end, end.id))
  if (end.state === 'done' || end.state === 'nothing-to-do') return true
  if (end.state === 'declined') invocation.output.note('Nothing was changed.')
  return end.state === 'planned' ? EXIT_CODES.passed : EXIT_CODES.interrupted
}

/** Goes on with an operation that was not finished. */
export async function resumeChange(invocation: Invocation, operation: Operation): Promise<number> {
  return say(invocation, await resumeOperation(operation, contextOf(invocation)))
}

/** Takes an operation back. */
export async function undoChange(invocation: Invocation, operation: Operation): Promise<number> {
  return say(invocation, await takeBack(operation, contextOf(invocation)))
}

function contextOf(invocation: Invocation): OperationContext {
  const { options, output, signal } = invocation
  return {
    kinds: stepKinds,
    signal,
    root: journalFolder(),
    hasTerminal: hasTerminal(),
    isDryRun: options.dryRun === true,
    show: (title, plan, prefix) => {
      if (!output.isJson) output.note(formatOperationPlan(title, plan, prefix, output.errorPage))
    },
    confirm: (plan) => mayGoOn(invocation, plan),
    follow: (plan, prefix) => showProgress(plan, output, prefix),
  }
}

/**
 * Asks what is to become of operations that stand in the way of a new one. Returns an exit code where the new one is not
 * to begin.
 *
 * @throws BringupError OPERATION_HALF_DONE without a terminal to ask on
 */
async function settleHalfDone(invocation: Invocation): Promise<number | undefined> {
  const { output, options } = invocation
  const root = journalFolder()
  if (!hasTerminal() || output.isJson || options.yes === true || options.dryRun === true) {
    refuseHalfDone(root)
    return undefined
  }
  for (const operation of halfDone(root).toReversed()) {
    const { select } = await import('@clack/prompts')
    const choice = await select({
      message: `"${visible(operation.title)}" (${operation.id}) was left ${operation.state}. What should happen with it?`,
      options: [
        ...(operation.state === 'half-undone' ? [] : [{ value: 'finish', label: 'finish it' }]),
        { value: 'revert', label: 'undo it' },
        { value: 'leave', label: 'leave it and change nothing' },
      ],
      output: process.stderr,
    })
    if (choice !== 'finish' && choice !== 'revert') return EXIT_CODES.interrupted
    const settle = choice === 'finish' ? resumeChange : undoChange
    const code = await settle(invocation, operation)
    if (code !== EXIT_CODES.passed) return code
  }
  return undefined
}

function say({ output }: Invocation, end: OperationEnd, notes?: readonly Diagnostic[]): number {
  const { title, plan, state, id } = end
  if (state === 'declined') {
    output.note('Nothing was changed.')
    return EXIT_CODES.interrupted
  }
  output.json({
    ...operationJsonOf(title, plan, state, notes),
    ...(id === undefined ? {} : { operation: id }),
  })
  if (id !== undefined) output.note(closingWords(end, id))
  return plan.blockers.length > 0 ? EXIT_CODES.refused : EXIT_CODES.passed
}

function closingWords({ state, detail }: OperationEnd, id: string): string {
  if (state === 'awaiting-reboot')
    return `Reboot this computer, then: bringup resume\n  ${detail}\nOr undo it: bringup undo ${id}`
  return state === 'undone' ? 'Undone.' : `Done. To undo it: bringup undo ${id}`
}

async function mayGoOn(invocation: Invocation, plan: OperationPlan): Promise<boolean> {
  const count = plan.steps.filter((s) => s.state !== 'done').length
  const what = `${plural(count, 'step')} would change this computer`
  return isConfirmed(invocation, { what, message: 'Continue?' })
}
