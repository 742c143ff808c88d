/**
 * How every command that changes the host goes: plan, show, ask, apply with progress, say how it went. A command only
 * says which steps there are.
 */
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { EXIT_CODES } from '../guest/verdict.ts'
import { visible } from '../guest-text.ts'
import { plural } from '../plural.ts'
import { stepKinds } from '../step-registry.ts'
import { type ApplyContext, applyOperation } from '../steps/apply.ts'
import { createHostReader } from '../steps/host-reader.ts'
import {
  createJournal,
  type Journal,
  journalFolder,
  listOperations,
  type Operation,
  openJournal,
} from '../steps/journal.ts'
import { lockOperations } from '../steps/operation-lock.ts'
import { type OperationPlan, planOperation } from '../steps/plan-operation.ts'
import { findRoot, openDoor } from '../steps/root.ts'
import type { Step } from '../steps/step.ts'
import { planUndo, undoOperation } from '../steps/undo.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { hasTerminal, isConfirmed } from './confirm.ts'
import { showProgress } from './operation-progress.ts'
import { formatOperationPlan, operationJsonOf } from './operation-view.ts'

export const problems = defineDiagnostics({
  OPERATION_HALF_DONE: {
    title: 'An earlier operation was not finished.',
    why: 'it was killed, interrupted, or failed; the journal has its changes',
    remedy: 'finish it with `bringup resume`, or undo it with `bringup undo`; then run this again',
  },
})

/** Options of every command that changes the host. */
export const OPERATION_OPTIONS: readonly OptionSpec[] = [
  { flags: '-y, --yes', description: 'do it without asking' },
  { flags: '--dry-run', description: 'show what would be done, and change nothing' },
]

/** What a command wants done. */
export interface OperationRequest {
  /** The command's name, as the journal has it. */
  readonly name: string
  /** For people, in the imperative. */
  readonly title: string
  readonly steps: readonly Step[]
  /** Findings that go with it, for `--json`; the command has shown them to a person. */
  readonly notes?: readonly Diagnostic[]
}

/**
 * Does it. Returns the exit code of the process.
 *
 * @throws BringupError with all blockers, OPERATION_HALF_DONE, CONFIRMATION_NEEDED, or why a step failed
 */
export async function runOperation(invocation: Invocation, request: OperationRequest): Promise<number> {
  const root = journalFolder()
  const stopped = await settleHalfDone(invocation, root)
  if (stopped !== undefined) return stopped
  const host = createHostReader(invocation.signal)
  const plan = await planOperation(request.steps, stepKinds, host)
  return carryOut(invocation, request.title, plan, {
    root,
    open: () => createJournal(root, { name: request.name, title: request.title, steps: request.steps }),
    act: async (context) => applyOperation(context),
    notes: request.notes ?? [],
  })
}

/** Goes on with an operation that was not finished. */
export async function resumeOperation(invocation: Invocation, operation: Operation): Promise<number> {
  const host = createHostReader(invocation.signal)
  const plan = await planOperation(operation.steps, stepKinds, host)
  return carryOut(invocation, operation.title, plan, {
    root: journalFolder(),
    open: () => openJournal(operation.folder, operation),
    act: async (context) => applyOperation(context, operation),
    // Even if everything is so by now, the journal has to say that it is.
    isDue: true,
  })
}

/** Takes an operation back. */
export async function takeBack(invocation: Invocation, operation: Operation): Promise<number> {
  const host = createHostReader(invocation.signal)
  const plan = await planUndo(operation, stepKinds, host)
  return carryOut(invocation, `undo: ${operation.title}`, plan, {
    root: journalFolder(),
    open: () => openJournal(operation.folder, operation),
    act: async (context) => {
      await undoOperation(operation, context)
      return { state: 'undone' }
    },
    isDue: true,
  })
}

/**
 * Asks what is to become of operations that stand in the way of a new one. Returns an exit code where the new one is not
 * to begin.
 *
 * @throws BringupError OPERATION_HALF_DONE without a terminal to ask on
 */
async function settleHalfDone(invocation: Invocation, root: string): Promise<number | undefined> {
  const { output, options } = invocation
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
    const settle = choice === 'finish' ? resumeOperation : takeBack
    const code = await settle(invocation, operation)
    if (code !== EXIT_CODES.passed) return code
  }
  return undefined
}

function halfDone(root: string): readonly Operation[] {
  return listOperations(root).filter(
    (o) => (o.state === 'half-done' || o.state === 'half-undone') && o.changes.some((c) => !c.isUndone),
  )
}

/** @throws BringupError OPERATION_HALF_DONE */
export function refuseHalfDone(root: string): void {
  const found = halfDone(root)
  if (found.length === 0) return
  throw new BringupError(
    found.map((o) => {
      const done = o.changes.filter((c) => !c.isUndone).length
      const what = `"${o.title}" (${o.id}) was left ${o.state}: ${done} of its ${plural(o.steps.length, 'step')} ${done === 1 ? 'has' : 'have'} started`
      return problems.OPERATION_HALF_DONE.at(
        '',
        what,
        o.failure === undefined ? {} : { evidence: [o.failure] },
      )
    }),
  )
}

interface Deed {
  readonly root: string
  readonly open: () => Journal
  readonly act: (context: ApplyContext) => Promise<{ readonly state: string; readonly detail?: string }>
  /** Act although nothing would be changed. */
  readonly isDue?: boolean
  readonly notes?: readonly Diagnostic[]
}

async function carryOut(
  invocation: Invocation,
  title: string,
  plan: OperationPlan,
  deed: Deed,
): Promise<number> {
  const { options, output, signal } = invocation
  const access = findRoot(hasTerminal())
  const isDryRun = options.dryRun === true
  if (plan.blockers.length > 0 && !isDryRun) throw new BringupError(plan.blockers)
  if (!output.isJson) output.note(formatOperationPlan(title, plan, access.prefix, output.errorPage))
  if (isDryRun || (!plan.hasChanges && deed.isDue !== true)) {
    output.json(operationJsonOf(title, plan, isDryRun ? 'planned' : 'nothing-to-do', deed.notes))
    return plan.blockers.length > 0 ? EXIT_CODES.refused : EXIT_CODES.passed
  }
  openDoor(
    access,
    plan.steps.flatMap((s) => s.commands),
    plan.steps.some((s) => s.state === 'later' && s.needs.includes('root')),
  )
  if (!(await mayGoOn(invocation, plan))) {
    output.note('Nothing was changed.')
    return EXIT_CODES.interrupted
  }
  await using _lock = await lockOperations(deed.root)
  const journal = deed.open()
  try {
    const host = createHostReader(signal)
    const progress = showProgress(plan, output, access.prefix)
    const context = { kinds: stepKinds, host, journal, prefix: access.prefix, onEvent: progress.onEvent }
    const outcome = await deed.act(context).finally(progress.end)
    output.json({ ...operationJsonOf(title, plan, outcome.state, deed.notes), operation: journal.head.id })
    output.note(closingWords(outcome, journal.head.id))
    return EXIT_CODES.passed
  } finally {
    journal.close()
  }
}

function closingWords({ state, detail }: { state: string; detail?: string }, id: string): string {
  if (state === 'awaiting-reboot')
    return `Reboot this computer, then: bringup resume\n  ${detail}\nOr undo it: bringup undo ${id}`
  return state === 'undone' ? 'Undone.' : `Done. To undo it: bringup undo ${id}`
}

async function mayGoOn(invocation: Invocation, plan: OperationPlan): Promise<boolean> {
  if (!plan.hasChanges) return true
  const count = plan.steps.filter((s) => s.state !== 'done').length
  const what = `${plural(count, 'step')} would change this computer`
  return isConfirmed(invocation, { what, message: 'Continue?' })
}
