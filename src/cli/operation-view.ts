/** The plan of an operation, as text and as JSON. */
import type { Diagnostic } from '../diagnostics.ts'
import { formatCommand, type RootPrefix } from '../steps/host-command.ts'
import type { OperationPlan, PlannedStep } from '../steps/plan-operation.ts'
import { formatBytes, MiB } from '../units.ts'
import { formatDiagnostics } from './errors.ts'
import { fitCommand, type Page } from './width.ts'

/** As Terraform does: steps that are up to date, steps with their commands, steps that follow later. */
export function formatOperationPlan(
  title: string,
  plan: OperationPlan,
  prefix: RootPrefix,
  page: Page,
): string {
  const blocks = plan.steps.map((step) => formatStep(step, prefix, page))
  return [page.colors.bold(title), ...blocks, summaryOf(plan)].join('\n')
}

const MARKS = { done: '✓', change: '+', reboot: '↻', later: '…', blocked: '✗' } as const

function formatStep(step: PlannedStep, prefix: RootPrefix, { colors, columns }: Page): string {
  const paint = {
    done: colors.green,
    change: colors.yellow,
    reboot: colors.yellow,
    later: colors.yellow,
    blocked: colors.red,
  }[step.state]
  const head = `  ${paint(MARKS[step.state])} ${step.title}  ${colors.dim(step.detail)}`
  const needs = step.needs.length === 0 ? [] : [colors.dim(`      needs ${step.needs.join(', ')}`)]
  const commands = step.commands.flatMap((command) =>
    formatCommand(command, prefix)
      .split('\n')
      .map((line, index) =>
        colors.cyan(index === 0 ? fitCommand(`      ${line}`, columns) : `      ${line}`),
      ),
  )
  const cost = costOf(step)
  const found =
    step.diagnostics.length === 0
      ? []
      : formatDiagnostics(step.diagnostics, { colors, columns: columns - 6 })
          .split('\n')
          .map((l) => `      ${l}`)
  return [
    head,
    ...needs,
    ...(cost === undefined ? [] : [colors.dim(`      ${cost}`)]),
    ...commands,
    ...found,
  ].join('\n')
}

function costOf({ cost }: PlannedStep): string | undefined {
  const parts = [
    ...(cost?.downloadBytes ? [`downloads about ${rounded(cost.downloadBytes)}`] : []),
    ...(cost?.diskBytes ? [`takes about ${rounded(cost.diskBytes)} of disk`] : []),
  ]
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** Whole mebibytes: it is an estimate. */
function rounded(bytes: number): string {
  return formatBytes(Math.ceil(bytes / MiB) * MiB)
}

function summaryOf(plan: OperationPlan): string {
  const count = (state: PlannedStep['state']) => plan.steps.filter((s) => s.state === state).length
  const parts = [
    `${count('done')} up to date`,
    `${count('change')} to change`,
    ...(count('later') > 0 ? [`${count('later')} to follow`] : []),
    ...(count('reboot') > 0 ? [`${count('reboot')} after a reboot`] : []),
    ...(count('blocked') > 0 ? [`${count('blocked')} blocked`] : []),
  ]
  return `${parts.join(', ')}.`
}

/** See `operationJson` in `shapes.ts`. */
export function operationJsonOf(
  title: string,
  plan: OperationPlan,
  state: string,
  notes: readonly Diagnostic[] = [],
) {
  return {
    title,
    state,
    steps: plan.steps.map((s) => ({
      kind: s.step.kind,
      title: s.title,
      state: s.state,
      detail: s.detail,
      needs: s.needs,
      commands: s.commands.map((c) => ({
        argv: c.argv,
        asRoot: c.asRoot === true,
        ...(c.env === undefined ? {} : { env: c.env }),
        ...(c.cwd === undefined ? {} : { cwd: c.cwd }),
        ...(c.stdin === undefined ? {} : { stdin: c.stdin }),
      })),
      ...(s.cost === undefined ? {} : { cost: s.cost }),
    })),
    diagnostics: [...notes, ...plan.steps.flatMap((s) => s.diagnostics)],
  }
}
