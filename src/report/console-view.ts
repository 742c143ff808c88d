/** Logs of a guest as HTML: each line with its time, lines that a finding names marked. Pure. */
import { plural } from '../plural.ts'
import { formatRoundBytes } from '../units.ts'
import { type Excerpt, fitted, type TimedLine } from './excerpt.ts'
import { escapeHtml, type Html, html, markup } from './html.ts'
import { seconds } from './run-timeline.ts'

export interface LogLook {
  readonly title: string
  /** File in the folder of the run. */
  readonly file: string
  /** Bytes of HTML that it may take. */
  readonly room: number
  /** Lines to mark. */
  readonly evidence?: ReadonlySet<string>
}

/** @returns undefined for an empty log */
export function logView(
  excerpt: Excerpt,
  { title, file, room, evidence = new Set() }: LogLook,
): Html | undefined {
  if (excerpt.bytes === 0) return undefined
  const { start, end, omittedBytes } = fitted(excerpt, room, costOf)
  const gap = omittedBytes > 0 && html`<b>${formatRoundBytes(omittedBytes)} not shown: see ${file}</b>`
  const said = `${omittedBytes > 0 ? `${formatRoundBytes(excerpt.bytes)}, of which the start and the end are shown` : plural(start.length, 'line')} · ${file}`
  return html`<figure><figcaption><span>${said}</span></figcaption><pre class="log" tabindex="0" role="region" aria-label="${title}">${linesView(start, evidence)}${gap}${linesView(end, evidence)}</pre></figure>`
}

/** Lines with times that come from elsewhere than a log. */
export function linesOnly(lines: readonly TimedLine[], title: string): Html {
  return html`<pre class="log" tabindex="0" role="region" aria-label="${title}">${linesView(lines, new Set())}</pre>`
}

/** Shorter texts, such as a prompt, would be found in many lines. */
const LEAST_EVIDENCE = 8

/** Texts of evidence by which lines of the console are found. */
export function evidenceOf(diagnostics: readonly { readonly evidence?: readonly string[] | undefined }[]) {
  const lines = diagnostics.flatMap(({ evidence = [] }) => evidence.map((line) => line.trim()))
  return new Set(lines.filter((line) => line.length >= LEAST_EVIDENCE))
}

function linesView(lines: readonly TimedLine[], evidence: ReadonlySet<string>): Html {
  return markup(lines.map((line) => `${lineText(line, evidence)}\n`).join(''))
}

function lineText({ atMs, text }: TimedLine, evidence: ReadonlySet<string>): string {
  const time = `<i>${atMs === undefined ? '' : seconds(atMs)}</i>`
  const shown = escapeHtml(text)
  return evidence.has(text.trim()) ? `${time}<mark>${shown}</mark>` : `${time}${shown}`
}

const costOf = (line: TimedLine): number => Buffer.byteLength(escapeHtml(line.text)) + 18
