import { expect, test } from 'vitest'
import { junit } from '../kernel-tests/reports.ts'
import { csvOf, junitOf, type Results } from '../sweeps/reports.ts'
import { isCsv, isJunit, isPicture, isReport } from './own-outputs.ts'

const results = (metrics: readonly string[]): Results =>
  ({
    record: {
      name: 'cores',
      axes: [{ path: 'cpu.count' }],
      cells: [],
      metrics: metrics.map((name) => ({ name })),
    },
    summary: { cells: [{ key: 'a', label: 'cpu.count=1', state: 'open', values: {}, attempts: [] }] },
  }) as unknown as Results

test('knows what sweeps and tests write', () => {
  expect(isJunit(Buffer.from(junitOf(results([]))))).toBe(true)
  expect(isJunit(Buffer.from(junit('kernel', [])))).toBe(true)
  expect(isCsv(Buffer.from(csvOf(results([]))))).toBe(true)
  expect(isCsv(Buffer.from(csvOf(results(['ops']))))).toBe(true)
})

test('takes no other file for one of them', () => {
  const config = Buffer.from("import { defineConfig } from 'bringup'\n")
  for (const isOurs of [isCsv, isJunit, isPicture, isReport]) expect(isOurs(config)).toBe(false)
  const other = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="pytest tests">\n</testsuites>\n'
  expect(isJunit(Buffer.from(other))).toBe(false)
  expect(isCsv(Buffer.from('name,host\r\n1,2\r\n'))).toBe(false)
  expect(isPicture(Buffer.from('PNG'))).toBe(false)
})
