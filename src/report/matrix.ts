/** The cells of a sweep as a heat map: a table with the last axis across and all others down. Pure. */
import type { AxisValue, SweepRecord } from '../sweeps/record.ts'
import type { CellSummary } from '../sweeps/summary.ts'
import { type Html, html } from './html.ts'

/** What stands in a cell, and the class that colours it. */
export interface Heat {
  readonly text: string
  readonly kind: string
  /** For those who do not see the colour. */
  readonly said: string
}

export const valueText = (value: AxisValue): string =>
  typeof value === 'string' ? value : JSON.stringify(value)

export function drawMatrix(
  { axes }: Pick<SweepRecord, 'axes'>,
  cells: readonly CellSummary[],
  { caption, heatOf }: { readonly caption: string; readonly heatOf: (cell: CellSummary) => Heat },
): Html {
  const across = axes.at(-1)
  const down = axes.slice(0, -1)
  const rows = combinations(down.map(({ values }) => values))
  const key = (values: readonly AxisValue[]) => JSON.stringify(values)
  const byValues = new Map(
    cells.map((cell) => [key(axes.map(({ path }) => cell.values[path] ?? null)), cell]),
  )
  const columns = across?.values ?? []
  const body = rows
    .map((row) => ({ row, found: columns.map((value) => byValues.get(key([...row, value]))) }))
    .filter(({ found }) => found.some((cell) => cell !== undefined))
  return html`<div class="wide"><table class="matrix"><caption>${caption}</caption><thead><tr>${down.map(
    ({ path }) => html`<th scope="col">${path}</th>`,
  )}${columns.map((value, index) => html`<th scope="col" class="value">${index === 0 && html`<span class="dim">${across?.path} = </span>`}${valueText(value)}</th>`)}</tr></thead><tbody>${body.map(
    ({ row, found }) =>
      html`<tr>${row.map((value) => html`<th scope="row">${valueText(value)}</th>`)}${found.map((cell) => drawCell(cell, heatOf))}</tr>`,
  )}</tbody></table></div>`
}

function drawCell(cell: CellSummary | undefined, heatOf: (cell: CellSummary) => Heat): Html {
  if (!cell) return html`<td class="none"><span aria-label="not in the sweep">&middot;</span></td>`
  const { text, kind, said } = heatOf(cell)
  return html`<td class="${kind}"><a href="#cell-${cell.key}" aria-label="${cell.label}: ${said}">${text}</a></td>`
}

/** Verdicts: how many of the counted attempts passed. */
export function verdictHeat({ state, passed, failed, worst }: CellSummary): Heat {
  const all = passed + failed
  if (state === 'impossible') return { text: 'n/a', kind: 'impossible', said: 'impossible' }
  if (state === 'open') return { text: '…', kind: 'open', said: 'not run yet' }
  const share = `${passed} of ${all} passed`
  if (state === 'flaky') return { text: `${passed}/${all}`, kind: 'flaky', said: `flaky, ${share}` }
  const sign = state === 'passed' ? '✓' : '✗'
  return {
    text: all === 1 ? sign : `${sign} ${passed}/${all}`,
    kind: state,
    said: `${worst ?? state}, ${share}`,
  }
}

/** Steps of the scale for numbers. */
const STEPS = 6

/** Medians of a metric, from light to dark. */
export function metricHeat(
  name: string,
  cells: readonly CellSummary[],
  unit = '',
): (cell: CellSummary) => Heat {
  const medianOf = (cell: CellSummary) => cell.metrics.find((one) => one.name === name)?.estimate.median
  const all = cells.flatMap((cell) => medianOf(cell) ?? [])
  const [low, high] = [Math.min(...all), Math.max(...all)]
  return (cell) => {
    const median = medianOf(cell)
    if (median === undefined) return { text: '–', kind: 'open', said: 'no value' }
    const step = high === low ? 0 : Math.min(STEPS - 1, Math.floor(((median - low) / (high - low)) * STEPS))
    return { text: short(median), kind: `heat-${step}`, said: `median ${short(median)} ${unit}`.trimEnd() }
  }
}

/** Four digits are enough to compare. */
export function short(value: number): string {
  return Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(4)))
}

function combinations(axes: readonly (readonly AxisValue[])[]): readonly (readonly AxisValue[])[] {
  return axes.reduce<readonly (readonly AxisValue[])[]>(
    (rows, values) => rows.flatMap((row) => values.map((value) => [...row, value])),
    [[]],
  )
}
