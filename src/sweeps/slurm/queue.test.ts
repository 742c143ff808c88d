import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Queue, SCRIPT_ENDS } from './queue.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slurm-queue-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const round = { isFresh: false, isStaged: true, groups: [], inputs: {}, tasks: [] }
const claim = { job: 3, restarts: 0, label: '1_0', node: 'n1' }

test('gives a task to one job', () => {
  const { queue } = Queue.create(folder, round)
  expect(queue.claim(4, claim)).toBe(true)
  expect(Queue.open(queue.folder).claim(4, { ...claim, job: 5 })).toBe(false)
  expect(queue.claimed()).toEqual(new Set([4]))
  expect(queue.readClaim(4)).toEqual(claim)
})

test('knows which jobs have started and ended, and tells them to end', () => {
  const { queue } = Queue.create(folder, round)
  queue.begin(claim)
  queue.end(claim, { unstaged: ['full'] })
  expect(queue.begun()).toEqual(new Set(['3.0']))
  expect(queue.readEnd('3.0')).toEqual({ ...claim, unstaged: ['full'] })
  expect(queue.isStopped).toBe(false)
  queue.stop()
  expect(queue.isStopped).toBe(true)
})

test('takes a deleted sweep for one that has ended', () => {
  const { queue } = Queue.create(folder, round)
  rmSync(queue.folder, { recursive: true })
  expect(queue.isStopped).toBe(true)
  expect(() => queue.claim(0, claim)).toThrow(/ENOENT/)
})

test('makes a folder for each round', () => {
  const [first, second] = [Queue.create(folder, round), Queue.create(folder, round)]
  expect(first.queue.folder).toBe(join(folder, 'slurm/1'))
  expect(second.queue.folder).toBe(join(folder, 'slurm/2'))
  expect(first.mark).not.toBe(second.mark)
})

test('runs a command where the folder is shared, and its words are words', () => {
  const { queue, mark } = Queue.create(folder, round)
  const job = (content: string, ...words: readonly string[]) =>
    spawnSync(queue.script, [queue.markFile, content, ...words], { encoding: 'utf8' })
  const program = join(folder, 'a program; true')
  writeFileSync(program, '#!/bin/sh\nprintf "%s|" "$@"\n', { mode: 0o700 })
  expect(job(mark, program, queue.markFile, "it's $(HOME) `x`").stdout).toBe(
    `${queue.markFile}|it's $(HOME) \`x\`|`,
  )
  expect(job('another', program, queue.markFile).status).toBe(SCRIPT_ENDS.notShared)
  expect(job(mark, join(folder, 'missing'), queue.markFile).status).toBe(SCRIPT_ENDS.noProgram)
  expect(job(mark, program, join(folder, 'missing')).status).toBe(SCRIPT_ENDS.noProgram)
})
