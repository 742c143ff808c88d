/** How every change of this computer goes: plan, show, ask, apply, record. The caller shows and asks. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { plural } from '../plural.ts'
import { type ApplyContext, applyOperation, type StepEvent } from './apply.ts'
import type { RootPrefix } from './host-command.ts'
import { createHostReader } from './host-reader.ts'
import { createJournal, type Journal, listOperations, type Operation, openJournal } from './journal.ts'
import { lockOperations } from './operation-lock.ts'
import { type OperationPlan, planOperation } from './plan-operation.ts'
import { findRoot, openDoor } from './root.ts'
import type { Step, StepKinds } from './step.ts'
import { planUndo, undoOperation } from './undo.ts'

export const problems = defineDiagnostics({
  OPERATION_HALF_DONE: {
    title: 'An earlier operation was not finished.',
    why: 'it was killed, interrupted, or failed; the journal has its changes',
    remedy: 'finish it with `bringup resume`, or undo it with `bringup undo`; then run this again',
  },
})

/** What is to be done. */
export interface OperationRequest {
  /** The command's name, as the journal has it. */
  readonly name: string
  /** For people, in the imperative. */
  readonly title: string
  readonly steps: readonly Step[]
}

/** What an operation needs from its caller. */
export interface OperationContext {
  readonly kinds: StepKinds
  readonly signal: AbortSignal
  /** Folder of the journals. */
  readonly root: string
  /** Whether sudo could ask a person for a password. */
  readonly hasTerminal: boolean
  /** Plan and show; change nothing, and throw no blockers. */
  readonly isDryRun: boolean
  /** Shows the plan, with the words that stand before commands of root. */
  readonly show: (title: string, plan: OperationPlan, prefix: RootPrefix) => void
  /** Asks whether the plan may be carried out. It is not asked where nothing would change. */
  readonly confirm: (plan: OperationPlan) => Promise<boolean>
  /** Begins to show progress. */
  readonly follow: (plan: OperationPlan, prefix: RootPrefix) => OperationFollower
}

export interface OperationFollower {
  readonly onEvent: (event: StepEvent) => void
  /** Resolves when nothing more is shown. */
  readonly end: () => Promise<void>
}

/** How it went; `id` where a journal has it. */
export interface OperationEnd {
  readonly title: string
  readonly plan: OperationPlan
  readonly state: 'planned' | 'nothing-to-do' | 'declined' | 'done' | 'awaiting-reboot' | 'undone'
  readonly id?: string
  /** What is to hold after the reboot. */
  readonly detail?: string
}

/**
 * Carries out a new operation.
 *
 * @throws BringupError with all blockers, or why a step failed; the journal has what was done
 */
export async function runOperation(
  { name, title, steps }: OperationRequest,
  context: OperationContext,
): Promise<OperationEnd> {
  const { kinds, root } = context
  const plan = await planOperation(steps, kinds, createHostReader(context.signal))
  return carryOut(title, plan, context, {
    open: () => createJournal(root, { name, title, steps }),
    act: (applying) => applyOperation(applying),
  })
}

/** Goes on with an operation that was not finished. Even if everything is so by now, the journal has to say that it is. */
export async function resumeOperation(
  operation: Operation,
  context: OperationContext,
): Promise<OperationEnd> {
  const plan = await planOperation(operation.steps, context.kinds, createHostReader(context.signal))
  return carryOut(operation.title, plan, context, {
    open: () => openJournal(operation.folder, operation),
    act: (applying) => applyOperation(applying, operation),
    isDue: true,
  })
}

/** Takes an operation back. */
export async function takeBack(operation: Operation, context: OperationContext): Promise<OperationEnd> {
  const plan = await planUndo(operation, context.kinds, createHostReader(context.signal))
  return carryOut(`undo: ${operation.title}`, plan, context, {
    open: () => openJournal(operation.folder, operation),
    act: async (applying) => {
      await undoOperation(operation, applying)
      return { state: 'undone' }
    },
    isDue: true,
  })
}

/** Operations that were left before their end, and have changed something. */
export function halfDone(root: string): readonly Operation[] {
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
  readonly open: () => Journal
  readonly act: (context: ApplyContext) => Promise<Pick<OperationEnd, 'state' | 'detail'>>
  /** Act although nothing would be changed. */
  readonly isDue?: boolean
}

async function carryOut(
  title: string,
  plan: OperationPlan,
  context: OperationContext,
  { open, act, isDue = false }: Deed,
): Promise<OperationEnd> {
  const { isDryRun, signal, kinds } = context
  const access = findRoot(context.hasTerminal)
  if (plan.blockers.length > 0 && !isDryRun) throw new BringupError(plan.blockers)
  context.show(title, plan, access.prefix)
  if (isDryRun) return { title, plan, state: 'planned' }
  if (!plan.hasChanges && !isDue) return { title, plan, state: 'nothing-to-do' }
  openDoor(
    access,
    plan.steps.flatMap((s) => s.commands),
    plan.steps.some((s) => s.state === 'later' && s.needs.includes('root')),
  )
  if (plan.hasChanges && !(await context.confirm(plan))) return { title, plan, state: 'declined' }
  await using _lock = await lockOperations(context.root)
  const journal = open()
  try {
    const { onEvent, end } = context.follow(plan, access.prefix)
    const host = createHostReader(signal)
    const outcome = await act({ kinds, host, journal, prefix: access.prefix, onEvent }).finally(end)
    return { title, plan, id: journal.head.id, ...outcome }
  } finally {
    journal.close()
  }
}
