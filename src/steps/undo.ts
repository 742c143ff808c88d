/** Takes an operation back: its changes in reverse order, each checked when it is done. */
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { type ApplyContext, kindOf, problems, runAll } from './apply.ts'
import type { HostReader } from './host-reader.ts'
import type { Operation } from './journal.ts'
import { blockersOf, findKind, type OperationPlan, type PlannedStep } from './plan-operation.ts'
import type { Json, Step, StepKind, StepKinds } from './step.ts'

interface Change {
  readonly index: number
  readonly step: Step
  readonly before: Json
}

/** What is still to be taken back, last change first. */
function changesOf(operation: Operation): readonly Change[] {
  return operation.changes
    .filter((change) => !change.isUndone)
    .toSorted((a, b) => b.step - a.step)
    .flatMap(({ step: index, before }) => {
      const step = operation.steps[index]
      return step ? [{ index, step, before }] : []
    })
}

/** What undoing would do. Changes nothing. */
export async function planUndo(
  operation: Operation,
  kinds: StepKinds,
  host: HostReader,
): Promise<OperationPlan> {
  const steps: PlannedStep[] = []
  for (const change of changesOf(operation)) steps.push(await planChange(change, kinds, host))
  return {
    steps,
    hasChanges: steps.some((s) => s.state === 'change'),
    blockers: blockersOf(steps),
  }
}

async function planChange(change: Change, kinds: StepKinds, host: HostReader): Promise<PlannedStep> {
  const { step } = change
  const kind = await findKind(step, kinds)
  const nothing = { step, title: step.kind, detail: '', needs: [], commands: [], diagnostics: [] }
  if ('code' in kind) return { ...nothing, state: 'blocked', detail: kind.what, diagnostics: [kind] }
  const title = titleOf(kind, step)
  const finding = await kind.undo(step.params, change.before, host)
  if (finding.state === 'blocked')
    return {
      ...nothing,
      title,
      state: 'blocked',
      detail: finding.diagnostics.map((d) => d.what).join('; '),
      diagnostics: finding.diagnostics,
    }
  const commands = finding.state === 'change' ? finding.commands : []
  return { ...nothing, title, state: finding.state, detail: finding.detail, commands }
}

/**
 * Takes back what the operation changed. Goes on where an earlier call stopped.
 *
 * @throws BringupError of the first step that cannot be taken back; the journal has what was
 */
export async function undoOperation(operation: Operation, context: ApplyContext): Promise<void> {
  const { journal } = context
  journal.write({ event: 'undo-begin' })
  for (const { index, step, before } of changesOf(operation)) {
    const kind = await kindOf(step, context)
    const title = titleOf(kind, step)
    const detail = await takeBack({ step, title, kind, before }, context)
    journal.write({ event: 'undone', step: index })
    context.onEvent({ kind: 'done', step, title, detail })
  }
  journal.write({ event: 'undo-end' })
}

/** Runs what the step says until it says `done`; what a round has left behind may be known only after it. */
async function takeBack(
  change: { readonly step: Step; readonly title: string; readonly kind: StepKind; readonly before: Json },
  context: ApplyContext,
): Promise<string> {
  const { step, title, kind, before } = change
  let earlier = ''
  for (;;) {
    const finding = await kind.undo(step.params, before, context.host)
    if (finding.state === 'done') return finding.detail
    if (finding.state === 'blocked') throw failed(finding.diagnostics, step, title, context)
    const commands = JSON.stringify(finding.commands)
    if (commands === earlier)
      throw failed([problems.STEP_DID_NOT_HOLD.at('', `${title}: ${finding.detail}`)], step, title, context)
    earlier = commands
    context.onEvent({ kind: 'begin', step, title, detail: finding.detail })
    await runAll(step, title, finding.commands, context)
  }
}

function failed(
  diagnostics: readonly Diagnostic[],
  step: Step,
  title: string,
  context: ApplyContext,
): BringupError {
  context.onEvent({ kind: 'failed', step, title })
  return new BringupError(diagnostics)
}

function titleOf(kind: StepKind, step: Step): string {
  return `take back: ${kind.describe(step.params)}`
}
