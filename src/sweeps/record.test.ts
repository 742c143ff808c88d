import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  type Attempt,
  createSweep,
  findSweep,
  isRunning,
  listSweeps,
  readAttempts,
  readSweep,
  removeSweep,
  type SweepRecord,
  saveAttempt,
} from './record.ts'

const state = () => mkdtempSync(join(tmpdir(), 'sweeps-'))

const sweep = (id: string, more: Partial<SweepRecord> = {}): SweepRecord => ({
  format: 1,
  id,
  name: 'numa',
  target: { kind: 'machine', name: 'default' },
  axes: [{ path: 'numa', values: [1, 2] }],
  cells: [
    {
      key: '0123456789ab',
      label: 'numa=1',
      values: { numa: 1 },
      input: 'x',
      cores: 1,
      bytes: 1024,
      impossible: [],
    },
  ],
  repeat: 2,
  command: [],
  metrics: [],
  executor: 'local',
  jobs: 2,
  startedAt: '2026-01-01T00:00:00.000Z',
  owner: { host: 'here', pid: 1, startTime: 'none' },
  bringup: '0.0.0',
  ...more,
})

const attempt = (more: Partial<Attempt>): Attempt => ({
  cell: '0123456789ab',
  repeat: 1,
  attempt: 1,
  input: 'x',
  verdict: 'passed',
  meaning: 'it passed',
  findings: [],
  metrics: {},
  startedAt: '2026-01-01T00:00:00.000Z',
  totalMs: 1,
  host: 'here',
  ...more,
})

it('reads what it wrote, attempts in order', () => {
  const folder = createSweep(state(), sweep('a'))
  for (const n of [10, 2, 1]) saveAttempt(folder, attempt({ repeat: n }))
  writeFileSync(join(folder.path, 'attempts', '0123456789ab-3-1.json'), '{')
  expect(readSweep(folder)).toEqual(sweep('a'))
  expect(readAttempts(folder).map(({ repeat }) => repeat)).toEqual([1, 2, 10])
})

it('finds a sweep by id, name, part of the id and age', () => {
  const folder = state()
  for (const id of ['2026-a1', '2026-b2']) createSweep(folder, sweep(id))
  createSweep(folder, sweep('2026-c3', { name: 'other' }))
  expect(findSweep(folder, 'numa').id).toBe('2026-b2')
  expect(findSweep(folder, 'a1').id).toBe('2026-a1')
  expect(findSweep(folder, 'last').id).toBe('2026-c3')
  expect(() => findSweep(folder, '2026')).toThrow(/matches 3 sweeps/)
  removeSweep(findSweep(folder, 'last'))
  expect(listSweeps(folder)).toHaveLength(2)
})

it('refuses a record of another format, and knows whether its process exists', () => {
  const folder = createSweep(state(), sweep('a'))
  expect(isRunning(readSweep(folder), 'here')).toBe(false)
  expect(isRunning(readSweep(folder), 'another')).toBe(true)
  expect(isRunning({ ...readSweep(folder), endedAt: '2026-01-01T00:00:00.000Z' }, 'another')).toBe(false)
  writeFileSync(join(folder.path, 'sweep.json'), '{"format":2}')
  expect(() => readSweep(folder)).toThrow(/SWEEP_UNREADABLE/)
})
