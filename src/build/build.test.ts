import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import type { BringupError } from '../diagnostics.ts'
import { type BuildEvent, type BuildRequest, runBuild } from './build.ts'
import type { BuildGraph, BuildTarget, CommandAction } from './graph.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup build '))
afterAll(() => rmSync(home, { recursive: true }))
let folder = home
let count = 0
beforeEach(() => {
  folder = join(home, `project ${count++}`)
  mkdirSync(folder)
})

const node = (program: string, ...args: readonly string[]): CommandAction => ({
  kind: 'command',
  argv: [process.execPath, '-e', program, ...args],
})
const target = (id: string, action: CommandAction, more: Partial<BuildTarget> = {}): BuildTarget => ({
  id,
  summary: id,
  actions: [action],
  ...more,
})
const build = (graph: BuildGraph, more: Partial<BuildRequest> = {}) =>
  runBuild({
    graph,
    folder,
    buildFolder: join(folder, '.bringup/build'),
    jobs: 4,
    signal: new AbortController().signal,
    ...more,
  })
const states = (result: Awaited<ReturnType<typeof build>>) =>
  Object.fromEntries(result.targets.map((t) => [t.id, t.state]))

test('independent targets run at the same time, what needs them after both', async () => {
  // Each of the two waits until the other has begun: one after the other would never end.
  const meet = `
    const fs = require('node:fs'); const [mine, other] = process.argv.slice(1)
    fs.writeFileSync(mine, '')
    if (fs.existsSync(other)) process.exit()
    fs.watch('.', () => { if (fs.existsSync(other)) process.exit() })
    if (fs.existsSync(other)) process.exit()`
  const last = node(
    `for (const f of ['a', 'b']) require('node:fs').statSync(f); require('node:fs').writeFileSync('c', '')`,
  )
  const graph = {
    targets: [
      target('c', last, { needs: ['a', 'b'], outputs: ['c'] }),
      target('a', node(meet, 'a', 'b')),
      target('b', node(meet, 'b', 'a')),
    ],
  }
  const result = await build(graph)
  expect(result).toMatchObject({ result: 'built', diagnostics: [], executor: 'this computer' })
  expect(states(result)).toEqual({ a: 'built', b: 'built', c: 'built' })
  expect(result.targets[2]).toMatchObject({ commands: [{ exitCode: 0 }], outputs: [join(folder, 'c')] })
})

test('never more targets at once than jobs', async () => {
  const events: BuildEvent[] = []
  const ids = ['a', 'b', 'c']
  await build(
    { targets: ids.map((id) => target(id, node('console.log(1)'))) },
    { jobs: 1, onEvent: (e) => void events.push(e) },
  )
  const order = events.filter((e) => e.kind === 'start' || e.kind === 'end')
  expect(order.map((e) => [e.kind, 'target' in e && e.target])).toEqual(
    ids.flatMap((id) => [
      ['start', id],
      ['end', id],
    ]),
  )
})

test('commands get their folder, their environment, and words with anything in them', async () => {
  mkdirSync(join(folder, 'sub folder'))
  const action: CommandAction = {
    ...node(
      'console.log(process.cwd()); console.error(process.env.X, process.env.HOME, process.argv[1])',
      '$HOME; `x`',
    ),
    cwd: 'sub folder',
    env: { X: 'a b', HOME: null },
  }
  const output: string[] = []
  await build(
    { targets: [target('a', action)] },
    { onEvent: (e) => void (e.kind === 'output' && output.push(`${e.chunk}`)) },
  )
  expect(output.join('')).toContain(`${join(folder, 'sub folder')}\n`)
  expect(output.join('')).toContain('a b undefined $HOME; `x`\n')
  expect(readFileSync(join(folder, '.bringup/build/log/a.log'), 'utf8')).toBe(output.join(''))
})

test('a failure ends the others, skips what needs it, and is told with its whole output', async () => {
  const words = `for (let i = 0; i < 3000; i++) console.error('line ' + i); process.exitCode = 3`
  const forever = node(`require('node:fs').writeFileSync('begun', ''); setInterval(() => {}, 1000)`)
  const fail = node(`const fs = require('node:fs')
    const go = () => { if (fs.existsSync('begun')) { clearInterval(t); ${words} } }
    const t = setInterval(go, 5)`)
  const graph = {
    targets: [target('long', forever), target('bad', fail), target('after', node(''), { needs: ['bad'] })],
  }
  const result = await build(graph)
  expect(result.result).toBe('failed')
  expect(states(result)).toEqual({ long: 'interrupted', bad: 'failed', after: 'skipped' })
  expect(result.diagnostics).toHaveLength(1)
  expect(result.diagnostics[0]).toMatchObject({ code: 'BUILD_COMMAND_FAILED', path: 'bad' })
  expect(result.diagnostics[0]?.what).toContain('exit code 3')
  expect(result.diagnostics[0]?.evidence).toHaveLength(3000)
})

test('with keepsGoing, what does not need a failed target is built all the same', async () => {
  const graph = {
    targets: [
      target('bad', node('process.exit(1)')),
      target('after', node(''), { needs: ['bad'] }),
      target('good', node('')),
    ],
  }
  expect(states(await build(graph, { jobs: 1, keepsGoing: true }))).toEqual({
    bad: 'failed',
    after: 'skipped',
    good: 'built',
  })
  expect(states(await build(graph, { jobs: 1 }))).toEqual({
    bad: 'failed',
    after: 'skipped',
    good: 'skipped',
  })
})

test('programs that are missing are told all at once, with the package, before anything runs', async () => {
  const first = target('first', node(`require('node:fs').writeFileSync('ran', '')`))
  const command = (argv: readonly [string, ...string[]]): CommandAction => ({ kind: 'command', argv })
  const graph: BuildGraph = {
    targets: [first, target('x', command(['no-such-tool'])), target('y', command(['nor-this', '-v']))],
    packages: { 'nor-this': { debian: 'this', fedora: 'this', arch: 'this', suse: 'this', alpine: 'this' } },
  }
  const error: unknown = await build(graph).catch((e: unknown) => e)
  expect((error as BringupError).diagnostics.map((d) => d.code)).toEqual([
    'BUILD_TOOL_MISSING',
    'BUILD_TOOL_MISSING',
  ])
  expect((error as BringupError).diagnostics[0]?.what).toBe(
    'there is no "no-such-tool" in PATH; target x runs it',
  )
  expect((error as BringupError).diagnostics[1]?.remedy).toMatch(/ this$/)
  expect(existsSync(join(folder, 'ran'))).toBe(false)
})

test('what the tools of a build need is looked for before anything runs', async () => {
  const graph: BuildGraph = {
    targets: [target('first', node(`require('node:fs').writeFileSync('ran', '')`))],
    requires: [
      { program: 'no-such-flex', why: 'the kernel’s build needs it', packages: { debian: 'flex' } },
      { file: '/usr/include/no-such.h', why: 'the kernel’s build needs it' },
      { program: 'node', why: 'is here' },
    ],
  }
  const setupCommand = 'bringup setup build --profile linux'
  const error: unknown = await build(graph, { setupCommand }).catch((e: unknown) => e)
  expect((error as BringupError).diagnostics.map(({ what }) => what)).toEqual([
    'there is no "no-such-flex" in PATH; the kernel’s build needs it',
    'there is no /usr/include/no-such.h; the kernel’s build needs it',
  ])
  expect((error as BringupError).diagnostics[0]?.remedy).toContain('`bringup setup build --profile linux`')
  expect(existsSync(join(folder, 'ran'))).toBe(false)
})

test('an output that is not there fails the target; so does a folder that is not', async () => {
  const result = await build(
    {
      targets: [
        target('a', node(''), { outputs: ['nothing'] }),
        target('b', { ...node(''), cwd: 'nowhere' }),
        target('c', { kind: 'command', argv: ['./not-there'] }),
      ],
    },
    { keepsGoing: true },
  )
  expect(result.diagnostics.map((d) => d.code)).toEqual(
    expect.arrayContaining(['BUILD_OUTPUT_MISSING', 'BUILD_FOLDER_MISSING', 'BUILD_COMMAND_FAILED']),
  )
  expect(states(result)).toEqual({ a: 'failed', b: 'failed', c: 'failed' })
})

test('a full disk is called one', async () => {
  const result = await build({
    targets: [target('a', node(`require('node:fs').writeFileSync('/dev/full', 'x')`))],
  })
  expect(result.diagnostics.map((d) => d.code)).toEqual(['BUILD_COMMAND_FAILED', 'BUILD_DISK_FULL'])
})

test('a complete target is made again when an input, an output or its description has changed, and only then', async () => {
  writeFileSync(join(folder, 'in'), 'one')
  const copy = (word = ''): BuildGraph => ({
    targets: [
      target('copy', node(`const fs = require('node:fs'); fs.copyFileSync('in', 'out')`, word), {
        inputs: ['in'],
        outputs: ['out'],
        isComplete: true,
      }),
    ],
  })
  const state = async (graph = copy()) => states(await build(graph)).copy
  expect(await state()).toBe('built')
  expect(await state()).toBe('current')
  utimesSync(join(folder, 'in'), 1, 1)
  expect(await state()).toBe('current')
  writeFileSync(join(folder, 'in'), 'two')
  expect(await state()).toBe('built')
  expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('two')
  writeFileSync(join(folder, 'out'), 'changed by hand')
  expect(await state()).toBe('built')
  rmSync(join(folder, 'out'))
  expect(await state()).toBe('built')
  expect(await state(copy('other'))).toBe('built')
})

test('a tree holds exactly its files; what is not its own is not deleted', async () => {
  writeFileSync(join(folder, 'kernel'), 'k')
  const tree = (files: Record<string, { from: string } | { content: string }>): BuildGraph => ({
    targets: [{ id: 'esp', summary: '', actions: [{ kind: 'tree', to: 'esp', files }] }],
  })
  const both = tree({ 'EFI/BOOT/BOOTX64.EFI': { from: 'kernel' }, 'a/cmdline.in': { content: 'log=info' } })
  expect(states(await build(both))).toEqual({ esp: 'built' })
  expect(states(await build(both))).toEqual({ esp: 'current' })
  expect(states(await build(tree({ 'EFI/BOOT/BOOTX64.EFI': { from: 'kernel' } })))).toEqual({ esp: 'built' })
  expect(existsSync(join(folder, 'esp/a'))).toBe(false)
  writeFileSync(join(folder, 'esp/mine'), 'precious')
  const result = await build(tree({ 'EFI/BOOT/BOOTX64.EFI': { from: 'kernel' } }))
  expect(result.diagnostics).toMatchObject([
    { code: 'BUILD_TREE_FOREIGN', evidence: [join(folder, 'esp/mine')] },
  ])
  expect(readFileSync(join(folder, 'esp/mine'), 'utf8')).toBe('precious')
})

test('an image is made of what other targets made, and only when that has changed', async () => {
  const graph = (text: string): BuildGraph => ({
    targets: [
      {
        id: 'disk',
        summary: '',
        needs: ['kernel'],
        actions: [
          {
            kind: 'image',
            to: 'out/disk.img',
            image: { kind: 'raw', pieces: [{ source: { from: 'kernel' }, at: 512 }] },
          },
        ],
      },
      { id: 'kernel', summary: '', actions: [{ kind: 'file', to: 'kernel', source: { content: text } }] },
    ],
  })
  expect(states(await build(graph('one')))).toEqual({ kernel: 'built', disk: 'built' })
  expect(states(await build(graph('one')))).toEqual({ kernel: 'current', disk: 'current' })
  expect(states(await build(graph('two')))).toEqual({ kernel: 'built', disk: 'built' })
  expect(readFileSync(join(folder, 'out/disk.img')).subarray(512, 515).toString()).toBe('two')
})

test('a file that cannot be written is a finding, not a bug', async () => {
  writeFileSync(join(folder, 'out'), 'a file where a folder should be')
  const graph: BuildGraph = {
    targets: [
      { id: 'a', summary: '', actions: [{ kind: 'file', to: 'out/file', source: { content: 'x' } }] },
    ],
  }
  expect((await build(graph)).diagnostics).toMatchObject([{ code: 'BUILD_WRITE_FAILED', path: 'a' }])
  await expect(build(graph, { buildFolder: join(folder, 'out/build') })).rejects.toMatchObject({
    code: 'BUILD_WRITE_FAILED',
  })
})

test('a line that a tool has dropped fails the target', async () => {
  writeFileSync(join(folder, '.config'), 'CONFIG_A=y\n# CONFIG_B is not set\n')
  const check = (...lines: readonly string[]): BuildGraph => ({
    targets: [
      { id: 'a', summary: '', actions: [{ kind: 'check', file: '.config', lines, remedy: 'think' }] },
    ],
  })
  expect(await build(check('CONFIG_A=y'))).toMatchObject({ result: 'built' })
  expect((await build(check('CONFIG_A=y', 'CONFIG_B=y'))).diagnostics).toMatchObject([
    { code: 'BUILD_CHECK_FAILED', remedy: 'think', evidence: ['CONFIG_B=y'] },
  ])
})

/** A command that starts another, says both pids, and neither ends by itself. */
const FAMILY = `
  const { spawn } = require('node:child_process')
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  console.log(process.pid + ' ' + child.pid)
  setInterval(() => {}, 1000)`

test('an interrupt ends the command and what it has started', async () => {
  const controller = new AbortController()
  let pids: readonly number[] = []
  const result = await build(
    { targets: [target('a', node(FAMILY))] },
    {
      signal: controller.signal,
      onEvent: (e) => {
        if (e.kind !== 'output') return
        pids = `${e.chunk}`.trim().split(' ').map(Number)
        controller.abort()
      },
    },
  )
  expect(result.result).toBe('interrupted')
  expect(pids).toHaveLength(2)
  await Promise.all(pids.map(gone))
})

/** Runs a build of FAMILY in a process of its own. */
function buildElsewhere(): { readonly child: ChildProcess; readonly pids: Promise<readonly number[]> } {
  const script = `
    const { createJiti } = await import('jiti')
    const { runBuild } = await createJiti(${JSON.stringify(import.meta.url)}).import('./build.ts')
    await runBuild({
      graph: { targets: [{ id: 'a', summary: '', actions: [{ kind: 'command', argv: [process.execPath, '-e', ${JSON.stringify(FAMILY)}] }] }] },
      folder: ${JSON.stringify(folder)}, buildFolder: ${JSON.stringify(join(folder, '.bringup/build'))}, jobs: 1,
      signal: new AbortController().signal,
      onEvent: (e) => { if (e.kind === 'output') process.stdout.write(e.chunk) },
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = once(createInterface({ input: child.stdout }), 'line')
  return { child, pids: line.then(([text]) => String(text).split(' ').map(Number)) }
}

test('a second build waits for the first; SIGKILL of bringup leaves nothing running, and frees the lock', async () => {
  const { child, pids } = buildElsewhere()
  const running = await pids
  const holders: string[] = []
  const second = build(
    { targets: [target('b', node(''))] },
    {
      onEvent: (e) => {
        if (e.kind !== 'waiting') return
        holders.push(e.holder)
        child.kill('SIGKILL')
      },
    },
  )
  expect(await second).toMatchObject({ result: 'built' })
  expect(holders).toHaveLength(1)
  await Promise.all(running.map(gone))
})

/** Resolves when that process has ended: pid files of /proc disappear with it. */
async function gone(pid: number): Promise<void> {
  await expect.poll(() => isRunning(pid), { timeout: 150_000, interval: 10 }).toBe(false)
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('programs that `setup` put into folders of this user’s are run, and found by each other', async () => {
  const data = join(folder, 'data')
  vi.stubEnv('XDG_DATA_HOME', data)
  for (const [room, name, text] of [
    ['npm', 'own-tool', 'own-helper'],
    ['python', 'own-helper', 'echo helped'],
  ] as const) {
    mkdirSync(join(data, 'bringup', room, 'bin'), { recursive: true })
    writeFileSync(join(data, 'bringup', room, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  }
  const result = await build({ targets: [target('a', { kind: 'command', argv: ['own-tool'] })] })
  vi.unstubAllEnvs()
  expect(states(result)).toEqual({ a: 'built' })
  expect(readFileSync(join(folder, '.bringup/build/log/a.log'), 'utf8')).toContain('helped\n')
})
