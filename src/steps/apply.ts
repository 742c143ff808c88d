/** Applies an operation: step by step, each journalled before it changes anything, each checked again when it is done. */
import { join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { readKernel } from '../host/kernel.ts'
import { execute } from './execute.ts'
import type { HostCommand, RootPrefix } from './host-command.ts'
import type { HostReader } from './host-reader.ts'
import type { Journal, Operation } from './journal.ts'
import { findKind } from './plan-operation.ts'
import type { Finding, Step, StepKind, StepKinds } from './step.ts'

export const problems = defineDiagnostics({
  STEP_DID_NOT_HOLD: {
    title: 'The commands of a step succeeded without the intended effect.',
    why: 'a step is done when its check passes',
    remedy: 'undo it with `bringup undo`, and report this with the journal; it is probably a bug of bringup',
  },
})

/** What happens to a step, for progress displays. `step` is the very object of the operation. */
export type StepEvent =
  | { readonly kind: 'begin'; readonly step: Step; readonly title: string; readonly detail: string }
  | { readonly kind: 'command'; readonly step: Step; readonly command: HostCommand }
  | { readonly kind: 'line'; readonly step: Step; readonly line: string }
  | { readonly kind: 'done'; readonly step: Step; readonly title: string; readonly detail: string }
  | { readonly kind: 'passed'; readonly step: Step; readonly title: string; readonly detail: string }
  | { readonly kind: 'reboot'; readonly step: Step; readonly title: string; readonly detail: string }
  | { readonly kind: 'failed'; readonly step: Step; readonly title: string }

export interface ApplyContext {
  readonly kinds: StepKinds
  readonly host: HostReader
  readonly journal: Journal
  readonly prefix: RootPrefix
  readonly onEvent: (event: StepEvent) => void
}

export type Applied =
  | { readonly state: 'done' }
  /** The rest follows after a reboot of this computer: `bringup resume`. */
  | { readonly state: 'awaiting-reboot'; readonly detail: string }

/**
 * Applies all steps of the journal's operation that are not so yet. Goes on where an earlier call stopped, also after
 * a kill or a reboot, since every step is checked first.
 *
 * @param earlier What the journal says of earlier calls, for an operation that goes on.
 * @throws BringupError of the first step that fails; the journal has it, and what was done stays done
 */
export async function applyOperation(context: ApplyContext, earlier?: Operation): Promise<Applied> {
  const { steps } = context.journal.head
  for (const [index, step] of steps.entries()) {
    try {
      const outcome = await applyStep(index, step, context, earlier)
      if (outcome) return { state: 'awaiting-reboot', detail: outcome }
    } catch (error) {
      context.journal.write({
        event: 'failed',
        step: index,
        what: error instanceof Error ? error.message : `${error}`,
      })
      throw error
    }
  }
  context.journal.write({ event: 'end' })
  return { state: 'done' }
}

/** @returns what is to hold after a reboot, if that has to come first */
async function applyStep(
  index: number,
  step: Step,
  context: ApplyContext,
  earlier: Operation | undefined,
): Promise<string | undefined> {
  const { host, journal, onEvent } = context
  const kind = await kindOf(step, context)
  const title = kind.describe(step.params)
  const finding = await kind.check(step.params, host)
  if (finding.state === 'done') {
    const isOurs = earlier?.changes.some((c) => c.step === index && !c.isUndone) === true
    journal.write(isOurs ? { event: 'done', step: index } : { event: 'passed', step: index })
    onEvent({ kind: 'passed', step, title, detail: finding.detail })
    return undefined
  }
  if (finding.state === 'reboot') return awaitReboot(index, step, title, finding.detail, context)
  if (finding.state === 'change') {
    onEvent({ kind: 'begin', step, title, detail: finding.detail })
    if (!finding.leavesNothing) journal.write({ event: 'begin', step: index, before: finding.before })
    await runAll(step, title, finding.commands, context)
  }
  const after = finding.state === 'change' ? await kind.check(step.params, host) : finding
  if (after.state === 'reboot') return awaitReboot(index, step, title, after.detail, context)
  if (after.state !== 'done') {
    onEvent({ kind: 'failed', step, title })
    throw new BringupError(whyNot(title, after))
  }
  journal.write({ event: 'done', step: index })
  onEvent({ kind: 'done', step, title, detail: after.detail })
  return undefined
}

/** Runs the commands of one step in order; also for `undo`. */
export async function runAll(
  step: Step,
  title: string,
  commands: readonly HostCommand[],
  context: ApplyContext,
): Promise<void> {
  for (const command of commands) {
    context.host.signal.throwIfAborted()
    context.onEvent({ kind: 'command', step, command })
    try {
      await execute(command, {
        prefix: context.prefix,
        signal: context.host.signal,
        logFile: join(context.journal.folder, 'output.log'),
        onLine: (line) => context.onEvent({ kind: 'line', step, line }),
      })
    } catch (error) {
      context.onEvent({ kind: 'failed', step, title })
      throw await explained(error, step, context)
    }
  }
}

/** The failure in the words of the step's kind, where that knows better than the command's exit code. */
async function explained(error: unknown, step: Step, context: Pick<ApplyContext, 'kinds'>): Promise<unknown> {
  if (!(error instanceof BringupError) || error.code !== 'STEP_COMMAND_FAILED') return error
  const kind = await kindOf(step, context)
  const lines = error.diagnostics.flatMap((d) => d.evidence ?? [])
  const meaning = (await kind.explain?.(step.params, lines)) ?? []
  return meaning.length > 0 ? new BringupError(meaning, { cause: error }) : error
}

function awaitReboot(
  index: number,
  step: Step,
  title: string,
  detail: string,
  context: ApplyContext,
): string {
  context.journal.write({ event: 'reboot', step: index, bootId: readKernel().bootId })
  context.onEvent({ kind: 'reboot', step, title, detail })
  return detail
}

/** @throws BringupError STEP_KIND_UNKNOWN */
export async function kindOf(step: Step, context: Pick<ApplyContext, 'kinds'>): Promise<StepKind> {
  const found = await findKind(step, context.kinds)
  if ('code' in found) throw new BringupError([found])
  return found
}

function whyNot(title: string, finding: Finding): readonly Diagnostic[] {
  if (finding.state === 'blocked') return finding.diagnostics
  return [problems.STEP_DID_NOT_HOLD.at('', `${title}: ${finding.detail}`)]
}
