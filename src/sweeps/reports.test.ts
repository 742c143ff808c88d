import { expect, test } from 'vitest'
import type { Attempt, SweepRecord } from './record.ts'
import { csvOf } from './reports.ts'
import { summarizeSweep } from './summary.ts'

const texts = ['=HYPERLINK("x")', '-display none', '@a', '+1', 'plain', 'tab\tline\n']

test('a spreadsheet computes no text of a CSV', () => {
  const keys = texts.map((_, index) => `${index}`.padStart(12, '0'))
  const record = {
    name: 'append',
    axes: [{ path: 'boot.append', values: texts }],
    cells: texts.map((value, index) => ({
      ...{ key: keys[index] ?? '', label: value, values: { 'boot.append': value }, input: 'same' },
      ...{ cores: 1, bytes: 1, impossible: [] },
    })),
    repeat: 1,
    metrics: [{ name: 'shift', kind: 'path', source: 'x' }],
  } as unknown as SweepRecord
  const attempts = keys.map((cell) => ({
    ...{ cell, repeat: 1, attempt: 1, input: 'same', verdict: 'passed', meaning: '', findings: [] },
    ...{ metrics: { shift: -5 }, startedAt: '', totalMs: 1, host: 'h' },
  })) as unknown as readonly Attempt[]
  const rows = csvOf({ record, summary: summarizeSweep(record, attempts) }).split('\r\n')
  expect(rows.slice(1, -1)).toEqual(
    [`"'=HYPERLINK(""x"")"`, "'-display none", "'@a", '+1', 'plain', 'tab\\tline\\n'].map(
      (text) => `${text},1,1,passed,1,-5,,h`,
    ),
  )
})
