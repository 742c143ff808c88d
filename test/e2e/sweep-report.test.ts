/** `bringup report` of a sweep of 500 cells, whose runs are copies of two real ones, in a browser. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Chromium } from '../support/chromium.ts'
import { HOSTILE, makeSweep } from '../support/made-sweep.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-sweep-report-'))
const state = join(folder, '.bringup')
const file = join(folder, 'sweep.html')
let browser: Chromium

const bringup = (...argv: readonly string[]) =>
  spawnSync(process.execPath, [BIN, ...argv], { cwd: folder, encoding: 'utf8' })

beforeAll(async () => {
  browser = await Chromium.start()
  expect(bringup('run', '--numa', '2', '--nvdimm', '16M,node=1').status).toBe(0)
  expect(bringup('run', '--numa', '2', '--append', 'hang', '--timeout', '1ms').status).not.toBe(0)
  const { runs } = JSON.parse(bringup('runs', '--json').stdout) as { runs: { id: string }[] }
  const [passed = '', failed = ''] = runs.map(({ id }) => id)
  makeSweep(state, { id: 'main', slower: 0, runs: [passed, failed] })
  makeSweep(state, { id: 'now', slower: 100, runs: [passed, failed] })
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
  expect(page).toContain('bringup run --numa 2 --append hang --timeout 1ms')
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
