/** A sweep as text: the matrix, what was measured, what cannot be run, what changed. */
import { relative } from 'node:path'
import { plural } from '../plural.ts'
import { type Comparison, type Finding, uncomparedText } from '../sweeps/compare.ts'
import { quotedValue } from '../sweeps/expand.ts'
import type { FindingGroup } from '../sweeps/plan-sweep.ts'
import type { Axis, SweepRecord } from '../sweeps/record.ts'
import { sentenceOf } from '../sweeps/reports.ts'
import type { Estimate } from '../sweeps/statistics.ts'
import type { CellSummary, SweepSummary } from '../sweeps/summary.ts'
import { formatDiagnostics } from './errors.ts'
import type { Colors, Output } from './output.ts'
import { formatTable } from './table.ts'
import { fitText, type Page } from './width.ts'

/** Rows and columns of the matrix: the last axis with several values is across, all others are down. */
export function matrixView(
  axes: readonly Axis[],
  { cells }: Pick<SweepSummary, 'cells'>,
  page: Page,
): string {
  const across = axes.findLast(({ values }) => values.length > 1) ?? axes.at(-1)
  if (!across) return ''
  const down = axes.filter((axis) => axis !== across)
  const rowOf = ({ values }: CellSummary) => down.map(({ path }) => quotedValue(values[path] ?? null))
  const rows = new Map<string, { heads: readonly string[]; cells: Map<string, CellSummary> }>()
  for (const cell of cells) {
    const heads = rowOf(cell)
    const key = JSON.stringify(heads)
    const row = rows.get(key) ?? { heads, cells: new Map<string, CellSummary>() }
    row.cells.set(quotedValue(cell.values[across.path] ?? null), cell)
    rows.set(key, row)
  }
  const columns = across.values.map(quotedValue)
  const names = [across, ...down].map(numbered)
  const table = formatTable(
    [
      ...down.map(({ path }) => path),
      ...columns.map((value) => `${across.path}=${names[0]?.of(value) ?? value}`),
    ],
    [...rows.values()].map(({ heads, cells: known }) => [
      ...heads.map((head, index) => names[index + 1]?.of(head) ?? head),
      ...columns.map((value) => markOf(known.get(value), page.colors)),
    ]),
    page,
  )
  const legend = names.flatMap((one) => one.legend)
  return legend.length === 0 ? table : `${table}\n${fitText(legend.join('\n'), page.columns)}`
}

/** Longer values, such as commands, are numbered in the matrix and listed below it. */
const LONGEST_VALUE = 32

function numbered({ path, values }: Axis): {
  readonly of: (value: string) => string
  readonly legend: readonly string[]
} {
  const shown = values.map(quotedValue)
  if (shown.every((value) => value.length <= LONGEST_VALUE)) return { of: (value) => value, legend: [] }
  return {
    of: (value) => `#${shown.indexOf(value) + 1}`,
    legend: shown.map((value, index) => `${path} #${index + 1}: ${value}`),
  }
}

function markOf(cell: CellSummary | undefined, colors: Colors): string {
  if (!cell) return colors.dim('omitted')
  const { state, passed, failed, missing, worst } = cell
  const tries = passed + failed
  const left = missing > 0 && tries > 0 ? colors.dim(` of ${tries + missing}`) : ''
  if (state === 'impossible') return colors.dim('impossible')
  if (state === 'open') return colors.dim('·')
  if (state === 'passed') return `${colors.green(`✓ ${passed}`)}${left}`
  if (state === 'flaky') return `${colors.yellow(`~ ${passed}/${tries} passed`)}${left}`
  return `${colors.red(`✗ ${failed} ${worst}`)}${left}`
}

/** The totals in a line. */
export function totalsOf({ counts, done, wanted }: SweepSummary, colors: Colors): string {
  const part = (count: number, word: string, paint: (text: string) => string) =>
    count === 0 ? [] : [paint(`${count} ${word}`)]
  const parts = [
    ...part(counts.passed, 'passed', colors.green),
    ...part(counts.failed, 'failed', colors.red),
    ...part(counts.flaky, 'flaky', colors.yellow),
    ...part(counts.impossible, 'impossible', colors.dim),
    ...part(counts.open, 'without result', colors.dim),
  ]
  return `${parts.join(', ')} ${colors.dim(`· ${done} of ${plural(wanted, 'run')}`)}`
}

/** What went wrong, a line for each cell that did not pass. */
export function troubles({ cells }: SweepSummary, { colors }: Pick<Page, 'colors'>): readonly string[] {
  return cells
    .filter(({ state }) => state === 'failed' || state === 'flaky')
    .map((cell) => {
      const run = cell.attempts.findLast(({ verdict }) => verdict === cell.worst)?.run
      const see = run === undefined ? '' : colors.dim(` · bringup runs show ${run}`)
      return `${cell.state === 'flaky' ? colors.yellow('~') : colors.red('✗')} ${cell.label}: ${sentenceOf(cell)}${see}`
    })
}

export function metricsView({ metrics }: SweepRecord, { cells }: SweepSummary, output: Page): string {
  if (metrics.length === 0) return ''
  const rows = cells.flatMap((cell) =>
    cell.metrics.map(({ name, estimate }) => [
      cell.label,
      name,
      numberText(estimate.median, unitOf(metrics, name)),
      rangeText(estimate, unitOf(metrics, name)),
      `${estimate.n}`,
    ]),
  )
  const table =
    rows.length === 0 ? [] : [formatTable(['cell', 'metric', 'median', 'interval', 'n'], rows, output)]
  return [...table, ...metrics.flatMap(({ name }) => missingValues(name, cells))].join('\n')
}

/** A metric without a value may have a wrong path or expression. */
function missingValues(name: string, cells: readonly CellSummary[]): readonly string[] {
  const passed = cells.reduce((sum, cell) => sum + cell.passed, 0)
  const found = cells
    .flatMap(({ metrics }) => metrics.filter((metric) => metric.name === name))
    .reduce((sum, { values }) => sum + values.length, 0)
  return found === passed
    ? []
    : [`no value of ${name} in ${passed - found} of ${plural(passed, 'passed run')}`]
}

const unitOf = (metrics: SweepRecord['metrics'], name: string) =>
  metrics.find((metric) => metric.name === name)?.unit

function numberText(value: number, unit: string | undefined): string {
  const text = Number.isInteger(value) ? `${value}` : `${Number(value.toPrecision(4))}`
  return unit === undefined ? text : `${text} ${unit}`
}

function rangeText({ low, high, confidence, n }: Estimate, unit: string | undefined): string {
  if (n === 1) return ''
  return `${numberText(low, undefined)} to ${numberText(high, unit)} (${Math.round(confidence * 100)} %)`
}

/** Findings with the cells that have them. Those of one rule are one block, which shows the first in full. */
export function findingsView(groups: readonly FindingGroup[], page: Page): string {
  const rules = new Set(groups.map(ruleOf))
  return [...rules]
    .map((rule) => groups.filter((group) => ruleOf(group) === rule))
    .map(([first, ...others]) => {
      const { finding, cells, common } = first as FindingGroup
      const which =
        common === '' ? plural(cells.length, 'cell') : `${plural(cells.length, 'cell')} with ${common}`
      const some = common === '' ? `: ${namesOf(cells)}` : ''
      return [
        `${page.colors.bold(which)}${some}`,
        formatDiagnostics([finding], page),
        ...(others.length === 0 ? [] : [fitText(sameRule(others).join('\n'), page.columns)]),
      ].join('\n')
    })
    .join('\n\n')
}

const ruleOf = ({ finding }: FindingGroup) => `${finding.severity} ${finding.code}`

const MOST_NAMES = 5

const namesOf = (names: readonly string[]) =>
  `${names.slice(0, MOST_NAMES).join('; ')}${names.length > MOST_NAMES ? '; …' : ''}`

/** Further findings of the same rule, a line each. */
function sameRule(groups: readonly FindingGroup[]): readonly string[] {
  const shown = groups.slice(0, MOST_NAMES)
  const left = groups.slice(MOST_NAMES).reduce((sum, { cells }) => sum + cells.length, 0)
  return [
    ...shown.map(({ finding, cells, common }) => {
      const which = common === '' ? namesOf(cells) : common
      return `  and ${plural(cells.length, 'cell')} with ${which}: ${finding.what}`
    }),
    ...(left === 0 ? [] : [`  and ${plural(left, 'cell')} more; --dry-run --json lists all`]),
  ]
}

const FINDINGS: Readonly<Record<Finding, string>> = {
  regression: 'regression',
  improvement: 'improvement',
  changed: 'changed',
  suspected: 'suspected, repeat it',
  unclear: 'within noise',
  'too-few': 'too few runs (4 on each side are needed)',
}

export function comparisonView(found: Comparison, units: SweepRecord['metrics'], page: Page): string {
  const { colors } = page
  const verdicts = found.verdicts.map(({ label, before, after, p, isSure }) => [
    label,
    'verdict',
    before,
    after,
    '',
    isSure ? colors.red('changed') : `may be chance (p=${p.toPrecision(2)})`,
  ])
  const paint = (finding: Finding) =>
    finding === 'regression'
      ? colors.red(FINDINGS[finding])
      : finding === 'improvement'
        ? colors.green(FINDINGS[finding])
        : FINDINGS[finding]
  const metrics = found.metrics.map((change) => {
    const unit = unitOf(units, change.metric)
    const percent = `${change.ratio > 0 ? '+' : ''}${(change.ratio * 100).toFixed(1)} %`
    return [
      change.label,
      change.metric,
      numberText(change.before.median, unit),
      numberText(change.after.median, unit),
      `${percent} p=${change.p.toPrecision(2)}`,
      paint(change.finding),
    ]
  })
  const rows = [...verdicts, ...metrics]
  const only = [
    ...uncomparedText(found).map((line) => `not compared: ${line}`),
    ...(found.onlyBefore.length === 0
      ? []
      : [`${plural(found.onlyBefore.length, 'cell')} only in ${found.before.id}`]),
    ...(found.onlyAfter.length === 0
      ? []
      : [`${plural(found.onlyAfter.length, 'cell')} only in ${found.after.id}`]),
  ]
  const table =
    rows.length === 0
      ? found.cells === 0
        ? `Nothing could be compared: no cell has a result${found.failedInBoth.length > 0 ? ' other than a failure' : ''} in ${found.before.id} (${found.before.name}) and in ${found.after.id} (${found.after.name}).`
        : `No difference in ${plural(found.cells, 'compared cell')}.`
      : formatTable(['cell', 'what', 'before', 'after', 'shift', 'finding'], rows, page)
  return [table, ...only].join('\n')
}

/** The whole of a sweep that has ended. */
export function reportSweep(
  {
    record,
    summary,
    path,
  }: { readonly record: SweepRecord; readonly summary: SweepSummary; readonly path: string },
  output: Output,
): void {
  output.print(matrixView(record.axes, summary, output))
  const metrics = metricsView(record, summary, output)
  if (metrics !== '') output.print(`\n${metrics}`)
  const lines = troubles(summary, output)
  if (lines.length > 0) output.print(`\n${lines.join('\n')}`)
  const near = relative(process.cwd(), path)
  output.print(
    `\n${output.colors.bold(record.name)} ${totalsOf(summary, output.colors)} ${output.colors.dim(`· ${near.length < path.length ? near : path}`)}`,
  )
}
