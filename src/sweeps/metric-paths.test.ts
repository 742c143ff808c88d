import { expect, it } from 'vitest'
import { checkMetrics } from './metric-paths.ts'
import type { Metric } from './record.ts'

const path = (source: string, more: Partial<Metric> = {}): Metric => ({
  name: 'ops',
  kind: 'path',
  source,
  ...more,
})
const check = (...metrics: readonly Metric[]) => checkMetrics(metrics, ['sweeps', 's'])

it('takes paths of numbers in the result of a guest or a run', () => {
  const paths = [
    'timings.bootMs',
    'timings.totalMs',
    'guestCode',
    'guest.cpus.count',
    'guests[1].result.guestCode',
  ]
  expect(check(...paths.map((source) => path(source)))).toEqual([])
})

it('knows nothing of what a file holds, and leaves expressions alone', () => {
  expect(check(path('ops/s: (x)', { file: 'out.json' }), path('ops/s: (\\d+)', { kind: 'pattern' }))).toEqual(
    [],
  )
})

it('refuses an expression in quotes, and says how it is written', () => {
  expect(check(path('ops/s: (\\d+)'))).toMatchObject([
    {
      code: 'SWEEP_METRIC_UNKNOWN',
      path: 'sweeps.s.metrics.ops',
      remedy: 'write a regular expression: ops: /ops\\/s: (\\d+)/; in JSON: {"regex":"ops/s: (\\\\d+)"}',
    },
  ])
  expect(check(path('ops per second:', { name: 'ops/s' }))).toMatchObject([
    {
      remedy:
        'write a regular expression, with one group around the number: "ops/s": /ops per second: (\\d+)/; in JSON: {"regex":"ops per second: (\\\\d+)"}',
    },
  ])
})

it('refuses what no result has and what is no number, with the nearest path', () => {
  expect(check(path('timings.bootms'))).toMatchObject([{ remedy: 'did you mean "timings.bootMs"?' }])
  const wrong = ['timings', 'verdict', 'diagnostics.code', 'timings.bootMs.x', 'guests.result', 'nothing']
  expect(check(...wrong.map((source) => path(source))).map(({ code }) => code)).toEqual(
    wrong.map(() => 'SWEEP_METRIC_UNKNOWN'),
  )
})
