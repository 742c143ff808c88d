/** Plots of metrics as static SVG: medians with their intervals, and every value behind them. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { visible } from '../guest-text.ts'
import type { Metric, SweepRecord } from '../sweeps/record.ts'
import type { CellSummary } from '../sweeps/summary.ts'
import { type Html, html, markup } from './html.ts'
import { valueText } from './matrix.ts'

const WIDTH = 900
const HEIGHT = 300
/** Panels side by side that can be read. */
const MOST_PANELS = 6

/**
 * One plot of a metric: the last axis across, the one before it by colour, the others as panels.
 *
 * @returns undefined where no cell has a value
 */
export function plotMetric(
  { axes }: Pick<SweepRecord, 'axes'>,
  cells: readonly CellSummary[],
  { name, unit }: Metric,
): Html | undefined {
  const [across, series, ...panels] = axes.toReversed()
  const text = (cell: CellSummary, path: string | undefined) =>
    path === undefined ? '' : visible(valueText(cell.values[path] ?? null))
  const points = cells.flatMap((cell) => {
    const found = cell.metrics.find((one) => one.name === name)
    if (!found) return []
    const place = {
      x: text(cell, across?.path),
      series: text(cell, series?.path),
      panel: panels.map(({ path }) => `${path}=${text(cell, path)}`).join(', '),
    }
    return [{ ...place, ...found.estimate, values: found.values }]
  })
  if (points.length === 0) return undefined
  const panelNames = [...new Set(points.map(({ panel }) => panel))]
  const seriesNames = [...new Set(points.map((point) => point.series))]
  const isPanelled = panels.length > 0 && panelNames.length <= MOST_PANELS
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const values = points.flatMap((point) => point.values.map((value) => ({ ...point, value })))
  // Series stand side by side within the band of a value, so that intervals do not cover each other.
  const shift = (point: { readonly series: string }) =>
    (seriesNames.indexOf(point.series) - (seriesNames.length - 1) / 2) * 14
  const marks = seriesNames.flatMap((one) => {
    const own = points.filter((point) => point.series === one)
    const dx = shift({ series: one })
    const channels = { x: 'x', stroke: 'series', dx, ...(isPanelled ? { fx: 'panel' } : {}) }
    return [
      Plot.dot(
        values.filter((point) => point.series === one),
        { ...channels, y: 'value', r: 2, strokeOpacity: 0.35 },
      ),
      Plot.ruleX(own, { ...channels, y1: 'low', y2: 'high', strokeWidth: 2 }),
      Plot.dot(own, { ...channels, fill: 'series', y: 'median', r: 4 }),
    ]
  })
  const plot = Plot.plot({
    document,
    className: 'plot',
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 60,
    marginBottom: 40,
    style: undefined,
    x: {
      type: 'point',
      padding: 0.6,
      domain: [...new Set(points.map(({ x }) => x))],
      label: across?.path ?? null,
    },
    y: { grid: true, label: unit === undefined ? name : `${name} (${unit})` },
    color: { domain: seriesNames, range: seriesNames.map((_, index) => `var(--series-${index % 6})`) },
    ...(isPanelled ? { fx: { domain: panelNames, label: null } } : {}),
    marks,
  } as Plot.PlotOptions) as unknown as { outerHTML: string }
  // The page has the style; its policy allows no other.
  const svg = plot.outerHTML
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace('<svg ', `<svg role="img" aria-label="Plot of the metric; the table has its numbers" `)
  const legend =
    series &&
    html`<figcaption>${series.path}:${seriesNames.map((one, index) => html` <span class="series-${index % 6}">&#9679; ${one}</span>`)}</figcaption>`
  return html`<figure>${legend}<div class="wide">${markup(svg)}</div></figure>`
}
