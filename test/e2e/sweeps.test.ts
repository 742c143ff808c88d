/** Sweeps with real guests: verdicts, records, resuming, impossible cells. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadProject } from '../../src/project/project.ts'
import { planOnly } from '../../src/project/run-planning.ts'
import { findRun, readRun } from '../../src/runs/record.ts'
import { requestOfCell } from '../../src/sweeps/cell-request.ts'
import { groupFindings, nameOfCell } from '../../src/sweeps/plan-sweep.ts'
import { readAttempts, readSweep } from '../../src/sweeps/record.ts'
import { findDescription, impossibleOf, planSweep, resumable, runSweep } from '../../src/sweeps/run-sweep.ts'
import { summarizeSweep } from '../../src/sweeps/summary.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sweep-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const machine = {
  memory: '64M',
  boot: { append: 'report=no' },
  devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M' }],
}

async function sweepOf(over: object, more: object = {}) {
  const config = { machines: { default: machine }, sweeps: { s: { over, ...more } } }
  writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify(config))
  return findDescription(await loadProject({ cwd: folder }), 's')
}

const options = (signal: AbortSignal = new AbortController().signal) => ({
  executor: 'local',
  isFresh: false,
  jobs: 2,
  signal,
  version: 'test',
})

it('runs every cell as an ordinary run, and keeps verdicts and numbers', async () => {
  const swept = await sweepOf(
    {
      'boot.append': ['report=no', 'report=no exit=9'],
      'devices.pm0': [false, { kind: 'nvdimm', size: '32M' }],
    },
    { repeat: 2, metrics: { ms: 'timings.runMs', code: 'guestCode' } },
  )
  const done = await runSweep(await planSweep(swept, {}), options())
  const [record, attempts] = [readSweep(done), readAttempts(done)]
  const { cells, counts } = summarizeSweep(record, attempts)
  expect(attempts).toHaveLength(8)
  expect(counts).toEqual({ passed: 2, failed: 2, flaky: 0, impossible: 0, open: 0 })
  expect(cells[0]?.metrics.find(({ name }) => name === 'ms')?.values).toHaveLength(2)
  const failed = attempts.filter(({ verdict }) => verdict === 'failed')
  expect(failed.every(({ metrics }) => metrics.code === 9)).toBe(true)
  for (const { run = '', verdict } of attempts)
    expect(readRun(findRun(swept.project.stateFolder, run)).result?.verdict).toBe(verdict)
  // Stores of attempts that passed are gone; those of failures stay.
  const stores = readdirSync(join(swept.project.stateFolder, 'stores'))
  expect(stores).toHaveLength(2)
  // Each attempt found its NVDIMM empty: input was equal.
  expect(new Set(attempts.map(({ cell, input }) => `${cell} ${input}`)).size).toBe(4)
})

it('resumes where it was ended: what failed first, what passed not again', async () => {
  const swept = await sweepOf({
    'boot.append': ['report=no', 'report=no exit=9', 'report=no n=3', 'report=no n=4'],
  })
  const ended = new AbortController()
  let seen = 0
  const first = await runSweep(await planSweep(swept, {}), {
    ...options(ended.signal),
    jobs: 1,
    onEnd: () => {
      seen += 1
      if (seen === 2) ended.abort()
    },
  })
  expect(readAttempts(first)).toHaveLength(2)
  const order: string[] = []
  const again = await runSweep(await planSweep(swept, {}), {
    ...options(),
    jobs: 1,
    resumed: first,
    onEnd: ({ cell, attempt }) => {
      order.push(`${cell.cell.values['boot.append']} ${attempt}`)
      expect(() => resumable(swept.project, 's', { isForced: true })).toThrow(/SWEEP_RUNS/)
    },
  })
  expect(again.id).toBe(first.id)
  expect(order).toEqual(['report=no exit=9 2', 'report=no n=3 1', 'report=no n=4 1'])
  const summary = summarizeSweep(readSweep(again), readAttempts(again))
  expect(summary).toMatchObject({ done: 4, wanted: 4, counts: { passed: 3, failed: 1 } })
  expect(resumable(swept.project, 's', { isForced: false }).id).toBe(first.id)
})

it('plans every cell first, and says what the impossible ones have in common', async () => {
  const swept = await sweepOf({ numa: [1, 2], 'devices.pm0.node': [0, 1], 'cpu.count': [2, 4] })
  const { cells } = await planSweep(swept, {})
  const [group, ...others] = groupFindings(cells, impossibleOf)
  expect(others).toEqual([])
  expect(group).toMatchObject({
    finding: { code: 'NVDIMM_NODE_MISSING', path: 'sweeps.s.over["devices.pm0.node"][1]' },
    common: 'numa=1, devices.pm0.node=1',
  })
  expect(group?.cells).toHaveLength(2)
})

it('plans cells together as each would be planned alone', async () => {
  const swept = await sweepOf(
    { numa: [1, 2], 'devices.pm0.size': ['16M', '48M'], 'cpu.model': ['max', 'qemu64'], accel: ['tcg'] },
    { command: [] },
  )
  const { cells } = await planSweep(swept, {})
  expect(cells).toHaveLength(8)
  for (const { combination, planned } of cells) {
    const request = requestOfCell(swept, combination, nameOfCell('s', combination.key))
    const [alone, together] = [(await planOnly(request)).plan.guests[0], planned?.plan.guests[0]]
    expect(together).toBeDefined()
    for (const key of ['argv', 'machine', 'stores', 'locks', 'diagnostics', 'accelerator', 'qemu'] as const)
      expect(together?.[key], key).toEqual(alone?.[key])
  }
})

it('names the axis of a wrong path or value', async () => {
  const swept = await sweepOf({ nuna: [1], 'devices.pm1.size': ['1G'] })
  const { cells } = await planSweep(swept, {})
  expect(cells.flatMap(impossibleOf).map(({ code }) => code)).toContain('SWEEP_DEVICE_UNKNOWN')
  const typo = await planSweep(await sweepOf({ nuna: [1] }), {})
  expect(typo.cells.flatMap(impossibleOf)[0]).toMatchObject({
    code: 'CONFIG_UNKNOWN_KEY',
    path: 'sweeps.s.over.nuna[0]',
  })
})
