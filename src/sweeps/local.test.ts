import { expect, test } from 'vitest'
import { readCpus } from '../host/cpus.ts'
import { local } from './local.ts'
import type { Task } from './run-attempt.ts'

const cores = readCpus().allowed.length
const means = { jobs: undefined, signal: new AbortController().signal }
const task = (share: number) =>
  ({ cell: { cell: { cores: share, bytes: 1 } }, repeat: 1, attempt: 1 }) as unknown as Task

test('runs at a time are an average over the cells, not what the largest allows', () => {
  const [small, large] = [task(1), task(cores)]
  expect(local.slots([small], means)).toBe(cores)
  expect(local.slots([large, large], means)).toBe(1)
  const many = Array.from({ length: 50 * cores }, () => small)
  expect(local.slots([...many, large], means)).toBeGreaterThan(0.9 * cores)
  expect(local.slots(many, { ...means, jobs: 3 })).toBe(3)
})
