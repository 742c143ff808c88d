import { describe, expect, it } from 'vitest'
import { compareSweeps, uncomparedText } from './compare.ts'
import type { Attempt, AttemptVerdict, SweepRecord } from './record.ts'
import { summarizeSweep } from './summary.ts'

const KEY = '0123456789ab'
const record: SweepRecord = {
  format: 1,
  id: 'a',
  name: 'numa',
  target: { kind: 'machine', name: 'default' },
  axes: [{ path: 'numa', values: [1] }],
  cells: [
    { key: KEY, label: 'numa=1', values: { numa: 1 }, input: 'same', cores: 1, bytes: 1, impossible: [] },
  ],
  repeat: 5,
  command: [],
  metrics: [{ name: 'ms', kind: 'path', source: 'timings.runMs', better: 'lower' }],
  executor: 'local',
  jobs: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  owner: { host: 'h', pid: 1, startTime: '' },
  bringup: '0',
}
const attempt = (repeat: number, verdict: AttemptVerdict, more: Partial<Attempt> = {}): Attempt => ({
  cell: KEY,
  repeat,
  attempt: 1,
  input: 'same',
  verdict,
  meaning: '',
  findings: [],
  metrics: {},
  startedAt: '',
  totalMs: 1,
  host: 'h',
  ...more,
})
const cellOf = (attempts: readonly Attempt[]) => summarizeSweep(record, attempts).cells[0]

describe('a cell', () => {
  it('is flaky only where equal input passed and failed', () => {
    expect(cellOf([attempt(1, 'passed'), attempt(2, 'crashed')])).toMatchObject({
      state: 'flaky',
      worst: 'crashed',
      missing: 3,
    })
    expect(cellOf([attempt(1, 'passed'), attempt(1, 'failed', { input: 'before' })])).toMatchObject({
      state: 'passed',
      uncounted: 1,
    })
    expect(cellOf([attempt(1, 'failed'), attempt(2, 'timed-out')])?.state).toBe('failed')
  })

  it('counts neither preempted, lost nor interrupted attempts', () => {
    const cell = cellOf([
      attempt(1, 'preempted'),
      attempt(2, 'lost'),
      attempt(3, 'interrupted'),
      attempt(4, 'passed'),
    ])
    expect(cell).toMatchObject({ state: 'passed', passed: 1, failed: 0, missing: 4, uncounted: 3 })
    expect(cellOf([attempt(1, 'preempted')])?.state).toBe('open')
  })

  it('measures attempts that passed', () => {
    const cell = cellOf([
      attempt(1, 'passed', { metrics: { ms: 2 } }),
      attempt(2, 'passed', { metrics: { ms: 4 } }),
      attempt(3, 'failed', { metrics: { ms: 99 } }),
    ])
    expect(cell?.metrics[0]).toMatchObject({ values: [2, 4], estimate: { median: 3, low: 2, high: 4 } })
  })
})

describe('a comparison', () => {
  const run = (values: readonly number[], verdict: AttemptVerdict = 'passed') => ({
    record,
    attempts: values.map((ms, index) => attempt(index + 1, verdict, { metrics: { ms } })),
  })

  it('finds a regression by ranks, and not by a threshold', () => {
    const [change] = compareSweeps(run([10, 11, 12, 13, 14]), run([15, 16, 17, 18, 19])).metrics
    expect(change).toMatchObject({ finding: 'regression', shift: 5 })
    expect(change?.p).toBeCloseTo(0.0079, 4)
    const [noise] = compareSweeps(run([10, 20, 30, 40, 50]), run([12, 24, 33, 48, 90])).metrics
    expect(noise?.finding).toBe('unclear')
    expect(compareSweeps(run([10, 11, 12]), run([90, 91, 92])).metrics[0]?.finding).toBe('too-few')
    expect(compareSweeps(run([15, 16, 17, 18, 19]), run([10, 11, 12, 13, 14])).metrics[0]?.finding).toBe(
      'improvement',
    )
  })

  it('says how sure a change of verdicts is', () => {
    const broken = compareSweeps(run([1, 2, 3, 4, 5]), run([1, 2, 3, 4, 5], 'failed'))
    expect(broken.verdicts).toMatchObject([{ before: 'passed', after: 'failed', isSure: true }])
    const once = compareSweeps(run([1]), run([1], 'failed'))
    expect(once.verdicts).toMatchObject([{ isSure: false, p: 1 }])
  })

  it('lists what was not compared: cells without a result, and values that one of them lacks', () => {
    expect(compareSweeps(run([1]), run([2]))).toMatchObject({ cells: 1, uncompared: [] })
    const open = compareSweeps(run([1]), { ...run([]), record: { ...record, id: 'b' } })
    expect(open).toMatchObject({ cells: 0, uncompared: [{ what: 'verdict', missingIn: ['b'] }] })
    expect(uncomparedText(open)).toEqual(['verdict of 1 cell: no result in b (numa=1)'])
    const failed = compareSweeps(run([1, 2]), run([1, 2], 'failed'))
    expect(failed).toMatchObject({ cells: 1, uncompared: [{ what: 'ms', missingIn: ['a'] }] })
    const renamed = { ...record, id: 'b', metrics: [{ name: 'ops', kind: 'path', source: 'x' } as const] }
    expect(uncomparedText(compareSweeps(run([1]), { ...run([1]), record: renamed }))).toEqual([
      'ms of 1 cell: no value in b (numa=1)',
      'ops of 1 cell: no value in a and b (numa=1)',
    ])
  })

  it('compares no cell that failed in both', () => {
    const broken = compareSweeps(run([1, 2, 3], 'failed'), run([1, 2, 3], 'crashed'))
    expect(broken).toMatchObject({ cells: 0, verdicts: [], metrics: [], failedInBoth: ['numa=1'] })
    expect(uncomparedText(broken)).toEqual(['1 cell: failed in both (numa=1)'])
  })
})
