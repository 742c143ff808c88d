/** What an operation would do: every step's own finding, with the commands it would run. Changes nothing. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { distinct } from '../distinct.ts'
import type { HostCommand } from './host-command.ts'
import type { HostReader } from './host-reader.ts'
import type { Finding, Step, StepCost, StepKind, StepKinds } from './step.ts'

export const problems = defineDiagnostics({
  STEP_KIND_UNKNOWN: {
    title: 'The journal has a step that this version of bringup does not support.',
    why: 'another version of bringup wrote the journal, or the journal was edited',
    remedy: 'use the version that wrote it; the details are in operation.json of the journal',
  },
})

/** A step and what would be done for it. */
export interface PlannedStep {
  readonly step: Step
  readonly title: string
  readonly state: Finding['state']
  readonly detail: string
  readonly needs: readonly string[]
  readonly commands: readonly HostCommand[]
  readonly cost?: StepCost
  /** Why it is blocked, or what may surprise. */
  readonly diagnostics: readonly Diagnostic[]
}

export interface OperationPlan {
  readonly steps: readonly PlannedStep[]
  /** Whether anything would be changed. */
  readonly hasChanges: boolean
  /** Of all blocked steps, each once; nothing is applied while there is one. */
  readonly blockers: readonly Diagnostic[]
}

/** Asks every step in turn. */
export async function planOperation(
  steps: readonly Step[],
  kinds: StepKinds,
  host: HostReader,
): Promise<OperationPlan> {
  const planned: PlannedStep[] = []
  for (const step of steps) {
    const found = await findKind(step, kinds)
    planned.push('code' in found ? blocked(step, [found]) : await planStep(step, found, host))
  }
  return {
    steps: planned,
    hasChanges: planned.some((s) => s.state === 'change' || s.state === 'later'),
    blockers: blockersOf(planned),
  }
}

/** Steps that need the same thing are blocked by the same finding. */
export function blockersOf(steps: readonly PlannedStep[]): readonly Diagnostic[] {
  return distinct(steps.filter((s) => s.state === 'blocked').flatMap((s) => s.diagnostics))
}

/** The kind of a step with its parameters checked, or why it is unavailable. */
export async function findKind(step: Step, kinds: StepKinds): Promise<StepKind | Diagnostic> {
  const kind = await kinds(step.kind)
  if (!kind) return problems.STEP_KIND_UNKNOWN.at('', `"${step.kind}" is no kind of step here`)
  const parsed = kind.schema.safeParse(step.params)
  if (parsed.success) return kind
  return problems.STEP_KIND_UNKNOWN.at('', `the parameters of a step "${step.kind}" are not understood`, {
    evidence: parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`),
  })
}

async function planStep(step: Step, kind: StepKind, host: HostReader): Promise<PlannedStep> {
  const finding = await kind.check(step.params, host)
  const title = kind.describe(step.params)
  if (finding.state === 'blocked') return { ...blocked(step, finding.diagnostics), title }
  const change = finding.state === 'change' ? finding : undefined
  return {
    step,
    title,
    state: finding.state,
    detail: finding.detail,
    needs: finding.state === 'done' ? [] : (kind.needs ?? []),
    commands: change?.commands ?? [],
    ...(change?.cost === undefined ? {} : { cost: change.cost }),
    diagnostics: change?.warnings ?? [],
  }
}

function blocked(step: Step, diagnostics: readonly Diagnostic[]): PlannedStep {
  return {
    step,
    title: step.kind,
    state: 'blocked',
    detail: diagnostics.map((d) => d.what).join('; '),
    needs: [],
    commands: [],
    diagnostics,
  }
}
