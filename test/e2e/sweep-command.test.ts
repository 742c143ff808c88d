/** `bringup sweep` as a user has it: racks, kernels, a baseline, a terminal, Ctrl-C and SIGKILL. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Attempt, findSweep, readAttempts, readSweep } from '../../src/sweeps/record.ts'
import { summarizeSweep } from '../../src/sweeps/summary.ts'
import { Chromium } from '../support/chromium.ts'
import { testKernel } from '../support/test-kernel.ts'
import { openTerminal } from '../support/tmux.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const MARK = 'BRINGUP_SWEEP_TEST'
const minutes = { timeout: 1_200_000 }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sweep-command-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const configure = (config: object) =>
  writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify(config))
const env = () => ({ ...process.env, [MARK]: folder })
const bringup = (...argv: readonly string[]) =>
  spawnSync(process.execPath, [BIN, ...argv], { cwd: folder, env: env(), encoding: 'utf8' })

const quiet = { memory: '64M', accel: 'tcg', boot: { append: 'report=no' } } as const
const delays = (count: number, ms: number) =>
  Array.from({ length: count }, (_, n) => `report=no delay=${ms} n=${n}`)

function stateOf(name = 'last') {
  const found = findSweep(join(folder, '.bringup'), name)
  const [record, attempts] = [readSweep(found), readAttempts(found)]
  return { record, attempts, summary: summarizeSweep(record, attempts) }
}

it('refuses files that it did not write before anything runs, and replaces its own reports', minutes, () => {
  configure({ machines: { default: quiet }, sweeps: { s: { over: { memory: ['64M'] } } } })
  const config = readFileSync(join(folder, 'bringup.config.json'), 'utf8')
  for (const option of ['--junit', '--csv']) {
    const { status, stderr } = bringup('sweep', 's', option, 'bringup.config.json')
    expect([status, stderr]).toEqual([2, expect.stringContaining('error OPTION_FILE_TAKEN')])
  }
  const missing = bringup('test', '--junit', join('missing', 'x.xml'))
  expect(missing).toMatchObject({ status: 2, stderr: expect.stringContaining('OPTION_FILE_NOT_WRITTEN') })
  expect(bringup('screen', '--png', 'bringup.config.json').stderr).toContain('OPTION_FILE_TAKEN')
  expect(readFileSync(join(folder, 'bringup.config.json'), 'utf8')).toBe(config)
  expect(existsSync(join(folder, '.bringup'))).toBe(false)
  const reports = ['--junit', 'x.xml', '--csv', 'x.csv']
  expect(bringup('sweep', 's', ...reports)).toMatchObject({ status: 0 })
  expect(bringup('sweep', 'show', 's', ...reports)).toMatchObject({ status: 0 })
})

it('runs racks, and shows the picture of one in the report', minutes, async () => {
  const guest = { nics: ['lan'], machine: quiet }
  configure({
    racks: { pair: { networks: { lan: {} }, guests: { server: guest, client: guest } } },
    sweeps: {
      r: {
        rack: 'pair',
        over: { 'guests.client.count': [1, 2], 'guests.server.machine.memory': ['64M', '80M'] },
        metrics: { ms: 'timings.runMs' },
      },
    },
  })
  expect(bringup('sweep', 'r')).toMatchObject({ status: 0 })
  const { attempts, summary } = stateOf()
  expect(summary.counts).toMatchObject({ passed: 4, failed: 0, open: 0 })
  expect(attempts.every(({ metrics }) => (metrics.ms ?? 0) > 0)).toBe(true)
  const compared = JSON.parse(bringup('sweep', 'compare', 'r', '--axis', 'client.count', '--json').stdout)
  expect(compared).toMatchObject({
    before: { id: 'guests.client.count=1' },
    after: { id: 'guests.client.count=2' },
    cells: 2,
    uncompared: [],
  })
  expect(bringup('sweep', 'compare', 'r', '--axis', 'nodes').stderr).toContain('SWEEP_AXIS_UNKNOWN')
  expect(bringup('sweep', 'compare').stderr).toContain('the sweep to compare with is missing')
  expect(bringup('report', 'r', '-o', 'r.html')).toMatchObject({ status: 0 })
  await using browser = await Chromium.start()
  await browser.open(join(folder, 'r.html'))
  const pictures = await browser.evaluate<string[]>(
    '[...document.querySelectorAll(".cells svg.rack")].map((svg) => svg.getAttribute("aria-label"))',
  )
  expect(pictures).toHaveLength(4)
  expect(pictures.filter((label) => label.includes('guests server, client-1, client-2; lan'))).toHaveLength(2)
  const text = await browser.evaluate<string>('document.querySelectorAll(".cells")[0].textContent')
  expect(text).toContain('80M')
  const twice = await browser.evaluate<string[]>(
    '[...document.querySelectorAll("[id]")].map((node) => node.id).filter((id, index, all) => all.indexOf(id) !== index)',
  )
  expect(twice).toEqual([])
})

it('takes a kernel by its file and by the name of a profile', minutes, () => {
  writeFileSync(join(folder, 'own.elf'), testKernel('own kernel\n', { exit: 20 }))
  configure({
    machines: { default: quiet },
    sweeps: { k: { over: { kernel: ['probe', './own.elf', 'nope.elf'] }, metrics: { code: 'guestCode' } } },
  })
  const refused = bringup('sweep', 'k')
  expect(refused.status).toBe(2)
  expect(refused.stderr).toContain('1 cell with kernel=nope.elf')
  expect(readdirSync(folder)).not.toContain('.bringup/sweeps')
  expect(bringup('sweep', 'k', '--skip-impossible').status).toBe(1)
  const { summary, attempts } = stateOf()
  expect(summary.cells.map(({ label, state }) => `${label} ${state}`)).toEqual([
    'kernel=probe passed',
    'kernel=./own.elf failed',
    'kernel=nope.elf impossible',
  ])
  expect(attempts.map(({ exitCode }) => exitCode).toSorted()).toHaveLength(2)
})

it('builds what the cells boot once, before the first run', minutes, () => {
  writeFileSync(join(folder, 'source.elf'), testKernel('built\n', { exit: 16 }))
  writeFileSync(
    join(folder, 'Makefile'),
    'out.elf: source.elf\n\tcp source.elf out.elf && echo made >> log\n',
  )
  configure({
    kernel: { build: ['make'], image: 'out.elf', passPatterns: ['^built'] },
    machines: { default: { memory: '64M', accel: 'tcg' } },
    sweeps: { m: { over: { numa: [1, 2] } } },
  })
  const logged = () => readFileSync(join(folder, 'log'), 'utf8').split('\n').length - 1
  expect(bringup('sweep', 'm')).toMatchObject({ status: 0 })
  expect(stateOf().summary.counts.passed).toBe(2)
  expect(logged()).toBe(1)
  writeFileSync(join(folder, 'source.elf'), testKernel('built anew\n', { exit: 16 }))
  // What changed is built, and what passed with the kernel of before runs again.
  expect(bringup('sweep', 'm', '--resume')).toMatchObject({ status: 0 })
  expect(logged()).toBe(2)
  expect(stateOf().attempts).toHaveLength(4)
  expect(bringup('sweep', 'm', '--resume', '--no-build')).toMatchObject({ status: 0 })
  expect(stateOf().attempts).toHaveLength(4)
})

it('compares with a baseline once one is kept', minutes, () => {
  configure({
    machines: { default: quiet },
    sweeps: {
      b: {
        over: { 'boot.append': ['report=no delay=1', 'report=no delay=2'] },
        repeat: 4,
        metrics: { ms: { path: 'timings.runMs', better: 'lower' } },
        compareWith: 'main',
      },
    },
  })
  const first = bringup('sweep', 'b')
  expect(first).toMatchObject({ status: 0 })
  expect(first.stdout).toContain('no baseline "main" yet; `bringup sweep keep main`')
  expect(bringup('sweep', 'keep', 'main').status).toBe(0)
  const second = bringup('sweep', 'b')
  expect(second).toMatchObject({ status: 0 })
  expect(second.stdout).toMatch(/compared with main \(\d{4}-/)
  const { comparison } = JSON.parse(bringup('sweep', 'b', '--json').stdout)
  expect(comparison.before.id).toBe(stateOf('main').record.id)
  expect(comparison.metrics).toHaveLength(2)
})

it('keeps the results of a baseline, and does not compare a sweep with itself', minutes, () => {
  const script = (ops: number) =>
    writeFileSync(join(folder, 'b.sh'), `#!/bin/sh\necho ops/s: ${ops}\n`, { mode: 0o755 })
  script(100)
  configure({
    machines: { default: { memory: '160M', accel: 'tcg', profile: 'linux' } },
    sweeps: {
      base: { over: { numa: [1] }, command: ['./b.sh'], metrics: { ops: { regex: 'ops/s: (\\d+)' } } },
    },
  })
  expect(bringup('sweep', 'base')).toMatchObject({ status: 0 })
  expect(bringup('sweep', 'keep', 'main').status).toBe(0)
  const kept = stateOf('main')
  expect(kept.attempts).toMatchObject([{ metrics: { ops: 100 } }])
  // Without a change, there is nothing to refuse.
  expect(bringup('sweep', 'base', '--resume')).toMatchObject({ status: 0 })
  script(206)
  const resumed = bringup('sweep', 'base', '--resume')
  expect(resumed.status).toBe(2)
  expect(resumed.stderr).toContain('SWEEP_KEPT')
  expect(resumed.stderr).toContain('start a new sweep: bringup sweep base')
  expect(stateOf('main').attempts).toEqual(kept.attempts)
  expect(stateOf('main').summary).toEqual(kept.summary)
  for (const argv of [
    ['sweep', 'compare', 'main'],
    ['sweep', 'report', 'base', '--compare', 'main'],
  ]) {
    const same = bringup(...argv)
    expect(same.status).toBe(2)
    expect(same.stderr).toContain('SWEEP_SAME')
  }
  expect(bringup('sweep', 'base')).toMatchObject({ status: 0 })
  const compared = JSON.parse(bringup('sweep', 'compare', 'main', '--json').stdout)
  expect(compared.metrics).toMatchObject([{ before: { median: 100 }, after: { median: 206 } }])
})

describe('a sweep that is ended', () => {
  interface Started {
    readonly child: ChildProcess
    readonly exited: Promise<unknown[]>
    readonly next: (type: string) => Promise<void>
  }

  function start(...argv: readonly string[]): Started {
    const child = spawn(process.execPath, [BIN, 'sweep', 'slow', '--jobs', '2', '--events', ...argv], {
      cwd: folder,
      env: env(),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
    return {
      child,
      exited: once(child, 'exit'),
      next: async (type) => {
        for (;;) {
          const { value, done } = await lines.next()
          if (done === true) throw new Error(`the sweep ended before "${type}"`)
          if (JSON.parse(value).type === type) return
        }
      },
    }
  }

  const config = {
    machines: { default: quiet },
    sweeps: { slow: { over: { 'boot.append': delays(4, 1500) }, repeat: 2 } },
  }

  async function resumed(passedBefore: number): Promise<void> {
    expect(bringup('sweep', 'slow', '--jobs', '2', '--resume')).toMatchObject({ status: 0 })
    const { summary, attempts } = stateOf()
    expect(summary).toMatchObject({ done: 8, wanted: 8, counts: { passed: 4, failed: 0, flaky: 0, open: 0 } })
    const passed = attempts.filter(({ verdict }) => verdict === 'passed')
    // What had passed did not run again.
    expect(passed).toHaveLength(8)
    expect(passedBefore).toBeGreaterThan(0)
    const others = attempts.filter(({ verdict }) => verdict !== 'passed')
    expect(others.every(({ verdict }) => verdict === 'interrupted')).toBe(true)
  }

  it('by Ctrl-C leaves nothing running, and goes on where it stopped', minutes, async () => {
    configure(config)
    const sweep = start()
    await sweep.next('attempt ended')
    sweep.child.kill('SIGINT')
    expect((await sweep.exited)[0]).toBe(130)
    expect(marked()).toEqual([])
    await resumed(stateOf().attempts.filter(({ verdict }) => verdict === 'passed').length)
  })

  it('by SIGKILL leaves nothing running, and goes on where it stopped', minutes, async () => {
    configure(config)
    const sweep = start()
    await sweep.next('attempt ended')
    await sweep.next('attempt started')
    sweep.child.kill('SIGKILL')
    await sweep.exited
    while (marked().length > 0) await nextTurn()
    const { attempts } = stateOf()
    expect(attempts.every(({ verdict }) => verdict === 'passed')).toBe(true)
    await resumed(attempts.length)
  })

  it('by SIGKILL leaves runs that are deleted with it', minutes, async () => {
    configure(config)
    const sweep = start('--jobs', '1')
    await sweep.next('attempt ended')
    await sweep.next('attempt started')
    const runs = join(folder, '.bringup', 'runs')
    // The second one has its folder then.
    while (readdirSync(runs).filter((id) => existsSync(join(runs, id, 'plan.json'))).length < 2)
      await nextTurn()
    sweep.child.kill('SIGKILL')
    await sweep.exited
    while (marked().length > 0) await nextTurn()
    expect(bringup('sweep', 'keep', 'main')).toMatchObject({ status: 0 })
    expect(bringup('runs', '--sweep', 'last', '--verdict', 'abandoned').stdout).toContain('abandoned')
    const unknown = bringup('sweep', 'slow', '--cell', 'nope')
    expect(unknown).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('bringup sweep show slow --cells'),
    })
    const { status, stdout } = bringup('sweep', 'rm', 'last')
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/, the baseline "main" and \d runs\n$/),
    })
    expect(readdirSync(runs)).toEqual([])
  })

  it('says so when a file changes meanwhile, and runs again what had the other one', minutes, async () => {
    const kernel = join(folder, 'own.elf')
    const replace = (text: string) => {
      writeFileSync(`${kernel}.new`, testKernel(text, { exit: 16 }))
      renameSync(`${kernel}.new`, kernel)
    }
    replace('first\n')
    configure({
      machines: {
        default: { ...quiet, profile: 'probe', boot: { kernel: './own.elf', append: 'report=no' } },
      },
      sweeps: { slow: { over: { numa: [1, 2, 3, 4] } } },
    })
    const sweep = start('--jobs', '1')
    await sweep.next('attempt ended')
    replace('second\n')
    expect((await sweep.exited)[0]).toBe(1)
    const { attempts, summary } = stateOf()
    const others = attempts.filter(({ changed }) => changed !== undefined)
    expect(others.length).toBeGreaterThan(1)
    expect(others.every(({ changed }) => changed?.[0] === kernel)).toBe(true)
    expect(summary.counts).toMatchObject({ passed: 4 - others.length, open: others.length })
    const again = bringup('sweep', 'slow', '--jobs', '1', '--resume')
    expect(again).toMatchObject({ status: 0 })
    expect(stateOf().attempts).toHaveLength(4 + 4 - new Set(mostRecent(others)).size)
    expect(stateOf().summary.counts).toMatchObject({ passed: 4 })
  })

  /** Those that ran with the file of now during the whole run need no other run. */
  const mostRecent = (others: readonly Attempt[]) => others.filter(({ input }) => !input.includes(' to '))

  /** Processes that this test has started. */
  function marked(): readonly string[] {
    return readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${MARK}=${folder}`)
      } catch {
        return false
      }
    })
  }
})

it('shows the matrix while it runs on a terminal, and leaves one result', minutes, async () => {
  await using terminal = await openTerminal({ [MARK]: folder })
  folder = terminal.folder
  configure({
    machines: { default: quiet },
    sweeps: { t: { over: { numa: [1, 2], 'boot.append': delays(2, 2000) } } },
  })
  await terminal.bringup('sweep t --jobs 1')
  const live = await terminal.shows(/✓ 1[\s\S]*of 4 runs · about [\d.]+ m?s left/)
  expect(live).toMatch(/^numa +boot\.append=/m)
  const end = await terminal.shows(/t 4 passed · 4 of 4 runs[\s\S]*host>$/)
  expect(end.match(/^numa /gm)).toHaveLength(1)
  expect(end).not.toContain('left')
})
