import { expect, it } from 'vitest'
import { outdatedCells, tasksLeft } from './order.ts'
import type { PlannedCell } from './plan-sweep.ts'
import type { Attempt, AttemptVerdict } from './record.ts'

const cell = (key: string): PlannedCell => ({
  combination: { key, label: key, values: {} },
  cell: { key, label: key, values: {}, input: 'now', cores: 1, bytes: 1, impossible: [] },
  warnings: [],
  exclusive: [],
  hasStores: false,
})
const attempt = (key: string, repeat: number, verdict: AttemptVerdict, input = 'now'): Attempt => ({
  cell: key,
  repeat,
  attempt: 1,
  input,
  verdict,
  meaning: '',
  findings: [],
  metrics: {},
  startedAt: '',
  totalMs: 0,
  host: '',
})
const cells = ['a', 'b', 'c'].map(cell)
const show = (attempts: readonly Attempt[], seed?: number) =>
  tasksLeft(cells, attempts, { repeat: 2, seed }).map(
    (task) => `${task.cell.cell.key}${task.repeat}.${task.attempt}`,
  )

it('runs one repeat of every cell after another', () => {
  expect(show([])).toEqual(['a1.1', 'b1.1', 'c1.1', 'a2.1', 'b2.1', 'c2.1'])
})

it('runs what failed first, leaves out what passed, and repeats what said nothing or had another input', () => {
  const made = [
    attempt('a', 1, 'passed'),
    attempt('b', 2, 'crashed'),
    attempt('c', 1, 'preempted'),
    attempt('a', 2, 'passed', 'before'),
  ]
  expect(show(made)).toEqual(['b2.2', 'b1.1', 'c1.2', 'a2.2', 'c2.1'])
})

it('finds cells whose results are of another input', () => {
  const found = (attempts: readonly Attempt[]) => outdatedCells(cells, attempts).map(({ cell }) => cell.key)
  expect(found([attempt('a', 1, 'passed', 'before'), attempt('b', 1, 'failed', 'before')])).toEqual([
    'a',
    'b',
  ])
  expect(found([attempt('a', 1, 'passed', 'before'), { ...attempt('a', 1, 'passed'), attempt: 2 }])).toEqual(
    [],
  )
  expect(found([attempt('a', 1, 'passed'), attempt('a', 2, 'failed', 'before')])).toEqual(['a'])
  expect(found([attempt('c', 1, 'interrupted', 'before'), attempt('b', 1, 'failed')])).toEqual([])
})

it('draws the same order from the same seed', () => {
  expect(show([], 7)).toEqual(show([], 7))
  expect(show([], 7)).not.toEqual(show([]))
  expect(show([], 7).toSorted()).toEqual(show([]).toSorted())
})
