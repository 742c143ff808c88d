import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Ending } from './ending.ts'
import { beginUses, storeEndOf } from './store-uses.ts'

const folder = mkdtempSync(join(tmpdir(), 'uses, '))
afterAll(() => rmSync(folder, { recursive: true }))

const ending = (more: Partial<Ending>): Ending => ({
  status: 0,
  signal: null,
  stderr: '',
  started: true,
  tripleFault: false,
  debugExit: true,
  timeoutMs: 1,
  consoleTail: [],
  ...more,
})

test.each([
  ['guest-ended', {}, 'passed'],
  ['guest-ended', {}, 'failed'],
  ['guest-crashed', { endedBy: 'panic' }, 'crashed'],
  ['guest-crashed', {}, 'crashed'],
  ['killed', { endedBy: 'kill', signal: 'SIGKILL' }, 'interrupted'],
  ['killed', { signal: 'SIGKILL' }, 'machine-failed'],
  ['killed', { status: 1 }, 'machine-failed'],
  ['stopped', { endedBy: 'close' }, 'interrupted'],
  ['stopped', { endedBy: 'interrupt' }, 'interrupted'],
  ['stopped', { endedBy: 'timeout' }, 'timed-out'],
  // The command has ended; the guest under it was not shut down.
  ['stopped', { endedBy: 'shell-exit' }, 'passed'],
] as const)('%s: %j, %s', (expected, more, verdict) => {
  expect(storeEndOf(ending(more), { verdict })).toBe(expected)
})

test('a record that cannot be written is told at the end, and ends nothing', () => {
  const path = join(folder, 'pm.img')
  writeFileSync(path, 'x'.repeat(4096))
  mkdirSync(`${path}.bringup.jsonl`)
  const plan = { name: 'm', stores: [{ path, device: 'pm0', size: 4096, label: 0 }], locks: [], files: [] }
  expect(beginUses(plan, 'r1', folder).end('guest-ended')).toBeInstanceOf(Error)
})
