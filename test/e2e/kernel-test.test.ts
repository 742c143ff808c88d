/** `bringup test`: the steps of a config, in a guest that draws and reads its keyboard. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testJson } from '../../src/cli/shapes.ts'
import { buildDrawingKernel } from '../support/drawing-kernel.ts'
import { isoOf } from '../support/grub-iso.ts'
import { testKernel } from '../support/test-kernel.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-kernel-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(() => buildDrawingKernel(join(folder, 'draw.elf')))

function config(append: string, steps: readonly object[]): void {
  const machines = { default: { memory: '64M', boot: { append } } }
  writeFileSync(
    join(folder, 'bringup.config.json'),
    JSON.stringify({ kernel: { image: 'draw.elf', test: steps }, machines }),
  )
}

const STRANGER = 'Kernel of a stranger'

const run = (...words: readonly string[]) =>
  spawnSync(process.execPath, [BIN, 'test', ...words], { cwd: folder, encoding: 'utf8' })

test('does what the config lists, and says where the words were seen', () => {
  config('keys', [
    { screen: 'Kernel of a stranger', name: 'boots', points: 2 },
    { expect: '>' },
    { keys: 'Hello\n' },
    { match: '^> Hello$', points: 3 },
  ])
  const { stdout, stderr, status } = run('--junit', 'results.xml')
  expect(stdout).toMatch(/^✓ boots · on the screen · 2 of 2 points · /m)
  expect(stdout).toMatch(/^· keys "Hello\\n" · /m)
  expect(stdout).toMatch(/^✓ match \/\^> Hello\$\/ · on the screen · 3 of 3 points · /m)
  expect(stderr).toContain('passed 3 of 3 expectations, 5 of 5 points')
  expect(status).toBe(0)
  const xml = readFileSync(join(folder, 'results.xml'), 'utf8')
  expect(xml).toContain('tests="4" failures="0" skipped="0"')
})

test('stops at a step that fails, with what console and screen show', () => {
  config('debugcon', [
    { expect: 'words on port 0xe9', points: 1 },
    { expect: 'all is well', timeout: '300ms', points: 4 },
    { type: 'x\n' },
    { expect: 'more', points: 1 },
  ])
  const { stdout, status } = run('--json')
  const result = testJson.parse(JSON.parse(stdout))
  expect(status).toBe(1)
  expect(result).toMatchObject({ verdict: 'failed', exitCode: 1, points: 1, of: 6 })
  expect(result.steps.map((step) => step.result)).toEqual(['passed', 'failed', 'skipped', 'skipped'])
  expect(result.steps[0]).toMatchObject({ where: 'console' })
  expect(result.steps[1]?.because).toMatch(/^the guest did not show "all is well" within 300 ms/)
  expect(result.steps[1]?.evidence?.[0]).toBe('words on port 0xe9')
  expect(run('--tap').stdout).toContain('not ok 2 - expect "all is well"')
})

test('a crash fails it, whatever was seen before', () => {
  config('panic', [{ screen: STRANGER, points: 1 }])
  const { stdout, stderr, status } = run()
  expect(stdout).toMatch(/^✓ screen "Kernel of a stranger"/m)
  expect(stderr).toContain('the guest panicked on its screen: Kernel panic: no root')
  expect(stderr).toContain('failed 1 of 1 expectations')
  expect(status).toBe(1)
})

test('an exit code that means failure fails it, also right after the last step', () => {
  writeFileSync(join(folder, 'exits.elf'), testKernel('all is well\n', { exit: 50 }))
  const exitCodes = { 50: { verdict: 'failed', meaning: 'out of memory' } }
  const kernel = { image: 'exits.elf', test: [{ expect: 'all is well' }], exitCodes }
  const machines = { default: { memory: '64M', debugExit: true } }
  writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify({ kernel, machines }))
  const { stdout, stderr, status } = run()
  expect(stdout).toMatch(/^✓ expect "all is well" · on the console/m)
  expect(stderr).toContain('out of memory')
  expect(status).toBe(1)
})

test('what was on the screen before keys were pressed does not answer them', () => {
  config('keys', [{ screen: STRANGER }, { keys: 'a' }, { screen: STRANGER, timeout: '500ms' }])
  const { steps } = testJson.parse(JSON.parse(run('--json').stdout))
  expect(steps.map((step) => step.result)).toEqual(['passed', 'done', 'failed'])
})

const resultsOf = () => testJson.parse(JSON.parse(run('--json').stdout)).steps

test('the echo of what was typed is no answer', () => {
  const prompt = { expect: '$ ' }
  config('shell', [prompt, { type: 'say hello\n' }, { match: 'hello' }, { expect: '$ ' }])
  expect(resultsOf().map((step) => step.result)).toEqual(['passed', 'done', 'passed', 'passed'])
  const wait = { timeout: '2s' }
  config('shell', [prompt, { type: 'do not say hello\n' }, { expect: 'hello', ...wait }])
  expect(resultsOf()[2]).toMatchObject({
    result: 'failed',
    because:
      'the guest did not show "hello" within 2.0 s of the guest’s time, except as the echo of what was typed',
  })
  config('shell', [prompt, { type: 'do not say hello\n' }, { match: '.*say', ...wait }])
  expect(resultsOf()[2]?.result).toBe('failed')
  config('shell', [prompt, { type: 'hello\n' }, { expect: 'hello', echo: true, name: 'echoes' }])
  expect(resultsOf()[2]?.result).toBe('passed')
})

test('a line that the kernel shows on console and screen is one message', () => {
  config('both', [{ expect: 'prompt>' }, { screen: 'prompt>' }, { expect: 'prompt>', timeout: '500ms' }])
  const { stdout, status } = run()
  expect(stdout).toMatch(/^✓ expect "prompt>" · on the (console|screen)/m)
  expect(stdout).toMatch(/^✓ screen "prompt>" · on the screen/m)
  expect(stdout).toMatch(/^✗ expect "prompt>"/m)
  expect(status).toBe(1)
})

test('a line that goes on is not taken for its beginning', () => {
  config('in-pieces', [{ match: '^failures: 0$', timeout: '1500ms' }])
  expect(run().status).toBe(1)
  config('in-pieces', [{ match: '^failures: 07$' }])
  expect(run().status).toBe(0)
})

test('a power-off right after the last step does not fail it', () => {
  config('says-off', [{ expect: 'all is well' }])
  const { stdout, status } = run()
  expect({ stdout, status }).toMatchObject({ status: 0 })
})

test('a panic right after the last step fails it', () => {
  config('late-panic', [{ expect: 'all is well' }])
  const { stdout, stderr, status } = run()
  expect(stdout).toMatch(/^✓ expect "all is well"/m)
  expect(stderr).toContain('GUEST_CRASHED')
  expect(status).toBe(1)
})

test('nor is the echo of keys on the screen', () => {
  config('keys', [{ screen: '>' }, { keys: 'Hello' }, { expect: 'Hello', timeout: '2s' }])
  expect(resultsOf()[2]?.result).toBe('failed')
  config('keys', [{ screen: '>' }, { keys: 'Hello' }, { expect: 'Hello', echo: true }])
  expect(resultsOf()[2]?.result).toBe('passed')
})

test('a guest that halts with interrupts off is not waited for', () => {
  config('text', [{ screen: STRANGER }, { expect: 'all is well', timeout: '10h' }])
  expect(resultsOf()[1]).toMatchObject({
    result: 'failed',
    because: 'the guest halted with interrupts off before it showed "all is well"',
  })
})

test('words of the firmware do not count', () => {
  config('text', [{ screen: 'SeaBIOS', timeout: '500ms' }])
  expect(run().status).toBe(1)
})

test('words of a boot that failed do not count', () => {
  writeFileSync(join(folder, 'empty.img'), Buffer.alloc(1_474_560))
  const kernel = { floppy: 'empty.img', test: [{ expect: 'not a bootable disk', timeout: '3s' }] }
  const machines = { default: { memory: '64M' } }
  writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify({ kernel, machines }))
  const { stdout, status } = run()
  expect(stdout).toMatch(/^✗ expect "not a bootable disk"/m)
  expect(stdout).toContain('Boot failed: not a bootable disk')
  expect(status).toBe(1)
})

test('the title of a menu of GRUB does not count, and what is printed after it does', () => {
  const iso = isoOf(folder, 'menu', [
    'serial',
    'terminal_output serial',
    'set timeout=1',
    "menuentry 'ALL PASSED' {",
    '  echo entry runs',
    '  sleep 1',
    '  halt',
    '}',
  ])
  const machines = { default: { memory: '128M', timeout: '5m' } }
  for (const [text, exitCode] of [
    ['ALL PASSED', 1],
    ['entry runs', 0],
  ] as const) {
    const kernel = { iso, test: [{ expect: text, timeout: '5m' }] }
    writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify({ kernel, machines }))
    const { stdout, status } = run()
    expect({ status, stdout }).toMatchObject({ status: exitCode })
  }
})

test('a menu is what keys are pressed in, and proves nothing itself', () => {
  const iso = isoOf(folder, 'waits', [
    'set timeout=-1',
    "menuentry 'ALL PASSED' {",
    '  echo entry runs',
    '  sleep 1',
    '  halt',
    '}',
  ])
  const machines = { default: { memory: '128M', timeout: '5m' } }
  const tested = (...steps: readonly object[]) => {
    const kernel = { iso, test: steps.map((step) => ('keys' in step ? step : { ...step, timeout: '5m' })) }
    writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify({ kernel, machines }))
    return run('--junit', 'results.xml')
  }
  const enter = { keys: '<enter>' }
  const { stdout, stderr, status } = tested({ screen: 'ALL PASSED' }, enter, { screen: 'entry runs' })
  expect(stdout).toMatch(/^· screen "ALL PASSED"/m)
  expect(stderr).toContain('passed 1 of 1 expectations')
  expect(status).toBe(0)
  expect(readFileSync(join(folder, 'results.xml'), 'utf8')).not.toContain('<failure')
})

test('keys alone prove nothing, and a report that cannot be written is said', () => {
  config('text', [{ keys: 'a' }])
  expect(run().stderr).toContain('at least one step has to expect something')
  config('text', [{ screen: STRANGER }])
  const { stderr, status } = run('--junit', 'missing/results.xml')
  expect(stderr).toContain('error OPTION_FILE_NOT_WRITTEN  at --junit')
  expect(status).toBe(2)
})

test('says when there is nothing to test', () => {
  writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify({ kernel: { image: 'draw.elf' } }))
  const { stderr, status } = run()
  expect(stderr).toContain('error TEST_MISSING')
  expect(status).toBe(2)
  expect(() => execFileSync(process.execPath, [BIN, 'test', '--help'])).not.toThrow()
})
