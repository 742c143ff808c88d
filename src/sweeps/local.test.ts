import { expect, test } from 'vitest'
import { readCpus } from '../host/cpus.ts'
import { local } from './local.ts'
import type { Task } from './run-attempt.ts'

const cores = readCpus().allowed.length
const task = (share: number) =>
  ({ cell: { cell: { cores: share, bytes: 1 } }, repeat: 1, attempt: 1 }) as unknown as Task

test('runs at a time are an average over the cells, not what the largest allows', () => {
  const [small, large] = [task(1), task(cores)]
  expect(local.slots([small], { jobs: undefined })).toBe(cores)
  expect(local.slots([large, large], { jobs: undefined })).toBe(1)
  const many = Array.from({ length: 50 * cores }, () => small)
  expect(local.slots([...many, large], { jobs: undefined })).toBeGreaterThan(0.9 * cores)
  expect(local.slots(many, { jobs: 3 })).toBe(3)
})
