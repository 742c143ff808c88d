import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { buildJson } from '../../src/cli/shapes.ts'
import { testKernel } from '../support/test-kernel.ts'

/** `bringup build` as a person meets it: prefixes, failures, Ctrl-C, SIGKILL, nothing to do. */
const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup build cli '))
afterAll(() => rmSync(home, { recursive: true }))

/** A project whose profile has these targets: `{ id: [needs, program for node] }`. */
function project(
  name: string,
  targets: Readonly<Record<string, readonly [needs: readonly string[], program: string]>>,
) {
  const folder = join(home, name)
  mkdirSync(folder)
  const graph = Object.entries(targets).map(([id, [needs, program]]) => ({
    id,
    summary: `target ${id}`,
    needs,
    actions: [{ kind: 'command', argv: [process.execPath, '-e', program] }],
  }))
  const text = `import { bare } from './bare.mjs'
    export default { profile: 'mine', profiles: [{ ...bare, name: 'mine', build: () => ({ targets: ${JSON.stringify(graph)} }) }] }`
  writeFileSync(join(folder, 'bringup.config.mjs'), text)
  writeFileSync(join(folder, 'kernel.elf'), testKernel('ready\n', 'hang'))
  writeFileSync(
    join(folder, 'bare.mjs'),
    `export const bare = { summary: '', defaults: {}, hasShell: false, verifiesByDefault: false,
      judgement: { exitCodes: {}, panicPatterns: [], onPowerOff: 'passed', onReset: 'stop' }, prepare: async () => ({ machine: { boot: { kernel: 'kernel.elf' } } }) }`,
  )
  return folder
}

const bringup = (cwd: string, ...argv: readonly string[]) =>
  spawnSync(process.execPath, [bin, ...argv], { cwd, encoding: 'utf8' })

test('every line says which target it is of; the failure comes last, whole', () => {
  const folder = project('two', {
    lib: [[], `console.log('one\\ntwo'); process.stdout.write('no end')`],
    app: [['lib'], `console.error('this is wrong'); process.exitCode = 4`],
    disk: [['app'], ''],
  })
  const { status, stdout, stderr } = bringup(folder, 'build')
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toContain('lib │ one\nlib │ two\nlib │ no end\napp │ this is wrong\n')
  expect(stderr).toMatch(
    /built {7}lib [\d.]+ s\nfailed {6}app [\d.]+ s\nskipped {5}disk\n\nerror BUILD_COMMAND_FAILED {2}at app\n/,
  )
  expect(stderr).not.toContain('\u001b[')
  const again = buildJson.parse(JSON.parse(bringup(folder, 'build', 'lib', '--json').stdout))
  expect(again).toMatchObject({ result: 'built', targets: [{ id: 'lib', state: 'built' }] })
  expect(readFileSync(join(folder, '.bringup/build/log/app.log'), 'utf8')).toBe('this is wrong\n')
})

test('--no-build says that an output is older than what it is built from', () => {
  const folder = project('outdated', {})
  const target = {
    ...{ id: 'kernel', summary: 'the kernel', inputs: ['src'], outputs: ['kernel.elf'] },
    actions: [{ kind: 'command', argv: [process.execPath, '-e', ''] }],
  }
  const config = join(folder, 'bringup.config.mjs')
  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace('targets: []', `targets: [${JSON.stringify(target)}]`),
  )
  const source = join(folder, 'src', 'main.S')
  mkdirSync(join(folder, 'src'))
  writeFileSync(source, 'nop')
  const run = () => bringup(folder, 'run', '--no-build', '--until', 'ready')
  utimesSync(source, 1000, 1000)
  expect(run()).toMatchObject({ status: 0, stderr: expect.not.stringContaining('BUILD_OUTDATED') })
  utimesSync(join(folder, 'kernel.elf'), 500, 500)
  expect(run()).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(
      /warning BUILD_OUTDATED .*\n {2}kernel\.elf of target "kernel" is older than src\/main\.S/,
    ),
  })
})

test('wrong words are refused before anything runs', () => {
  const folder = project('words', { kernel: [[], `require('node:fs').writeFileSync('ran', '')`] })
  const refused = (...argv: readonly string[]) => {
    const { status, stderr } = bringup(folder, 'build', ...argv)
    expect(status).toBe(2)
    return stderr
  }
  expect(refused('kernle')).toContain('did you mean "kernel"?')
  expect(refused('--jobs', '0')).toContain('--jobs wants a positive whole number, not "0"')
  expect(refused('--relase')).toContain("unknown option '--relase'")
  expect(refused('--profile', 'nobody')).toContain('PROFILE_UNKNOWN')
  expect(() => readFileSync(join(folder, 'ran'))).toThrow()
})

test('a profile without a build has nothing to do', () => {
  const folder = join(home, 'empty')
  mkdirSync(folder)
  const { status, stderr } = bringup(folder, 'build')
  expect(status).toBe(0)
  expect(stderr).toContain('Nothing to build: profile probe')
  expect(buildJson.parse(JSON.parse(bringup(folder, 'build', '--json').stdout))).toEqual({
    profile: 'probe',
    targets: [],
  })
})

/** A child, and one that leaves its session, its environment, its output and its parent. */
const FAMILY = `
  const { execFileSync, spawn } = require('node:child_process')
  const { readFileSync } = require('node:fs')
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  const away = 'echo $$ > away; exec sleep 100000'
  execFileSync('env', ['-i', 'PATH=/usr/bin:/bin', 'setsid', '--fork', 'sh', '-c', away], { stdio: 'ignore' })
  const look = () => {
    try {
      const pid = readFileSync('away', 'utf8').trim()
      if (pid !== '') return console.log('pids ' + process.pid + ' ' + child.pid + ' ' + pid)
    } catch {}
    setTimeout(look, 10)
  }
  look()
  setInterval(() => {}, 1000)`

/** A build that never ends by itself, and the processes that it is. */
async function running(folder: string, ...argv: readonly string[]) {
  const child: ChildProcess = spawn(process.execPath, [bin, ...argv], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (!child.stderr) throw new Error('no stderr')
  const lines = createInterface({ input: child.stderr })
  for await (const line of lines) {
    const [, ...pids] = /pids (\d+) (\d+) (\d+)/.exec(line) ?? []
    if (pids.length > 0) return { child, pids: pids.map(Number) }
  }
  throw new Error('the build ended')
}

test.each([
  ['build', 'SIGINT'],
  ['run', 'SIGTERM'],
  ['build', 'SIGKILL'],
] as const)('%s that gets %s leaves nothing running', async (command, signal) => {
  const folder = project(`${command} ${signal}`, { forever: [[], FAMILY] })
  const { child, pids } = await running(folder, command)
  child.kill(signal)
  const [code] = await once(child, 'exit')
  if (signal !== 'SIGKILL') expect(code).toBe(130)
  for (const pid of pids)
    await expect.poll(() => isRunning(pid), { timeout: 1_000_000, interval: 10 }).toBe(false)
})

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
