/**
 * `npm run test:walk`: the whole way on a computer that has nothing but Node and the packed bringup. doctor, setup with the
 * real apt, init, build, run in a QEMU inside the guest, undo; packages and /etc are the same before and after.
 */
import { afterAll, beforeAll } from 'vitest'
import {
  buildJson,
  doctorJson,
  errorJson,
  initJson,
  operationJson,
  operationsJson,
  runJson,
  setupJson,
} from '../../src/cli/shapes.ts'
import type { CommandResult, Guest } from '../../src/guest/guest.ts'
import { expect, test } from '../../src/testing/index.ts'
import { type FreshTools, packFreshTools } from './fresh-tools.ts'

const MINUTES = 60_000
const HOME = '/opt/walk'
const PROJECT = `${HOME}/my kernel`
const ENV = {
  PATH: `${HOME}/bin:${HOME}/node_modules/.bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: '/root',
  LANG: 'C.UTF-8',
}

/** Everything below /etc with owners, modes and content. */
const ETC = `cd /etc && find . -printf '%p %m %u:%g %y %l\\n' | sort; find . -type f | sort | xargs -d '\\n' sha256sum`
/** Versions, states, who is there for others only; and the folders that packages and bringup keep state in. */
const PACKAGES = `dpkg-query --show --showformat='\${Package} \${Version} \${db:Status-Abbrev}\\n'; apt-mark showauto; ls /var/lib`

let tools: FreshTools
beforeAll(() => {
  tools = packFreshTools()
})
afterAll(() => tools?.[Symbol.dispose]())

const begun = performance.now()
/** It takes minutes: progress is shown. */
function say(text: string): void {
  process.stderr.write(`[${((performance.now() - begun) / 1000).toFixed(0)} s] ${text}\n`)
}

/** A program in the guest; its progress is shown. */
async function run(guest: Guest, argv: readonly string[], cwd = '/root'): Promise<CommandResult> {
  say(`# ${argv.join(' ')}`)
  const onStderr = (chunk: Uint8Array) => void process.stderr.write(chunk)
  const result = await guest.run(argv, { env: ENV, cwd, timeoutMs: 20 * MINUTES, onStderr })
  say(`exit code ${result.exitCode}`)
  return result
}

/** `bringup … --json` in the guest: its exit code and its answer, of the shape that the reference promises. */
async function bringup<T>(
  guest: Guest,
  shape: { parse(value: unknown): T },
  argv: readonly string[],
  cwd?: string,
): Promise<{ readonly exitCode: number; readonly answer: T }> {
  const { stdout, stderr, exitCode } = await run(guest, ['bringup', ...argv, '--json'], cwd)
  process.stderr.write(stdout)
  try {
    return { exitCode, answer: shape.parse(JSON.parse(stdout)) }
  } catch (cause) {
    throw new Error(`bringup ${argv.join(' ')} ended with ${exitCode}\n${stdout}${stderr}`, { cause })
  }
}

async function text(guest: Guest, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await run(guest, ['sh', '-c', script])
  expect(exitCode, stderr).toBe(0)
  return stdout
}

const snapshot = async (guest: Guest) => ({
  packages: await text(guest, PACKAGES),
  etc: await text(guest, ETC),
})

/** The last operation of the journal. */
async function newest(guest: Guest) {
  const { answer } = await bringup(guest, operationsJson, ['operations'])
  return 'operations' in answer ? answer.operations.at(-1) : undefined
}

/** Installs, and finds nothing to do when it is asked again. */
async function setUp(guest: Guest, argv: readonly string[], cwd?: string): Promise<string[]> {
  // Without --json, since that is where apt's progress is.
  const { exitCode, stderr } = await run(guest, ['bringup', 'setup', ...argv, '--yes'], cwd)
  expect(exitCode, stderr).toBe(0)
  expect(await newest(guest)).toMatchObject({ state: 'done' })
  const installed = await snapshot(guest)
  const second = await bringup(guest, operationJson, ['setup', ...argv, '--yes'], cwd)
  expect(second).toMatchObject({ exitCode: 0, answer: { state: 'nothing-to-do', steps: [] } })
  expect(await snapshot(guest)).toEqual(installed)
  return installed.packages.split('\n').map((line) => line.split(' ')[0] ?? '')
}

async function undo(guest: Guest): Promise<void> {
  const undone = await bringup(guest, operationJson, ['undo', '--yes'])
  expect(undone).toMatchObject({ exitCode: 0, answer: { state: 'undone' } })
}

test('doctor, setup, init, build, run, undo: and the computer is what it was', {
  timeout: 40 * MINUTES,
}, async ({ launch }) => {
  const disk = { kind: 'disk', id: 'tools', file: tools.file, format: 'raw' } as const
  const guest = await launch(
    { memory: '2G', cpu: 2, timeout: '40m', boot: { firmware: 'direct' }, devices: [disk] },
    { profile: 'debian' },
  )
  // Units that start late write to /etc, which is not bringup's doing.
  await run(guest, ['systemctl', 'is-system-running', '--wait'])
  await text(guest, `mkdir ${HOME} && tar --extract --file /dev/vdb --directory ${HOME}`)
  const before = await snapshot(guest)
  expect(before.packages).not.toMatch(/^(qemu-system-x86|gcc|make) /m)

  const ill = await bringup(guest, doctorJson, ['doctor'])
  expect(ill).toMatchObject({ exitCode: 2, answer: { isReady: false } })
  const missing = ill.answer.sets.flatMap((s) => s.dependencies).filter((d) => d.state === 'missing')
  expect(missing.map((d) => d.title)).toEqual(
    expect.arrayContaining(['gcc or cc or clang', 'ld', 'qemu-system-x86_64']),
  )
  expect(ill.answer.sets.map((s) => s.fix)).toEqual(['bringup setup build', 'bringup setup run'])
  const listed = await bringup(guest, setupJson, ['setup', '--list'])
  expect(listed.answer.sets.map((s) => s.isComplete)).toEqual([false, false])
  expect(await snapshot(guest)).toEqual(before)

  const installed = await setUp(guest, ['build', 'run'])
  expect(installed).toEqual(expect.arrayContaining(['qemu-system-x86', 'gcc', 'binutils']))
  const well = await bringup(guest, doctorJson, ['doctor'])
  expect(well).toMatchObject({ exitCode: 0, answer: { isReady: true } })

  const written = await bringup(guest, initJson, ['init', '.'], PROJECT)
  expect(written).toMatchObject({ exitCode: 0, answer: { state: 'written', what: 'make project' } })
  const early = await bringup(guest, errorJson, ['build'], PROJECT)
  expect(early.answer.diagnostics.map((d) => d.code)).toEqual(['BUILD_TOOL_MISSING'])
  expect(await setUp(guest, ['build'], PROJECT)).toContain('make')

  // There is no input on its console, so this kernel ends by itself.
  const source = (await guest.readFile(`${PROJECT}/kernel.c`)).toString()
  const greeting = 'say("make-kernel is up\\n> ");'
  expect(source).toContain(greeting)
  await guest.writeFile(`${PROJECT}/kernel.c`, source.replace(greeting, `${greeting}\n  out(DEBUG_EXIT, 0);`))
  const built = await bringup(guest, buildJson, ['build'], PROJECT)
  expect(built).toMatchObject({ exitCode: 0, answer: { result: 'built', targets: [{ id: 'kernel' }] } })
  const own = await bringup(guest, runJson, ['run', '--timeout', '10m'], PROJECT)
  expect(own).toMatchObject({ exitCode: 0, answer: { verdict: 'passed' } })
  expect((await guest.readFile(`${own.answer.guests[0]?.result?.folder}/console.log`)).toString()).toContain(
    'make-kernel is up',
  )

  const probe = await bringup(guest, runJson, ['run', '--profile', 'probe', '--timeout', '10m'], PROJECT)
  expect(probe).toMatchObject({ exitCode: 0, answer: { verdict: 'passed' } })

  await undo(guest)
  await undo(guest)
  expect((await bringup(guest, operationJson, ['undo', '--yes'])).answer.state).toBe('nothing-to-do')
  const after = await snapshot(guest)
  expect(after.packages).toBe(before.packages)
  expect(after.etc).toBe(before.etc)
  say('packages and /etc are what they were')
})
