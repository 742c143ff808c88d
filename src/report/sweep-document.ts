/** The report of a sweep, as one HTML file: the matrix, its metrics, what changed, and a run of each cell. */
import { plural } from '../plural.ts'
import { type Comparison, type MetricChange, uncomparedText } from '../sweeps/compare.ts'
import type { Metric } from '../sweeps/record.ts'
import type { Estimate } from '../sweeps/statistics.ts'
import type { CellSummary } from '../sweeps/summary.ts'
import { formatMs } from '../units.ts'
import { findingsView } from './findings-view.ts'
import { type Html, html, markup } from './html.ts'
import { drawMatrix, metricHeat, short, valueText, verdictHeat } from './matrix.ts'
import { pageText } from './page.ts'
import type { GuestReport, RunReport } from './read-run.ts'
import { type SweepReport, shownRun } from './read-sweep.ts'
import { machinePicture, type RunLook, runBody, runHeader } from './run-view.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'
import { plotMetric } from './sweep-plots.ts'
import { SWEEP_SCRIPT, SWEEP_STYLE } from './sweep-style.ts'
import { badge } from './verdict-words.ts'

/** A report is smaller than that, if its cells fit without their logs. */
const MOST_BYTES = 4.7 * 1024 * 1024
/** A log that gets less says nothing. */
const LEAST_LOG = 400
const MOST_LOG = 256 * 1024
/** Caption and frame of a log. */
const LOG_FRAME = 500
/** A log of a cell that failed gets that many times the room of one that passed. */
const FAILED_SHARE = 4

export function sweepDocument(report: SweepReport): string {
  const logs = new Logs()
  return logs.writtenInto(documentWith(report, logs))
}

const shareOf = ({ state }: CellSummary) => (state === 'passed' ? 1 : FAILED_SHARE)

/** Logs of cells: the page is made without them, and what is left of its size is shared out among them. */
class Logs {
  readonly #waiting: { readonly weight: number; readonly write: (room: number) => Html }[] = []

  /** No text of a guest reads like that: its `<` is written as `&lt;`. */
  later(write: (room: number) => Html, weight: number): Html {
    this.#waiting.push({ write, weight })
    return markup(`<!--log ${this.#waiting.length - 1}-->`)
  }

  writtenInto(page: string): string {
    const free = MOST_BYTES - Buffer.byteLength(page) - this.#waiting.length * LOG_FRAME
    const weights = this.#waiting.reduce((sum, { weight }) => sum + weight, 0)
    return page.replaceAll(/<!--log (\d+)-->/g, (_, index) => {
      const { weight = 0, write } = this.#waiting[Number(index)] ?? {}
      const room = Math.max(LEAST_LOG, (free / Math.max(1, weights)) * weight)
      return write?.(Math.min(room, MOST_LOG)).text ?? ''
    })
  }
}

function documentWith(report: SweepReport, logs: Logs): string {
  const { record, summary, comparison } = report
  const pictures = new Pictures()
  const articles = summary.cells.map((cell, index) =>
    cellArticle(report, cell, {
      index,
      picture: (guest) => pictures.use(guest),
      later: (write, share) => logs.later(write, share * shareOf(cell)),
    }),
  )
  const parts: readonly (readonly [string, string, Html] | undefined)[] = [
    ['matrix', 'Matrix', matrixView(report)],
    problemCells(summary.cells),
    comparison && ['compared', `Compared with ${comparison.before.id}`, comparisonView(comparison)],
    ...record.metrics.map((metric, index) => metricView(report, metric, index)),
  ]
  const shown = parts.filter((part) => part !== undefined)
  const { counts } = summary
  const verdict =
    counts.failed > 0
      ? 'failed'
      : counts.flaky > 0
        ? 'flaky'
        : summary.done < summary.wanted
          ? 'open'
          : 'passed'
  return pageText({
    title: `${verdict}: sweep ${record.name}`,
    style: `${STYLE}${SWEEP_STYLE}`,
    script: `${SCRIPT}${SWEEP_SCRIPT}`,
    body: html`<main id="content"><div id="overview">${sweepHeader(report)}<nav class="contents" aria-label="Parts of the sweep"><ul>${shown.map(
      ([id, title]) => html`<li><a href="#${id}">${title}</a></li>`,
    )}</ul></nav>${shown.map(
      ([id, title, body]) =>
        html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>`,
    )}<footer>Report of bringup on sweep ${record.id}</footer></div><div class="cells">${articles}</div>${pictures.all}</main>`,
  })
}

function sweepHeader({ record, summary }: SweepReport): Html {
  const { counts, done, wanted } = summary
  const facts = [
    ['sweep', record.id],
    ['started', `${record.startedAt.slice(0, 19).replace('T', ' ')} UTC`],
    ['ran', `${done} of ${plural(wanted, 'run')}, ${record.executor}, ${record.jobs} at a time`],
    ['axes', record.axes.map(({ path, values }) => `${path} (${values.length})`).join(', ')],
    ['each cell', `${record.repeat === 1 ? 'once' : `${record.repeat} times`}`],
  ] as const
  const states = (['passed', 'failed', 'flaky', 'impossible', 'open'] as const).filter(
    (state) => counts[state] > 0,
  )
  return html`<header><p class="kind">Sweep of ${record.target.kind} ${record.target.name}</p><div class="title-line"><h1>${record.name}</h1>${states.map(
    (state) => html`<span class="badge state-${state}">${counts[state]} ${state}</span>`,
  )}</div>${record.summary !== undefined && html`<p class="meaning">${record.summary}</p>`}<dl class="facts">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></header>`
}

function matrixView({ record, summary }: SweepReport): Html {
  return drawMatrix(record, summary.cells, {
    caption: 'Passed runs of each cell. A cell leads to its run.',
    heatOf: verdictHeat,
  })
}

/** Cells that did not pass, by what is said of them. */
function problemCells(cells: readonly CellSummary[]): readonly [string, string, Html] | undefined {
  const groups = new Map<string, CellSummary[]>()
  for (const cell of cells) {
    if (cell.state !== 'failed' && cell.state !== 'flaky') continue
    const attempt = shownRun(cell) ?? cell.attempts.at(-1)
    const why = [cell.state === 'flaky' ? 'flaky' : (cell.worst ?? 'failed'), attempt?.meaning].join(': ')
    groups.set(why, [...(groups.get(why) ?? []), cell])
  }
  if (groups.size === 0) return undefined
  const rows = [...groups].toSorted(([, a], [, b]) => b.length - a.length)
  return [
    'problems',
    'What did not pass',
    html`<table class="plain"><thead><tr><th scope="col" class="number">cells</th><th scope="col">reason</th><th scope="col">which</th></tr></thead><tbody>${rows.map(
      ([why, found]) =>
        html`<tr><td class="number">${found.length}</td><td>${why}</td><td><ul class="links">${found.map(
          ({ key, label, passed, failed }) =>
            html`<li><a href="#cell-${key}">${label}</a>${passed > 0 && html` <span class="dim">${passed} of ${passed + failed} passed</span>`}</li>`,
        )}</ul></td></tr>`,
    )}</tbody></table>`,
  ]
}

function metricView(
  { record, summary }: SweepReport,
  metric: Metric,
  index: number,
): readonly [string, string, Html] | undefined {
  const plot = plotMetric(record, summary.cells, metric)
  if (!plot) return undefined
  const { name, unit } = metric
  return [
    `metric-${index + 1}`,
    unit === undefined ? name : `${name} (${unit})`,
    html`${plot}<p class="dim">Large dots are medians, lines their 95 % intervals (the whole range of fewer than 6 values), small dots the values of runs that passed.</p>${drawMatrix(
      record,
      summary.cells,
      { caption: `Median of ${name}`, heatOf: metricHeat(name, summary.cells, unit) },
    )}`,
  ]
}

/** Changes that are listed, the largest first. */
const MOST_CHANGES = 100

const SURE = new Set<MetricChange['finding']>(['regression', 'improvement', 'changed', 'suspected'])

function comparisonView(comparison: Comparison): Html {
  const { verdicts, metrics, cells, onlyBefore, onlyAfter } = comparison
  const left = uncomparedText(comparison)
  const sure = metrics
    .filter(({ finding }) => SURE.has(finding))
    .toSorted((a, b) => Math.abs(b.ratio) - Math.abs(a.ratio))
  const rest = metrics.length - sure.length
  return html`${
    verdicts.length === 0
      ? html`<p>${plural(cells, 'cell')} compared: no verdict changed.</p>`
      : html`<table class="plain"><caption>Verdicts that changed</caption><thead><tr><th scope="col">cell</th><th scope="col">before</th><th scope="col">after</th><th scope="col">how sure</th></tr></thead><tbody>${verdicts.map(
          ({ cell, label, before, after, p, isSure }) =>
            html`<tr><td><a href="#cell-${cell}">${label}</a></td><td>${before}</td><td>${after}</td><td>${isSure ? 'sure' : 'may be chance'} (p = ${chance(p)})</td></tr>`,
        )}</tbody></table>`
  }${
    sure.length > 0 &&
    html`<table class="plain"><caption>${plural(sure.length, 'metric')} of cells changed${sure.length > MOST_CHANGES && `; the ${MOST_CHANGES} largest changes`}</caption><thead><tr><th scope="col">cell</th><th scope="col">metric</th><th scope="col" class="number">before</th><th scope="col" class="number">after</th><th scope="col" class="number">change</th><th scope="col">finding</th></tr></thead><tbody>${sure
      .slice(0, MOST_CHANGES)
      .map(
        ({ cell, label, metric, before, after, ratio, finding, adjustedP }) =>
          html`<tr><td><a href="#cell-${cell}">${label}</a></td><td>${metric}</td><td class="number">${interval(before)}</td><td class="number">${interval(after)}</td><td class="number">${ratio > 0 ? '+' : ''}${short(ratio * 100)} %</td><td class="${finding === 'regression' ? 'bad' : finding === 'improvement' ? 'good' : ''}">${finding} (p = ${chance(adjustedP)})</td></tr>`,
      )}</tbody></table>`
  }${rest > 0 && html`<p class="dim">${plural(rest, 'metric')} of cells did not change more than noise explains, or ${rest === 1 ? 'has' : 'have'} too few values: 4 on each side are needed.</p>`}${left.length > 0 && html`<p>Not compared:</p><ul>${left.map((line) => html`<li>${line}</li>`)}</ul>`}${onlyList('Cells of the earlier sweep only', onlyBefore)}${onlyList('New cells', onlyAfter)}<p class="dim">p is the chance of such a difference by noise alone, of a rank test, for metrics corrected for the number of tests.</p>`
}

const chance = (p: number) => (p < 0.001 ? 'below 0.001' : short(p))
const interval = ({ median, low, high }: Estimate) => `${short(median)} [${short(low)}, ${short(high)}]`

const onlyList = (title: string, labels: readonly string[]) =>
  labels.length > 0 &&
  html`<details><summary>${title}: ${labels.length}</summary><ul>${labels.map((label) => html`<li>${label}</li>`)}</ul></details>`

interface CellLook extends Required<Pick<RunLook, 'later' | 'picture'>> {
  readonly index: number
}

function cellArticle(
  { record, summary, runs }: SweepReport,
  cell: CellSummary,
  { index, ...look }: CellLook,
): Html {
  const run = runs.get(cell.key)
  const prefix = `${cell.key}-`
  const impossible = record.cells[index]?.impossible ?? []
  const step = (to: CellSummary | undefined, text: string) =>
    to && html`<a href="#cell-${to.key}">${text}</a>`
  const { said, kind } = verdictHeat(cell)
  return html`<article id="cell-${cell.key}" aria-labelledby="${prefix}title"><nav class="steps" aria-label="Cells"><a href="#matrix">Back to the matrix</a>${step(summary.cells[index - 1], 'Previous')}${step(summary.cells[index + 1], 'Next')}</nav><h1 id="${prefix}title">${Object.entries(cell.values).map(([path, value]) => html`<span class="axis"><span class="dim">${path}</span> ${valueText(value)}</span>`)}</h1><p><span class="badge state-${kind}">${said}</span>${cell.passed + cell.failed > 1 && html` <span class="dim">pass rate between ${percent(cell.passRate.low)} and ${percent(cell.passRate.high)} with 95 % confidence</span>`}</p>${impossible.length > 0 && findingsView(impossible)}${attemptTable(cell)}${run ? shownRunView(run, { prefix, ...look }) : cell.attempts.length > 0 && html`<p class="dim">The record of the run is not here: it was deleted, or lies on another computer.</p>`}</article>`
}

const percent = (rate: number) => `${Math.round(rate * 100)} %`

function attemptTable({ attempts, metrics }: CellSummary): Html | undefined {
  if (attempts.length === 0) return undefined
  const names = metrics.map(({ name }) => name)
  return html`<div class="wide"><table class="plain"><thead><tr><th scope="col" class="number">repeat</th><th scope="col">verdict</th><th scope="col">reason</th><th scope="col" class="number">took</th>${names.map((name) => html`<th scope="col" class="number">${name}</th>`)}<th scope="col">run</th></tr></thead><tbody>${attempts.map(
    (one) =>
      html`<tr><td class="number">${one.repeat}${one.attempt > 1 && `.${one.attempt}`}</td><td>${badge(one.verdict)}</td><td>${one.meaning}</td><td class="number">${formatMs(one.totalMs)}</td>${names.map((name) => html`<td class="number">${one.metrics[name] === undefined ? '' : short(one.metrics[name])}</td>`)}<td class="dim">${one.run}</td></tr>`,
  )}</tbody></table></div>`
}

function shownRunView(run: RunReport, look: Omit<CellLook, 'index'> & { readonly prefix: string }): Html {
  return html`<div class="run">${runHeader(run)}${runBody(run, { ...look, room: 0, isBrief: true })}</div>`
}

/** Pictures of machines: cells often have equal ones, which are drawn once and used by reference. */
class Pictures {
  readonly #ids = new Map<string, string>()

  use(guest: GuestReport): Html | undefined {
    const text = machinePicture(guest)?.text
    const [, svg, size] = /(<svg [^>]*?(width="\d+" height="\d+")[\s\S]*<\/svg>)/.exec(text ?? '') ?? []
    if (svg === undefined) return undefined
    const id = this.#ids.get(svg) ?? `picture-${this.#ids.size + 1}`
    this.#ids.set(svg, id)
    return html`<div class="wide"><svg ${markup(size ?? '')} role="img" aria-label="Machine ${guest.plan.name}"><use href="#${id}"/></svg></div>`
  }

  /** Before its first use a picture has no place on the page. */
  get all(): Html {
    const pictures = [...this.#ids].map(([svg, id]) => svg.replace('<svg ', `<svg id="${id}" `))
    return html`<svg class="pictures" width="0" height="0" aria-hidden="true">${markup(pictures.join(''))}</svg>`
  }
}
