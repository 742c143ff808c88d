import { expect, test } from 'vitest'
import type { PlannedCell } from '../plan-sweep.ts'
import { groupTasks, type Measured, splitArrays } from './groups.ts'

const GiB = 1024 ** 3

function task({
  cores = 1,
  bytes = GiB,
  files = [],
  earlierMs,
}: {
  cores?: number
  bytes?: number
  files?: readonly string[]
  earlierMs?: number
}): Measured {
  const cell = { key: 'x', label: '', values: {}, cores, bytes, impossible: [] }
  const planned = { plan: { guests: [{ timeoutMs: 90_000 }] } }
  const one = { cell, combination: cell, exclusive: files, warnings: [], hasStores: false, planned }
  return { task: { cell: one as unknown as PlannedCell, repeat: 1, attempt: 1 }, earlierMs }
}

const config = { batch: 600_000, time: undefined }

test('puts tasks that need the same into one group', () => {
  const { groups, of } = groupTasks(
    [task({}), task({ cores: 2 }), task({}), task({ bytes: GiB - 1 })],
    config,
  )
  expect(of).toEqual([0, 1, 0, 0])
  expect(groups).toMatchObject([
    { cores: 1, megabytes: 1280, isSerial: false },
    { cores: 2, megabytes: 1280 },
  ])
})

test('puts tasks that share a file into one job, also by way of others', () => {
  const tasks = [task({ files: ['a'] }), task({}), task({ files: ['b'] }), task({ files: ['a', 'b'] })]
  const { groups, of } = groupTasks(tasks, config)
  expect(of).toEqual([0, 1, 0, 0])
  expect(groups.map(({ isSerial }) => isSerial)).toEqual([true, false])
})

test('limits jobs by what the cells took before', () => {
  const limit = (tasks: readonly Measured[], more = config) => groupTasks(tasks, more).groups[0]
  // A batch of one cell, that cell, and two minutes around.
  expect(limit([task({})])).toMatchObject({ batchMs: 120_000, limitMs: 360_000 })
  expect(limit([task({ earlierMs: 1000 })])).toMatchObject({ batchMs: 63_000, limitMs: 246_000 })
  const many = Array.from({ length: 100 }, () => task({}))
  expect(limit(many)).toMatchObject({ batchMs: 600_000, limitMs: 840_000 })
  expect(groupTasks(many, { batch: 600_000, time: 300_000 }).groups[0]).toMatchObject({
    batchMs: 180_000,
    limitMs: 300_000,
  })
})

test('splits arrays', () => {
  expect(splitArrays(64, 1001)).toEqual([64])
  expect(splitArrays(2500, 1001)).toEqual([1001, 1001, 498])
  expect(splitArrays(20, 10)).toEqual([10, 10])
  expect(splitArrays(0, 10)).toEqual([])
})
