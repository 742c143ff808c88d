/** The test API as its users meet it: fixtures, matchers, what a failure says, and what does not compile. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Guest } from 'bringup'
import { expect, test, testWithGuestPer } from 'bringup/test'
import { afterAll, describe, expectTypeOf, vi } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-test-api-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const shared = testWithGuestPer('file', { memory: '64M' })

/** A project of a user's: its tests import bringup by its name. */
function vitest(name: string, text: string, config = 'export default {}') {
  symlinkOnce(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const alias = `[
    { find: /^bringup\\/test$/, replacement: ${JSON.stringify(join(root, 'src/testing/index.ts'))} },
    { find: /^bringup$/, replacement: ${JSON.stringify(join(root, 'src/index.ts'))} },
  ]`
  writeFileSync(
    join(folder, 'vitest.config.ts'),
    `import own from './own.config.ts'\nexport default { ...own, resolve: { alias: ${alias} }, server: { fs: { strict: false } } }`,
  )
  writeFileSync(join(folder, 'own.config.ts'), config)
  writeFileSync(join(folder, name), text)
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', name],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1', CI: '1' } },
  )
  return stdout + stderr
}

function symlinkOnce(to: string, at: string): void {
  try {
    symlinkSync(to, at)
  } catch {
    // It is there from the last call.
  }
}

describe('time limits', () => {
  test('a limit that Vitest would set is raised, one of the user stays', () => {
    const text = `
      import { test } from 'bringup/test'
      test('x', () => { console.log('limit', globalThis.__vitest_worker__.config.testTimeout) })`
    expect(vitest('limit.test.ts', text)).toContain('limit 60000')
    const own = vitest('limit.test.ts', text, 'export default { test: { testTimeout: 7000 } }')
    expect(own).toContain('limit 7000')
  })
})

describe('a failure', () => {
  test('of console.expect points at the line of the test, and has its evidence once', () => {
    const shown = vitest(
      'line.test.ts',
      `import { expect, test } from 'bringup/test'
test('waits', async ({ guest }) => {
  await guest.console.expect('what never comes', { timeoutMs: 1 })
})`,
    )
    expect(shown).toContain('CONSOLE_NO_MATCH')
    expect(shown).toMatch(/❯ line\.test\.ts:3:\d+/)
    expect(shown.match(/run folder: /g)).toHaveLength(1)
    expect(shown).not.toContain('-machine')
  })

  test('is a crash that the test did not look at, and not one that it looked at', () => {
    const shown = vitest(
      'crash.test.ts',
      `import { expect, test } from 'bringup/test'
test.override('machine', { memory: '64M', boot: { append: 'panic-hang' }, timeout: '19m' })
test('unseen', async ({ guest }) => { await expect.poll(() => guest.hasEnded, { timeout: 600_000 }).toBe(true) })
test('seen', async ({ guest }) => { await expect(guest).toEnd('crashed') })
test('of a rack', async ({ launchRack, machine }) => {
  const run = await launchRack({ guests: { a: { machine } } })
  await expect.poll(() => run.guests.a.hasEnded, { timeout: 600_000 }).toBe(true)
})`,
    )
    expect(shown).toMatch(/✓.* seen|1 passed/)
    expect(shown).toContain('2 failed')
    expect(
      shown.match(/crashed, and the test did not look at its end: the guest panicked/g)?.length,
    ).toBeGreaterThan(1)
  })

  test('is a crash of a fork that the test did not look at', () => {
    const shown = vitest(
      'forks.test.ts',
      `import { saveState } from 'bringup'
import { expect, test } from 'bringup/test'
test.override('machine', { memory: '128M', timeout: '19m' })
test.override('options', { profile: 'linux' })
const CRASH = ['sh', '-c', 'echo c >/proc/sysrq-trigger; sleep 1000']
test('unseen', async ({ guest }) => {
  await using ready = await saveState(guest)
  await using fork = await ready.fork()
  await fork.run(CRASH).catch(() => undefined)
})
test('of a fork of a fork', async ({ guest }) => {
  await using ready = await saveState(guest)
  await using fork = await ready.fork()
  await using later = await saveState(fork)
  const other = await later.fork()
  await other.run(CRASH).catch(() => undefined)
})
test('of a pool', async ({ guest }) => {
  await using ready = await saveState(guest)
  await using pool = ready.pool({ size: 1 })
  await pool.filled
  await using fork = await pool.fork()
  await fork.run(CRASH).catch(() => undefined)
})
test('seen', async ({ guest }) => {
  await using ready = await saveState(guest)
  await using fork = await ready.fork()
  await fork.run(CRASH).catch(() => undefined)
  await expect(fork).toEnd('crashed')
  await using sound = await ready.fork()
  await expect(sound).toRun(['true'])
})`,
    )
    expect(shown).toContain('3 failed')
    expect(shown).toContain('1 passed')
    expect(
      shown.match(/crashed, and the test did not look at its end: the guest panicked/g)?.length,
    ).toBeGreaterThanOrEqual(3)
  })

  test('of a name that no machine has shows the names and the nearest', () => {
    writeFileSync(join(folder, 'bringup.config.json'), '{ "machines": { "numa": {}, "small": {} } }')
    const shown = vitest(
      'name.test.ts',
      `import { test } from 'bringup/test'
test('launches', async ({ launch }) => { await launch('nmua') })`,
    )
    expect(shown).toContain('MACHINE_UNKNOWN at machine: no machine is named "nmua"; did you mean "numa"?')
    expect(shown).toContain('use one of: numa, small')
  })

  test('of toSeeDevice shows the nearest device and what differs', async ({ launch }) => {
    const guest = await launch({ memory: '64M', devices: [{ kind: 'nvdimm', size: '16M' }] })
    await guest.done
    await expect(expect(guest).toSeeDevice('nvdimm', { bytes: 2 ** 24, node: 3 })).rejects.toThrow(
      /the nearest: .*\n {2}node: wanted 3, reported 0/,
    )
    await expect(expect(guest).toSeeDevice('cxl')).rejects.toThrow(/received: no cxl/)
  })
})

describe('matchers', () => {
  test('toBeRefused on descriptions', async () => {
    const wrong = { numa: 2, cpu: 2, devices: [{ kind: 'nvdimm', size: '128M', node: 7 }] } as const
    await expect(wrong).toBeRefused()
    await expect(wrong).toBeRefused('NVDIMM_NODE_MISSING')
    await expect({ memory: '64M' }).not.toBeRefused()
    await expect(expect(wrong).toBeRefused('NVDIMM_SIZE_ZERO')).rejects.toThrow(/NVDIMM_NODE_MISSING at/)
  })

  test('.not does not wait, and says so', async ({ guest }) => {
    await guest.done
    await expect(guest).not.toShow('what never comes')
    await expect(guest).not.toEnd('crashed')
    await expect(expect(guest).not.toEnd('passed')).rejects.toThrow(/expected: not ends with passed/)
  })

  test('toRun compares exit code and output', { timeout: 1_200_000 }, async ({ launch }) => {
    const guest = await launch({}, { profile: 'linux' })
    await expect(guest).toRun(['echo', 'hello'], { stdout: 'hello\n' })
    await expect(guest).toRun(['false'], { exitCode: 1 })
    await expect(expect(guest).toRun(['echo', 'x'], { stdout: /y/ })).rejects.toThrow(/stdout: "x\\n"/)
    expect(guest.hasEnded).toBe(false)
  })

  test('belong to guests and descriptions only', () => {
    expectTypeOf(expect(3)).toHaveProperty('toEnd').toBeNever()
    expectTypeOf(expect({} as Guest))
      .toHaveProperty('toEnd')
      .toBeFunction()
    expectTypeOf(expect({} as Guest))
      .toHaveProperty('toBeRefused')
      .toBeNever()
    expectTypeOf(expect('a machine')).toHaveProperty('toBeRefused').toBeFunction()
  })
})

test('names keep two guests on one machine apart', async ({ launch }) => {
  const machine = { memory: '64M', devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M' }] } as const
  const guests = await Promise.all([launch(machine, { name: 'a' }), launch(machine, { name: 'b' })])
  for (const guest of guests) await expect(guest).toEnd('passed')
  expect(new Set(guests.map((g) => g.plan.stores[0]?.path)).size).toBe(2)
  await expect(launch('default', { name: 'default' })).resolves.toBeDefined()
})

test('guest.port names the port of this computer, or those that are forwarded', async ({ launch }) => {
  const guest = await launch({ memory: '64M', devices: [{ kind: 'nic', forwards: [{ guest: 80 }] }] })
  expect(guest.port(80)).toBeGreaterThan(0)
  expect(() => guest.port(81)).toThrow(/forwarded ports: tcp 80/)
})

describe('a guest for a file', () => {
  const seen = vi.fn<(pid: number) => void>()

  shared('first', ({ guest }) => seen(guest.qemu.pid))
  shared('second', ({ guest }) => {
    seen(guest.qemu.pid)
    expect(new Set(seen.mock.calls.flat()).size).toBe(1)
  })

  test('that has ended fails the tests that follow', () => {
    const shown = vitest(
      'shared.test.ts',
      `import { expect, testWithGuestPer } from 'bringup/test'
const test = testWithGuestPer('file')
test('ends it', async ({ guest }) => { await guest.kill() })
test('comes too late', () => {})`,
    )
    expect(shown).toContain('1 failed | 1 passed')
    expect(shown).toContain('the shared guest ended before this test')
  })
})
