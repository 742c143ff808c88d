import { expect, test } from 'vitest'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { Collector } from './collector.ts'
import { formatDiagnostics, reportError } from './errors.ts'
import { createOutput, wantsColor } from './output.ts'

const kinds = defineDiagnostics({
  BAD: { title: 't', why: 'QEMU exits', remedy: 'fix it\nor not', source: 'qemu-options' },
  ODD: { severity: 'warning', title: 't', why: 'it is odd', remedy: 'look' },
})

function outputOf(isJson: boolean) {
  const [out, err] = [new Collector(), new Collector()]
  return { out, err, output: createOutput({ isJson, stdout: out, stderr: err, env: {} }) }
}

const signal = new AbortController().signal

test('a finding is a block, errors first, evidence last', () => {
  const { output } = outputOf(false)
  const findings = [
    kinds.ODD.at('', 'odd'),
    kinds.BAD.at('devices[0].node', 'node 3 of 2', { evidence: ['qemu: no'] }),
  ]
  expect(formatDiagnostics(findings, output)).toMatchInlineSnapshot(`
    "error BAD  at devices[0].node
      node 3 of 2
      why    QEMU exits
      remedy fix it
             or not
      source qemu-options
      │ qemu: no

    warning ODD
      odd
      why    it is odd
      remedy look"
  `)
})

test('a user’s problem ends with 2, a bug with 70 and its stack, an abort with 130', () => {
  const { out, err, output } = outputOf(false)
  expect(reportError(new BringupError([kinds.BAD.at('', 'x')]), output, signal)).toBe(2)
  expect(err.text).not.toContain('errors.test.ts')
  expect(reportError(new TypeError('oops'), output, signal)).toBe(70)
  expect(err.text).toContain('errors.test.ts')
  expect(reportError(new Error('stopped'), output, AbortSignal.abort())).toBe(130)
  expect(out.text).toBe('')
})

test('under --json errors go to stdout as one value', () => {
  const { out, err, output } = outputOf(true)
  reportError(new BringupError([kinds.BAD.at('p', 'x')]), output, signal)
  expect(JSON.parse(out.text)).toMatchObject({ exitCode: 2, diagnostics: [{ code: 'BAD', path: 'p' }] })
  expect(err.text).toBe('')
})

test('colour only on a terminal, unless the environment says otherwise', () => {
  const terminal = { write: () => {}, isTTY: true }
  const pipe = { write: () => {} }
  expect(wantsColor(terminal, {})).toBe(true)
  expect(wantsColor(pipe, {})).toBe(false)
  expect(wantsColor(terminal, { TERM: 'dumb' })).toBe(false)
  expect(wantsColor(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false)
  expect(wantsColor(pipe, { FORCE_COLOR: '1' })).toBe(true)
  expect(wantsColor(pipe, { FORCE_COLOR: '0' })).toBe(false)
})
