/** `bringup state save` and `state fork`: a guest that was filled once, and copies of it by command. */
import { execFile } from 'node:child_process'
import { appendFileSync, chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { killWhenStuck } from '../support/progress.ts'

const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'bringup named states, '))
afterAll(async () => {
  for (const run of ['db', 'copy']) await bringup('stop', run).catch(() => {})
  rmSync(project, { recursive: true, force: true })
})

async function bringup(...argv: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const done = promisify(execFile)(process.execPath, [bin, ...argv], { cwd: project })
  killWhenStuck(done.child, 300)
  return done
}

/** What a command that fails has printed. */
const failure = (...argv: readonly string[]) =>
  bringup(...argv).then(
    () => expect.unreachable(),
    (error: { code: number; stderr: string }) => error,
  )

test('a guest without a command channel is forked without a command only', async () => {
  await bringup(
    'run',
    '-d',
    '--name',
    'copy',
    '--memory',
    '64M',
    '--append',
    'ready-hang',
    '--timeout',
    '20m',
  )
  const here = join(project, 'here')
  writeFileSync(here, 'text')
  expect(await failure('cp', here, ':/tmp/there', '--run', 'copy')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`cannot receive ${here}`),
  })
  await bringup('state', 'save', 'copy', '--name', 'bare')
  expect(await failure('state', 'fork', 'bare', '--', 'true')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('PROFILE_HAS_NO_SHELL'),
  })
  // The probe has reported before it was saved: that text is no pass of the fork.
  const late = ['--until', '"probe"', '--timeout', '2s']
  expect(await failure('state', 'fork', 'bare', ...late)).toMatchObject({ code: 124 })
  await bringup('stop', 'copy').catch(() => {})
})

test('a state that does not exist is named as such, with those there are', async () => {
  expect(await failure('state', 'fork', 'nosuch', '--', 'true')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/STATE_UNKNOWN.*"nosuch".*named states: bare/s),
  })
  expect(await failure('state', 'fork', 'bare', '--timeout', 'soon')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('"soon" is not a time'),
  })
})

test('a guest of a background run is saved under a name, and forked as often as wanted', async () => {
  const machine = ['--memory', '128M', '--nvdimm', '64M,id=pm0', '--timeout', '20m']
  await bringup('run', '-d', '--name', 'db', '--profile', 'linux', ...machine)
  const fill = 'echo filled >/tmp/seed; echo stored | dd of=/dev/pmem0 bs=512 count=1 conv=sync,fsync 2>&1'
  await bringup('exec', 'db', '--', 'sh', '-c', fill)
  const { stdout } = await bringup('state', 'save', 'db', '--name', 'filled', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ name: 'filled' })
  expect(await failure('state', 'save', 'db', '--name', 'filled')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('STATE_NAME_TAKEN'),
  })

  // The saved guest continues, and its store is its own.
  await bringup('exec', 'db', '--', 'sh', '-c', 'echo gone >/tmp/seed')
  const look = 'cat /tmp/seed; head -n 1 /dev/pmem0; echo mine >/tmp/seed; exit 7'
  for (let i = 0; i < 2; i++) {
    const fork = await bringup('state', 'fork', 'filled', '--', 'sh', '-c', look).catch((error) => error)
    expect(fork).toMatchObject({ code: 7, stdout: 'filled\nstored\n' })
  }
  const wanted = ['--until', '1 + 1 = 2', '--', 'sh', '-c', 'echo 1 + 1 = 2 >/dev/console']
  await bringup('state', 'fork', 'filled', ...wanted)
  expect(await failure('state', 'fork', 'filled', '--until', '1 + 1 = 3', '--', 'true')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('showed "1 + 1 = 3"'),
  })
  // Its code is not that of the command.
  const killShell =
    'for p in /proc/[0-9]*; do [ "$(readlink $p/fd/0)" = /dev/ttyS0 ] && kill -9 $(basename $p); done; sleep 1000'
  expect(await failure('state', 'fork', 'filled', '--', 'sh', '-c', killShell)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('COMMAND_NOT_ENDED'),
  })
  expect((await bringup('exec', 'db', '--', 'cat', '/tmp/seed')).stdout).toBe('gone\n')
  expect((await bringup('state', 'list')).stdout).toMatch(/^filled +\S+ +linux/m)
  await bringup('stop', 'db')
  expect((await bringup('state', 'fork', 'filled', '--', 'cat', '/tmp/seed')).stdout).toBe('filled\n')

  // A fork that stays is saved like any other guest, and forks of it do not need the first state.
  await bringup('state', 'fork', 'filled', '-d', '--name', 'copy')
  const change = 'echo changed >/tmp/seed; echo anew | dd of=/dev/pmem0 bs=512 count=1 conv=sync,fsync 2>&1'
  await bringup('exec', 'copy', '--', 'sh', '-c', change)
  await bringup('state', 'save', 'copy', '--name', 'changed')
  expect((await failure('state', 'rm', 'filled')).stderr).toContain('STATE_IN_USE')
  await bringup('stop', 'copy')
  renameSync(join(project, '.bringup/states/filled'), join(project, 'aside'))
  const both = ['sh', '-c', 'cat /tmp/seed; head -n 1 /dev/pmem0']
  expect((await bringup('state', 'fork', 'changed', '--', ...both)).stdout).toBe('changed\nanew\n')
  renameSync(join(project, 'aside'), join(project, '.bringup/states/filled'))
  expect((await failure('state', 'fork', 'changed', '--on', 'db', '--', 'true')).stderr).toContain(
    'omit --on',
  )

  // Without a command and without a terminal, the fork would wait until its time-out.
  const idle = await failure('state', 'fork', 'filled')
  expect(idle.code).toBe(2)
  expect(idle.stderr).toContain('bringup state fork filled -- COMMAND')

  renameSync(join(project, '.bringup/states/filled'), join(project, '.bringup/states/other'))
  const renamed = await failure('state', 'fork', 'other', '--', 'true')
  expect(renamed.code).toBe(2)
  expect(renamed.stderr).toContain('is the record of another state, filled')
  renameSync(join(project, '.bringup/states/other'), join(project, '.bringup/states/filled'))
  chmodSync(join(project, '.bringup/states'), 0o777)
  expect((await failure('state', 'fork', 'filled', '--', 'true')).stderr).toContain(
    'other users can write to',
  )
  chmodSync(join(project, '.bringup/states'), 0o700)
  expect((await bringup('state', 'fork', 'filled', '--', 'cat', '/tmp/seed')).stdout).toBe('filled\n')

  appendFileSync(join(project, '.bringup/states/filled/fork.json'), ' x')
  expect((await failure('state', 'fork', 'filled', '--', 'true')).stderr).toContain('STATE_UNUSABLE')
  expect((await bringup('state', 'rm', 'filled')).stdout).toContain('filled')
  expect((await failure('state', 'fork', 'filled', '--', 'true')).stderr).toContain(
    'no state was saved under the name "filled"',
  )
})
