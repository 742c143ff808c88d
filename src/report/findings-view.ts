/** Findings as HTML, errors first. Pure. */
import type { Diagnostic } from '../diagnostics.ts'
import { type Html, html } from './html.ts'

const ORDER = ['error', 'warning', 'note']

export type Finding = Pick<Diagnostic, 'code' | 'severity' | 'path' | 'what' | 'why' | 'remedy'> & {
  readonly source?: string | undefined
  readonly evidence?: readonly string[] | undefined
}

/** Lines of evidence that a finding shows; the console has all of them. */
const MOST_EVIDENCE = 40

export function findingsView(findings: readonly Finding[]): Html {
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity))
  return html`${sorted.map(findingView)}`
}

function findingView({ code, severity, path, what, why, remedy, source, evidence = [] }: Finding): Html {
  const more = evidence.length - MOST_EVIDENCE
  return html`<article class="finding ${severity}"><h3>${severity} <code>${code}</code>${path !== '' && html` <span class="dim">at ${path}</span>`}</h3><p>${what}</p><dl><dt>why</dt><dd>${why}</dd><dt>remedy</dt><dd>${remedy}</dd>${source !== undefined && html`<dt>source</dt><dd>${source}</dd>`}</dl>${
    evidence.length > 0 &&
    html`<pre>${evidence.slice(0, MOST_EVIDENCE).map((line) => html`${line}\n`)}${more > 0 && `… and ${more} more\n`}</pre>`
  }</article>`
}
