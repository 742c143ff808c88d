/** Results of a sweep as other programs read them: JUnit, TAP, KTAP, CSV, annotations of GitHub Actions. Pure. */
import { oneLine } from '../guest-text.ts'
import type { SweepRecord } from './record.ts'
import type { CellSummary, SweepSummary } from './summary.ts'

/** A sweep with what came of it. */
export interface Results {
  readonly record: SweepRecord
  readonly summary: SweepSummary
}

/** A cell in one sentence. */
export function sentenceOf({ state, passed, failed, worst, passRate, attempts }: CellSummary): string {
  const tries = passed + failed
  if (state === 'impossible') return 'impossible: its plan has errors'
  if (state === 'open')
    return attempts.length === 0 ? 'did not run' : `no result: ${attempts.at(-1)?.meaning}`
  const percent = (share: number) => `${Math.round(share * 100)}`
  const range = `pass rate ${percent(passRate.low)} to ${percent(passRate.high)} % (95 % interval)`
  if (state === 'passed') return `passed ${passed} of ${tries}; ${range}`
  const meaning = attempts.find(({ verdict }) => verdict === worst)?.meaning ?? ''
  return `${state === 'flaky' ? 'flaky' : (worst ?? 'failed')}: ${failed} of ${tries} failed; ${range}; ${meaning}`
}

const isBad = ({ state }: CellSummary) => state === 'failed' || state === 'flaky'
const isSkipped = ({ state }: CellSummary) => state === 'open' || state === 'impossible'

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' }
const xml = (text: string) => oneLine(text).replace(/[<>&"]/g, (char) => ENTITIES[char] ?? char)

/** A test case for each attempt, so that tools that count flaky tests see them. */
export function junitOf({ record, summary }: Results): string {
  const suites = summary.cells.map((cell) => {
    const counted = cell.attempts.filter(
      (one) => one.input === record.cells.find(({ key }) => key === cell.key)?.input,
    )
    const cases = counted.map((one) => {
      const name = `${cell.label} #${one.repeat}${one.attempt > 1 ? ` attempt ${one.attempt}` : ''}`
      const open = `    <testcase classname="${xml(record.name)}" name="${xml(name)}" time="${(one.totalMs / 1000).toFixed(3)}"`
      if (one.verdict === 'passed') return `${open}/>`
      if (['interrupted', 'preempted', 'lost'].includes(one.verdict))
        return `${open}><skipped message="${xml(one.meaning)}"/></testcase>`
      return `${open}><failure type="${one.verdict}" message="${xml(one.meaning)}">run ${xml(one.run ?? 'none')}</failure></testcase>`
    })
    const none = `    <testcase classname="${xml(record.name)}" name="${xml(cell.label)}"><skipped message="${xml(sentenceOf(cell))}"/></testcase>`
    const all = cases.length === 0 ? [none] : cases
    const count = (part: string) => all.filter((text) => text.includes(part)).length
    return [
      `  <testsuite name="${xml(cell.label)}" tests="${all.length}" failures="${count('<failure')}" skipped="${count('<skipped')}">`,
      ...all,
      '  </testsuite>',
    ].join('\n')
  })
  return ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites, '</testsuites>', ''].join('\n')
}

/** A description may not hold the sign that begins a directive. */
const named = (text: string) => oneLine(text).replace(/[#\\]/g, '\\$&')

export function tapOf({ summary }: Results): string {
  const lines = summary.cells.flatMap((cell, index) => {
    const skip = isSkipped(cell) ? ` # SKIP ${oneLine(sentenceOf(cell))}` : ''
    const line = `${isBad(cell) ? 'not ok' : 'ok'} ${index + 1} - ${named(cell.label)}${skip}`
    return isBad(cell)
      ? [line, '  ---', `  message: ${JSON.stringify(oneLine(sentenceOf(cell)))}`, '  ...']
      : [line]
  })
  return `TAP version 14\n1..${summary.cells.length}\n${lines.join('\n')}\n`
}

/** A subtest for each attempt (Documentation/dev-tools/ktap.rst). */
export function ktapOf({ summary }: Results): string {
  const lines = summary.cells.flatMap((cell, index) => {
    const own = cell.attempts.map((one, number) => {
      const isUncounted = ['interrupted', 'preempted', 'lost'].includes(one.verdict)
      const skip = isUncounted ? ` # SKIP ${one.verdict}` : ''
      const word = one.verdict === 'passed' || isUncounted ? 'ok' : 'not ok'
      return `  ${word} ${number + 1} repeat_${one.repeat}_attempt_${one.attempt}${skip}`
    })
    const below = own.length === 0 ? [] : ['  KTAP version 1', `  1..${own.length}`, ...own]
    const skip = isSkipped(cell) ? ` # SKIP ${oneLine(sentenceOf(cell))}` : ''
    return [
      ...below,
      ...(isBad(cell) ? [`# ${oneLine(sentenceOf(cell))}`] : []),
      `${isBad(cell) ? 'not ok' : 'ok'} ${index + 1} ${named(cell.label)}${skip}`,
    ]
  })
  return `KTAP version 1\n1..${summary.cells.length}\n${lines.join('\n')}\n`
}

/** Whether a spreadsheet would take it for a formula. Negative numbers are not meant. */
const isFormula = (text: string) => /^[=+@-]/.test(text) && Number.isNaN(Number(text))

/** A line for each attempt (RFC 4180). A text that a spreadsheet would compute has an apostrophe in front. */
export function csvOf({ record, summary }: Results): string {
  const axes = record.axes.map(({ path }) => path)
  const metrics = record.metrics.map(({ name }) => name)
  const quote = (value: unknown) => {
    const plain =
      typeof value === 'string' ? oneLine(value) : value === undefined ? '' : JSON.stringify(value)
    const text = isFormula(plain) ? `'${plain}` : plain
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  const rows = summary.cells.flatMap((cell) =>
    cell.attempts.map((one) => [
      ...axes.map((axis) => cell.values[axis]),
      one.repeat,
      one.attempt,
      one.verdict,
      one.totalMs,
      ...metrics.map((metric) => one.metrics[metric]),
      one.run,
      one.host,
    ]),
  )
  const heads = [...axes, 'repeat', 'attempt', 'verdict', 'ms', ...metrics, 'run', 'host']
  return [heads, ...rows].map((row) => `${row.map(quote).join(',')}\r\n`).join('')
}

/** Annotations of GitHub Actions: an error for each broken cell, a warning for each flaky one. */
export function githubOf({ record, summary }: Results): string {
  const data = (text: string) =>
    oneLine(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
  return summary.cells
    .filter(isBad)
    .map((cell) => {
      const kind = cell.state === 'flaky' ? 'warning' : 'error'
      return `::${kind} title=${property(`${record.name}: ${cell.label}`)}::${data(sentenceOf(cell))}\n`
    })
    .join('')
}
