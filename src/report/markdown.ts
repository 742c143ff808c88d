/** A run or a sweep as Markdown, for the job summary of GitHub and for comments. Pure. */
import { screenLine, visible } from '../guest-text.ts'
import { plural } from '../plural.ts'
import { quoteCommand } from '../quote.ts'
import { formatMs } from '../units.ts'
import type { Finding } from './findings-view.ts'
import type { RunReport } from './read-run.ts'
import type { SweepReport } from './read-sweep.ts'
import { signOf } from './verdict-words.ts'

/** Last lines of a console that are shown of a guest that did not pass. */
const LAST_LINES = 20

/** @example runMarkdown(report) // '### ✗ default: failed\n…' */
export function runMarkdown({ summary, plan, result, guests, command }: RunReport): string {
  const took = result ? ` · ${formatMs(result.timings.totalMs)}` : ''
  const findings = result?.diagnostics ?? plan.diagnostics
  return [
    `### ${signOf(summary.verdict)} ${inline(summary.name)}: ${summary.verdict}`,
    ...(summary.meaning === undefined ? [] : [`${inline(summary.meaning)}${took} · run ${code(summary.id)}`]),
    ...(guests.length > 1 ? [guestTable(guests)] : []),
    ...findings.map(findingText),
    ...guests.flatMap(differences),
    ...guests.flatMap((guest) => lastLines(guest, guests.length > 1)),
    ...(command ? [`Repeat: ${code(quoteCommand(command.argv).join(' '))}`] : []),
    '',
  ].join('\n\n')
}

/** Cells of a sweep that are named; the report has all. */
const MOST_CELLS = 30

/** A sweep as Markdown: its counts, and the cells that did not pass. */
export function sweepMarkdown({ record, summary, comparison }: SweepReport): string {
  const { counts, cells, done, wanted } = summary
  const told = Object.entries(counts).filter(([, count]) => count > 0)
  const bad = cells.filter(({ state }) => state === 'failed' || state === 'flaky')
  const rows = bad.slice(0, MOST_CELLS).map((cell) => {
    const reason = cell.attempts.findLast(({ verdict }) => verdict === cell.worst)?.meaning ?? ''
    const verdict = cell.state === 'flaky' ? 'flaky' : (cell.worst ?? cell.state)
    return `| ${inline(cell.label)} | ${verdict} | ${cell.passed} of ${cell.passed + cell.failed} | ${inline(reason)} |`
  })
  const regressions = comparison?.metrics.filter(({ finding }) => finding === 'regression') ?? []
  return [
    `### ${signOf(bad.length === 0 ? 'passed' : 'failed')} Sweep ${inline(record.name)}: ${told.map(([state, count]) => `${count} ${state}`).join(', ')}`,
    `${done} of ${plural(wanted, 'run')} · sweep ${code(record.id)}`,
    ...(rows.length > 0
      ? [['| cell | verdict | passed | reason |', '| --- | --- | --- | --- |', ...rows].join('\n')]
      : []),
    ...(bad.length > MOST_CELLS ? [`${bad.length - MOST_CELLS} more cells did not pass.`] : []),
    ...(comparison
      ? [
          `Compared with ${code(comparison.before.id)}: ${plural(comparison.verdicts.length, 'verdict')} changed, ${plural(regressions.length, 'regression')}.`,
        ]
      : []),
    '',
  ].join('\n\n')
}

function guestTable(guests: RunReport['guests']): string {
  const rows = guests.map(({ plan, result }) => {
    const verdict = result ? `${signOf(result.verdict)} ${result.verdict}` : 'never started'
    return `| ${inline(plan.guest)} | ${verdict} | ${inline(result?.meaning ?? '')} |`
  })
  return ['| guest | verdict | |', '| --- | --- | --- |', ...rows].join('\n')
}

function findingText({ severity, code: name, what, remedy }: Finding): string {
  return `**${severity} ${code(name)}** ${inline(what)}  \nRemedy: ${inline(remedy)}`
}

function differences({ plan, result }: RunReport['guests'][number]): readonly string[] {
  const different = (result?.comparison ?? []).filter(({ ok }) => !ok)
  if (different.length === 0) return []
  const rows = different.map(({ device, aspect, want, got, by }) =>
    [`${device} ${aspect}`, want, got ?? 'nothing', by].map(inline).join(' | '),
  )
  return [
    [
      `${plural(different.length, 'property', 'properties')} of ${inline(plan.guest)} differ:`,
      '',
      '| property | asked for | seen | seen by |',
      '| --- | --- | --- | --- |',
      ...rows.map((row) => `| ${row} |`),
    ].join('\n'),
  ]
}

function lastLines(
  { plan, result, console }: RunReport['guests'][number],
  isNamed: boolean,
): readonly string[] {
  if (result === undefined || result.verdict === 'passed') return []
  const lines = [...console.start, ...console.end].slice(-LAST_LINES).map(({ text }) => visible(text))
  if (lines.length === 0) return []
  const fence = fenceFor(lines)
  const title = `Last lines of the console${isNamed ? ` of ${inline(plan.guest)}` : ''}`
  return [`<details><summary>${title}</summary>\n\n${fence}text\n${lines.join('\n')}\n${fence}\n\n</details>`]
}

/** Longer than any row of backticks in the text (CommonMark 4.5), so that no line of a guest ends the block. */
function fenceFor(lines: readonly string[]): string {
  const longest = Math.max(
    2,
    ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map((ticks) => ticks.length)),
  )
  return '`'.repeat(longest + 1)
}

/** Text on one line, without markup: Markdown and HTML in it are shown as they are. */
function inline(text: string): string {
  return screenLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('@', '&#64;')
    .replace(/[\\`*_{}[\]()#+!|~>$-]/g, '\\$&')
}

function code(text: string): string {
  const shown = screenLine(text)
  const ticks = fenceFor([shown]).slice(2)
  const padded = shown.includes('`') ? ` ${shown} ` : shown
  return `${ticks}${padded}${ticks}`
}
