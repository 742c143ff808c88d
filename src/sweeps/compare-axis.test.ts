import { describe, expect, it } from 'vitest'
import { uncomparedText } from './compare.ts'
import { compareAxis } from './compare-axis.ts'
import { expand } from './expand.ts'
import type { Attempt, AxisValue, SweepRecord } from './record.ts'

type Values = Readonly<Record<string, AxisValue>>

/** A sweep whose runs of a cell take what `times` says; without a time there is no run. */
function swept(
  over: Record<string, AxisValue[]>,
  times: (values: Values) => readonly number[],
  except: Record<string, AxisValue>[] = [],
) {
  const { axes, cells } = expand({ over, except })
  const record: SweepRecord = {
    format: 1,
    id: 'a',
    name: 'boot',
    target: { kind: 'machine', name: 'default' },
    axes: [...axes],
    cells: cells.map((cell) => ({ ...cell, input: 'same', cores: 1, bytes: 1, impossible: [] })),
    repeat: 5,
    command: [],
    metrics: [{ name: 'ms', kind: 'path', source: 'timings.bootMs', better: 'lower' }],
    executor: 'local',
    jobs: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
    owner: { host: 'h', pid: 1, startTime: '' },
    bringup: '0',
  }
  const attempts = cells.flatMap(({ key, values }) =>
    times(values).map(
      (ms, index): Attempt => ({
        cell: key,
        repeat: index + 1,
        attempt: 1,
        input: 'same',
        verdict: 'passed',
        meaning: '',
        findings: [],
        metrics: { ms },
        startedAt: '',
        totalMs: 1,
        host: 'h',
      }),
    ),
  )
  return { record, attempts }
}

const from = (start: number) => [0, 1, 2, 3, 4].map((more) => start + more)

describe('the values of an axis', () => {
  it('compares cells that differ in that axis only', () => {
    const found = compareAxis(
      swept({ qemu: ['7.2', '10.0'], numa: [1, 2] }, ({ qemu, numa }) =>
        from(qemu === '10.0' && numa === 2 ? 50 : 10),
      ),
      'qemu',
    )
    expect(found).toMatchObject({ before: { id: 'qemu=7.2' }, after: { id: 'qemu=10.0' }, cells: 2 })
    expect(found.metrics).toMatchObject([
      { label: 'numa=1', shift: 0, finding: 'unclear' },
      { label: 'numa=2', shift: 40, finding: 'regression' },
    ])
    expect(found.uncompared).toEqual([])
  })

  it('compares each further value with the first, and corrects all tests together', () => {
    const found = compareAxis(
      swept({ numa: [1, 2, 4, 8] }, ({ numa }) => (numa === 8 ? [15, 16, 17, 18, 12.5] : from(10))),
      'numa',
    )
    expect(found.metrics.map(({ label, finding }) => [label, finding])).toEqual([
      ['numa=2', 'unclear'],
      ['numa=4', 'unclear'],
      ['numa=8', 'suspected'],
    ])
  })

  it('lists what has no counterpart, and what has no value', () => {
    const found = compareAxis(
      swept(
        { kernel: ['old', 'new'], numa: [1, 2] },
        ({ kernel, numa }) => (kernel === 'new' && numa === 1 ? [] : from(10)),
        [{ kernel: 'new', numa: 2 }],
      ),
      'kernel',
    )
    expect(found).toMatchObject({ cells: 0, onlyBefore: ['kernel=old, numa=2'], onlyAfter: [] })
    expect(uncomparedText(found)).toEqual(['verdict of 1 cell: no result in kernel=new (numa=1)'])
  })

  it('takes the last keys of a path, and names the axes that can be compared', () => {
    const one = swept({ 'devices.pm0.size': ['128M', '1G'], numa: [1] }, () => from(10))
    expect(compareAxis(one, 'size').before.id).toBe('devices.pm0.size=128M')
    expect(() => compareAxis(one, 'numa')).toThrow('--axis numa has one value only, 1')
    expect(() => compareAxis(one, 'memory')).toThrow('name one of devices.pm0.size')
  })
})
