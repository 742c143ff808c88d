import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { bootId, startTimeOf } from './process-start.ts'

test('tells a process from those that are gone', async () => {
  const child = spawn('cat')
  const pid = child.pid ?? 0
  expect(startTimeOf(pid)).toMatch(/^\d+$/)
  expect(startTimeOf(pid)).toBe(startTimeOf(pid))
  const ended = once(child, 'exit')
  child.stdin.end()
  await ended
  expect(startTimeOf(pid)).toBe('')
})

test('names this boot', () => {
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/)
})
