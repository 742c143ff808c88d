/** `bringup report` of a sweep of 500 cells, whose runs are copies of two real ones, in a browser. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Attempt, createSweep, type SweepRecord, saveAttempt } from '../../src/sweeps/record.ts'
import { Chromium } from '../support/chromium.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-sweep-report-'))
const state = join(folder, '.bringup')
const file = join(folder, 'sweep.html')
let browser: Chromium

const bringup = (...argv: readonly string[]) =>
  spawnSync(process.execPath, [BIN, ...argv], { cwd: folder, encoding: 'utf8' })

const HOSTILE = '<script>document.title = "taken over"</script>'
const AXES = [
  { path: 'numa', values: [1, 2, 4, 8, 16] },
  { path: 'memory', values: ['128M', '256M', '512M', '1G', HOSTILE] },
  { path: 'kernel', values: ['5.10', '6.1', '6.6', '6.12'] },
  { path: 'qemu', values: ['7.2', '8.0', '8.2', '9.0', '10.0'] },
]

function writeSweep(id: string, slower: number, runs: readonly string[]): void {
  const values = AXES.reduce<Record<string, string | number>[]>(
    (rows, axis) => rows.flatMap((row) => axis.values.map((value) => ({ ...row, [axis.path]: value }))),
    [{}],
  )
  const cells = values.map((one, index) => ({
    key: index.toString(16).padStart(12, '0'),
    label: Object.entries(one)
      .map(([path, value]) => `${path}=${value}`)
      .join(', '),
    values: one,
    input: 'x',
    cores: 1,
    bytes: 1,
    impossible: [],
  }))
  const record: SweepRecord = {
    ...{ format: 1, id, name: id, target: { kind: 'machine', name: 'default' }, axes: AXES, cells },
    ...{
      repeat: 4,
      command: [],
      metrics: [{ name: 'boot_ms', kind: 'path', source: 'timings.runMs', unit: 'ms', better: 'lower' }],
    },
    ...{ executor: 'local', jobs: 2, startedAt: '2026-01-01T00:00:00.000Z', bringup: '0.0.0' },
    owner: { host: 'here', pid: 1, startTime: 'none' },
  }
  const sweep = createSweep(state, record)
  cells.forEach(({ key }, index) => {
    for (let repeat = 1; repeat <= 4; repeat++) {
      const isBad = index % 25 === 24 || (index % 50 === 7 && repeat === 2)
      const verdict: Attempt['verdict'] = isBad ? 'failed' : 'passed'
      const run = runs[isBad ? 1 : 0] ?? ''
      const own = `2026-01-01T00-00-00-${key}`
      if (repeat === (isBad ? 2 : 4) && slower > 0)
        cpSync(join(state, 'runs', run), join(state, 'runs', own), { recursive: true })
      saveAttempt(sweep, {
        ...{
          cell: key,
          repeat,
          attempt: 1,
          input: 'x',
          verdict,
          meaning: isBad ? `failed: ${HOSTILE}` : 'passed',
        },
        ...{ findings: [], run: own, startedAt: record.startedAt, totalMs: 1000, host: 'here' },
        metrics: { boot_ms: 500 + (index % 5) * 40 + repeat + slower },
      })
    }
  })
}

beforeAll(async () => {
  browser = await Chromium.start()
  expect(bringup('run', '--numa', '2', '--nvdimm', '16M,node=1').status).toBe(0)
  expect(bringup('run', '--numa', '2', '--timeout', '1ms').status).not.toBe(0)
  const { runs } = JSON.parse(bringup('runs', '--json').stdout) as { runs: { id: string }[] }
  const ids = runs.map(({ id }) => id)
  writeSweep('main', 0, ids)
  writeSweep('now', 100, ids)
})
afterAll(async () => {
  await browser[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

it('is one file below 5 MB, and each cell is one click from its run', async () => {
  const { stdout, stderr, status } = bringup('report', 'now', '--compare', 'main', '--output', file, '--json')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ sweep: 'now', file })
  expect(statSync(file).size).toBeLessThan(5 * 1024 * 1024)
  await browser.open(file)
  expect(await browser.evaluate('document.title')).toBe('failed: sweep now')
  expect(await browser.evaluate('document.querySelectorAll("#matrix ~ .wide .matrix td a").length')).toBe(500)
  const text = await browser.evaluate<string>('document.getElementById("overview").innerText')
  expect(text).toContain('470 passed')
  expect(text).toContain(`failed: ${HOSTILE}`)
  expect(text).toMatch(/regression \(p = /)
  const faults = await browser.evaluate(`[
    ...[...document.querySelectorAll('a')].filter((a) => !document.getElementById(a.getAttribute('href').slice(1))).map((a) => a.outerHTML),
    ...[...document.querySelectorAll('use')].filter((u) => !document.getElementById(u.getAttribute('href').slice(1))).map((u) => u.outerHTML),
    ...[...document.querySelectorAll('*')].filter((n) => [...n.attributes].some((a) => /^on|^style$/.test(a.name))).map((n) => n.outerHTML.slice(0, 80)),
    ...(document.documentElement.scrollWidth > innerWidth ? ['wider than the window'] : []),
  ]`)
  expect(faults).toEqual([])
  expect(browser.log).toEqual([])
  await browser.evaluate('document.querySelector(".matrix td.failed a").click()')
  const page = await browser.evaluate<string>('document.body.innerText')
  expect(page).toContain('Repeat this run')
  expect(page).toContain('bringup run --numa 2 --timeout 1ms')
  expect(page).not.toContain('Passed runs of each cell')
})

it('is worked by keyboard: arrows move in the matrix, Enter opens a cell, Escape goes back', async () => {
  await browser.open(file)
  await browser.evaluate('document.querySelector(".matrix td a").focus()')
  await browser.press('ArrowRight')
  await browser.press('ArrowDown')
  const name = await browser.evaluate<string>('document.activeElement.getAttribute("aria-label")')
  expect(name).toContain('kernel=6.1, qemu=8.0: passed, 4 of 4 passed')
  await browser.press('Enter')
  await browser.evaluate('new Promise((resolve) => requestAnimationFrame(() => resolve(true)))')
  expect(await browser.evaluate('location.hash')).toBe('#cell-000000000006')
  await browser.press('Escape')
  expect(await browser.evaluate('document.getElementById("overview").checkVisibility()')).toBe(true)
})

it('has a summary as Markdown', () => {
  const { stdout } = bringup('report', 'now', '--markdown', '--compare', 'main')
  expect(stdout).toMatch(/^### ✗ Sweep now: 470 passed, 20 failed, 10 flaky\n/)
  expect(stdout).not.toContain('<script>')
  expect(stdout).toMatch(/Compared with `main`: 0 verdicts changed, \d+ regressions/)
})
