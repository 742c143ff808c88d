/** `plan --json > plan.json; run --plan plan.json`. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, expect, test } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-plan-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bringup = (args: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}) =>
  execa(process.execPath, [BIN, ...args], {
    cwd: folder,
    reject: false,
    env,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  })
const save = (text: string) => writeFileSync(join(folder, 'plan.json'), text, { mode: 0o600 })

test('a saved plan runs as it is, also from standard input and for a rack', async () => {
  const { stdout: plan } = await bringup(['plan', '--json', '--memory', '64M', '--numa', '2', '--cores', '2'])
  save(plan)
  const run = await bringup(['run', '--plan', 'plan.json', '--json'])
  expect(run.exitCode, run.stderr).toBe(0)
  const [guest] = JSON.parse(run.stdout).guests
  expect(guest.result.guest.nodes).toHaveLength(2)
  expect((await bringup(['run', '--plan', '-'], plan)).exitCode).toBe(0)
  const guests = {
    a: { machine: { memory: '64M' }, nics: ['lan'] },
    b: { machine: { memory: '64M' }, after: { a: { ends: 'passed' } } },
  }
  writeFileSync(
    join(folder, 'bringup.config.json'),
    JSON.stringify({ racks: { two: { networks: { lan: {} }, guests } } }),
  )
  save((await bringup(['plan', '--rack', 'two', '--json'])).stdout)
  const rack = await bringup(['run', '--plan', 'plan.json', '--json'])
  expect(JSON.parse(rack.stdout)).toMatchObject({
    verdict: 'passed',
    guests: [{ guest: 'a' }, { guest: 'b' }],
  })
  rmSync(join(folder, 'bringup.config.json'))
})

test('the command after -- is part of the plan', { timeout: 600_000 }, async () => {
  const machine = ['--profile', 'linux', '--memory', '256M', '--', 'sh', '-c', 'echo done; exit 5']
  // What it boots is made by then.
  expect((await bringup(['run', ...machine])).exitCode).toBe(5)
  const words = ['plan', '--json', ...machine]
  save((await bringup(words)).stdout)
  const { stdout, exitCode } = await bringup(['run', '--plan', 'plan.json'])
  expect([stdout, exitCode]).toEqual(['done', 5])
  const other = await bringup(['run', '--plan', 'plan.json', '--', 'false'])
  expect([other.exitCode, other.stdout, other.stderr]).toEqual([
    2,
    '',
    expect.stringContaining('the command is part of the plan'),
  ])
})

test('a plan that waits for work is refused, and says what to do', async () => {
  const env = { XDG_CACHE_HOME: join(folder, 'empty') }
  save((await bringup(['plan', '--json', '--profile', 'linux', '--', 'uname', '-r'], undefined, env)).stdout)
  const { exitCode, stdout, stderr } = await bringup(['run', '--plan', 'plan.json'], undefined, env)
  expect([exitCode, stdout]).toEqual([2, ''])
  expect(stderr).toContain('error PLAN_PENDING')
  expect(stderr).toContain('the kernel, unpacked from its package')
  expect(stderr).not.toContain('BOOT_FILE_MISSING')
})

test('a plan that no longer fits says what has changed, and starts nothing', async () => {
  const words = ['plan', '--json', '--memory', '64M', '--nvdimm', '16M,file=pm.img']
  save((await bringup(words)).stdout)
  writeFileSync(join(folder, 'pm.img'), Buffer.alloc(16 * 2 ** 20))
  const { exitCode, stderr } = await bringup(['run', '--plan', 'plan.json'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('error PLAN_OUTDATED')
  expect(stderr).toContain('files is different now')
  rmSync(join(folder, 'pm.img'))
  const edited = JSON.parse((await bringup(words)).stdout)
  edited.guests[0].args.push(['-device', 'vmgenid'])
  save(JSON.stringify(edited))
  expect((await bringup(['run', '--plan', 'plan.json'])).stderr).toContain('error PLAN_UNREADABLE')
})

test('what is no plan, or not this user’s alone, is refused', async () => {
  for (const text of ['', '{}', '[1]', '{"name":1,"guests":[]}', 'null']) {
    save(text)
    const { exitCode, stderr } = await bringup(['run', '--plan', 'plan.json'])
    expect([exitCode, stderr], text).toEqual([2, expect.stringContaining('error PLAN_UNREADABLE')])
  }
  save((await bringup(['plan', '--json', '--memory', '64M'])).stdout)
  chmodSync(join(folder, 'plan.json'), 0o666)
  expect((await bringup(['run', '--plan', 'plan.json'])).stderr).toContain('every user can write')
  expect((await bringup(['run', '--plan', 'missing.json'])).stderr).toContain('PLAN_UNREADABLE')
  const both = await bringup(['run', '--plan', 'plan.json', '--memory', '1G'])
  expect([both.exitCode, both.stderr]).toEqual([2, expect.stringContaining('--memory describes one machine')])
  for (const more of [
    ['--rack', 'two'],
    ['--until', 'text'],
    ['--until-regex', 'text'],
    ['--', 'uname', '-r'],
  ]) {
    const { exitCode, stderr } = await bringup(['run', '--plan', 'plan.json', ...more])
    expect([exitCode, stderr], more.join(' ')).toEqual([2, expect.stringContaining('error USAGE')])
  }
})
