/** Results of a kernel's test as other programs read them: TAP (testanything.org, version 14) and JUnit's XML. Pure. */
import { visible } from '../guest-text.ts'
import type { StepResult } from './run-steps.ts'

const oneLine = (text: string) => visible(text).replaceAll('\n', '\\n')

/** What is said of a step that failed. */
const reasonOf = ({ because = '', evidence = [] }: StepResult) => [because, ...evidence].map(oneLine)

export function tap(steps: readonly StepResult[]): string {
  const lines = steps.flatMap((step, i) => {
    // A description may not hold the sign that begins a directive.
    const name = oneLine(step.name).replace(/[#\\]/g, '\\$&')
    const directive = step.result === 'skipped' ? ' # SKIP an earlier step failed' : ''
    const line = `${step.result === 'failed' ? 'not ok' : 'ok'} ${i + 1} - ${name}${directive}`
    if (step.result !== 'failed') return [line]
    return [line, '  ---', '  message: |', ...reasonOf(step).map((text) => `    ${text}`), '  ...']
  })
  return `TAP version 14\n1..${steps.length}\n${lines.join('\n')}\n`
}

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' }
const xml = (text: string) => oneLine(text).replace(/[<>&"]/g, (char) => ENTITIES[char] ?? char)
const seconds = (ms: number) => (ms / 1000).toFixed(3)

export function junit(suite: string, steps: readonly StepResult[]): string {
  const count = (result: StepResult['result']) => steps.filter((step) => step.result === result).length
  const total = steps.reduce((sum, { tookMs }) => sum + tookMs, 0)
  const cases = steps.map((step) => {
    const open = `    <testcase classname="${xml(suite)}" name="${xml(step.name)}" time="${seconds(step.tookMs)}"`
    if (step.result === 'passed' || step.result === 'done') return `${open}/>`
    if (step.result === 'skipped') return `${open}><skipped/></testcase>`
    const reason = reasonOf(step)
      .join('\n')
      .replace(/[<>&"]/g, (char) => ENTITIES[char] ?? char)
    return `${open}><failure message="${xml(step.because ?? '')}">${reason}</failure></testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="${xml(suite)}" tests="${steps.length}" failures="${count('failed')}" skipped="${count('skipped')}" time="${seconds(total)}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}
