import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { type RunPlan, runOfOne } from '../plan/run-plan.ts'
import {
  createRun,
  findRun,
  listRuns,
  pruneRuns,
  type RunResult,
  readRun,
  saveRunResult,
  unreadableFiles,
} from './record.ts'

const plan: RunPlan = runOfOne({
  guest: 'small',
  name: 'small',
  profile: 'probe',
  pending: [],
  diagnostics: [],
} as unknown as GuestPlan)

const result = (folder: string): RunResult => ({
  verdict: 'passed',
  exitCode: 0,
  meaning: 'fine',
  diagnostics: [],
  guests: [{ guest: 'small', counts: true }],
  timings: { startMs: 1, runMs: 2, totalMs: 3 },
  folder,
})

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'runs, with a comma '))
})
afterEach(() => rmSync(state, { recursive: true, force: true }))

describe('run records', () => {
  it('are running while their owner lives, and then have a result', () => {
    const run = createRun(state, plan)
    expect(listRuns(state)).toMatchObject([
      { id: run.id, name: 'small', guests: ['small'], verdict: 'running' },
    ])
    saveRunResult(run, result(run.path))
    expect(readRun(findRun(state, 'last'))).toMatchObject({
      summary: { verdict: 'passed', totalMs: 3 },
      result: { meaning: 'fine' },
    })
  })

  it('are not listed where their record cannot be read, and the file is named', () => {
    const [run, other] = [createRun(state, plan), createRun(state, plan)]
    saveRunResult(run, result(run.path))
    for (const text of ['{}', '[]', 'x', '{"name":1}', '{"verdict":"passed"}']) {
      for (const file of ['run.json', 'result.json', 'plan.json']) {
        const path = join(run.path, file)
        const before = readFileSync(path)
        writeFileSync(path, text)
        expect(listRuns(state).map(({ id }) => id)).toContain(other.id)
        if (file !== 'plan.json') expect(unreadableFiles(state)).toEqual([path])
        expect(() => readRun(run)).toThrow(`RUN_UNREADABLE: ${path} is not a record of a run`)
        writeFileSync(path, before)
      }
    }
    expect(unreadableFiles(state)).toEqual([])
  })

  it('of a sweep name it', () => {
    createRun(state, plan, { sweep: '2026-x' })
    expect(listRuns(state)).toMatchObject([{ sweep: '2026-x', verdict: 'running' }])
  })

  it('are found by the name that the user gave, which stands for one run at a time', () => {
    const run = createRun(state, plan, { label: 'db' })
    expect(findRun(state, 'db').id).toBe(run.id)
    expect(() => createRun(state, plan, { label: 'db' })).toThrow(/RUN_NAME_TAKEN/)
    saveRunResult(run, result(run.path))
    const next = createRun(state, plan, { label: 'db', now: new Date('2999-01-01') })
    expect(findRun(state, 'db').id).toBe(next.id)
    expect(listRuns(state).map((r) => r.label)).toEqual(['db', 'db'])
  })

  it('are abandoned when the owner is gone, or its PID belongs to another process', () => {
    const run = createRun(state, plan)
    writeFileSync(
      join(run.path, 'run.json'),
      JSON.stringify({
        name: 'small',
        guests: [],
        profiles: [],
        pid: process.pid,
        startTime: '1',
        startedAt: 'x',
      }),
    )
    expect(listRuns(state)[0]?.verdict).toBe('abandoned')
  })

  it('of another computer are elsewhere until they have a result, and are not pruned', () => {
    const run = createRun(state, plan)
    const about = JSON.parse(readFileSync(join(run.path, 'run.json'), 'utf8'))
    writeFileSync(join(run.path, 'run.json'), JSON.stringify({ ...about, host: 'n3.cluster' }))
    expect(listRuns(state)).toMatchObject([{ verdict: 'elsewhere', host: 'n3.cluster' }])
    expect(pruneRuns(state, 0)).toEqual([])
    saveRunResult(run, result(run.path))
    expect(listRuns(state)).toMatchObject([{ verdict: 'passed' }])
    expect(pruneRuns(state, 0)).toHaveLength(1)
  })

  it('never share a folder', () => {
    const now = new Date()
    const ids = Array.from({ length: 50 }, () => createRun(state, plan, { now }).id)
    expect(new Set(ids).size).toBe(50)
  })

  it('are found by a unique part of their name only', () => {
    const a = createRun(state, plan, { now: new Date(0) })
    createRun(state, plan, { now: new Date(0) })
    expect(findRun(state, a.id.slice(-8)).id).toBe(a.id)
    expect(() => findRun(state, '1970')).toThrow(/means 2 runs/)
    expect(() => findRun(state, 'nothing')).toThrow(BringupError)
  })

  it('are pruned from the oldest, but never while they run', () => {
    const runs = [0, 1000, 2000].map((t) => createRun(state, plan, { now: new Date(t) }))
    for (const run of runs.slice(0, 2)) saveRunResult(run, result(run.path))
    expect(pruneRuns(state, 1).map((r) => r.id)).toEqual([runs[0]?.id])
    expect(listRuns(state)).toHaveLength(2)
  })

  it('leave nothing behind when they cannot be made', () => {
    writeFileSync(join(state, 'runs'), 'a file in the way')
    expect(() => createRun(state, plan)).toThrow(/RUN_FOLDER_NOT_MADE/)
    expect(readdirSync(state)).toEqual(['runs'])
  })
})
