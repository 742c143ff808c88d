/** Linux guests that go on from a saved state: as fresh, as unlike each other and as true as ones that boot. */
import { execFile, spawn } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe } from 'vitest'
import { stateJson } from '../../src/cli/shapes.ts'
import { type Guest, saveState } from '../../src/index.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { planGuest } from '../../src/project/planning.ts'
import { loadProject } from '../../src/project/project.ts'
import { savedGuest } from '../../src/project/saved-guest.ts'
import { launchAlone } from '../../src/runs/run.ts'
import { readState } from '../../src/states/record.ts'
import { expect, test } from '../support/guests.ts'
import { ownStates } from '../support/own-states.ts'
import { killWhenStuck } from '../support/progress.ts'
import { testKernel } from '../support/test-kernel.ts'

const profile = 'linux'
const machine: MachineInput = {
  memory: '128M',
  timeout: '20m',
  devices: [{ kind: 'nvdimm', id: 'pm0', size: '64M' }],
}

const own = ownStates()
const { folder: states, kept } = own
const read = async (guest: Guest, path: string) => (await guest.readFile(path)).toString().trim()
const said = async (guest: Guest, command: string) => (await guest.run(['sh', '-c', command])).stdout
const originOf = (guest: Guest) => guest.plan.origin?.kind

describe('a machine that was saved at its first answer', () => {
  test('boots once; the next one goes on from there, is verified, and can be rebooted', async ({
    launch,
  }) => {
    const first = await launch(machine, { profile, origin: 'state' })
    expect(first.plan.origin).toMatchObject({ kind: 'boot', because: 'no saved state for this machine' })
    const uptime = Number((await read(first, '/proc/uptime')).split(' ')[0])
    expect((await first.close()).origin?.kind).toBe('boot')
    expect(kept()).toHaveLength(1)

    const second = await launch(machine, { profile, origin: 'state' })
    expect(originOf(second)).toBe('state')
    // It has been up for as long as the first one had when it was saved.
    expect(Number((await read(second, '/proc/uptime')).split(' ')[0])).toBeLessThan(uptime + 10)
    const comparison = await second.verify()
    expect(comparison.length).toBeGreaterThan(7)
    expect(comparison.filter(({ ok }) => !ok)).toEqual([])
    const boot = await read(second, '/proc/sys/kernel/random/boot_id')
    await second.reboot()
    expect(await read(second, '/proc/sys/kernel/random/boot_id')).not.toBe(boot)
    expect((await second.close()).origin).toMatchObject({ kind: 'state' })
  })

  test('repeats neither random numbers nor the time', async ({ launch }) => {
    const found: string[] = []
    for (let i = 0; i < 4; i++) {
      const guest = await launch(machine, { profile, origin: 'state', name: `guest-${i}` })
      const earliest = Math.floor(Date.now() / 1000)
      const [uuid, boot, time] = (
        await said(guest, 'cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id; date +%s')
      ).split('\n')
      expect(Number(time)).toBeGreaterThanOrEqual(earliest)
      expect(Number(time)).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000))
      found.push(uuid ?? '', boot ?? '')
      await guest.close()
    }
    expect(new Set(found).size).toBe(8)
  })

  test('has the content of its store, and boots once the store has any', async ({ launch }) => {
    const first = await launch(machine, { profile, origin: 'state', name: 'writer' })
    await said(first, 'echo kept | dd of=/dev/pmem0 bs=512 count=1 conv=sync,fsync')
    await first.kill()
    const second = await launch(machine, { profile, origin: 'state', name: 'writer' })
    expect(second.plan.origin).toMatchObject({ kind: 'boot' })
    expect(second.plan.origin?.because).toContain('the store pm0 has content')
    expect(await said(second, 'head -n 1 /dev/pmem0')).toBe('kept\n')
  })

  test('boots if another run writes to the store after the plan was made', async ({
    launch,
    stateFolder,
  }) => {
    const first = await launch(machine, { profile, origin: 'state' })
    await first.run(['true'])
    await first.close()
    const project = await loadProject({ cwd: process.cwd(), state: stateFolder })
    const planned = savedGuest(
      await planGuest({
        project: { ...project, machines: { ...project.machines, late: machine } },
        machine: 'late',
        profile,
      }),
    )
    expect(planned.plan.origin?.kind).toBe('state')
    const [store] = planned.plan.stores
    mkdirSync(dirname(store?.path ?? ''), { recursive: true })
    writeFileSync(store?.path ?? '', 'written')
    truncateSync(store?.path ?? '', 64 * 1024 ** 2)
    await using guest = await launchAlone(planned, { stateFolder })
    expect(guest.plan.origin).toMatchObject({ kind: 'boot' })
    expect(guest.plan.origin?.because).toContain('the store pm0 has content')
    expect(await said(guest, 'head -c 7 /dev/pmem0')).toBe('written')
    expect(kept().length).toBeGreaterThan(0)
  })

  test('boots where the machine, or a text that it waits for, is another', async ({ launch }) => {
    const other = await launch({ ...machine, memory: '256M' }, { profile, origin: 'state' })
    expect(other.plan.origin).toMatchObject({ kind: 'boot' })
    expect(other.plan.origin?.because).toMatch(
      /^no saved state for this machine; the state saved at .* differs in -object and -m$/,
    )
    const odd = await launch(
      { ...machine, qemuArgs: ['-device', 'vmgenid'] },
      { profile, origin: 'state', name: 'odd' },
    )
    expect(odd.plan.origin?.because).toContain('-device')
    expect(odd.plan.origin?.saves).toBeUndefined()
    const probe = await launch({ memory: '64M' }, { origin: 'state', name: 'probe' })
    expect(probe.plan.origin?.because).toContain('profile probe')
  })
})

test('a state that was edited is not used, and is saved anew', async ({ launch }) => {
  rmSync(states, { recursive: true, force: true })
  await launch(machine, { profile, origin: 'state', name: 'saved' }).then(async (guest) => {
    await guest.run(['true'])
    await guest.close()
  })
  const [first = ''] = kept()
  const edited = openSync(join(states, first, 'ram.ram'), 'r+')
  writeSync(edited, 'x', 4096)
  closeSync(edited)
  const guest = await launch(machine, { profile, origin: 'state', name: 'after' })
  expect(guest.plan.origin?.kind).toBe('boot')
  expect(guest.plan.origin?.because).toMatch(/ram\.ram was changed after it was saved/)
  expect((await guest.run(['true'])).exitCode).toBe(0)
  await guest.close()
  const again = await launch(machine, { profile, origin: 'state', name: 'again' })
  expect(originOf(again)).toBe('state')
})

describe('the console of a restored guest', () => {
  const talkative: MachineInput = { ...machine, boot: { append: 'loglevel=7' } }

  test('shows what the boot printed, answers, and marks the restore in its log alone', async ({ launch }) => {
    const first = await launch(talkative, { profile, origin: 'state', name: 'first' })
    const booted = await first.console.expect(/Linux version \S+ /)
    await first.console.expect('guest:/# ')
    await first.run(['true'])
    await first.close()
    const second = await launch(talkative, { profile, origin: 'state', name: 'second' })
    expect(originOf(second)).toBe('state')
    expect(await second.console.expect(/Linux version \S+ /)).toMatchObject({ text: booted.text })
    expect(second.console.text).toContain('Kernel command line')
    await second.console.expect('guest:/# ')
    second.console.write('echo $((6 * 7))\n')
    await second.console.expect(/^42/)
    const log = readFileSync(second.folder.consoleLog, 'utf8')
    expect(log.match(/^\[bringup\] restored/gm)).toHaveLength(1)
    expect(log.indexOf('Linux version')).toBeLessThan(log.indexOf('[bringup] restored'))

    await using ready = await saveState(second)
    await using fork = await ready.fork()
    expect(await fork.console.expect(/^42/)).toMatchObject({
      before: expect.not.stringContaining('[bringup]'),
    })
    expect(readFileSync(fork.folder.consoleLog, 'utf8').match(/^\[bringup\] restored/gm)).toHaveLength(1)
  })

  test('is not typed into by an earlier run: a guest with input before its first answer is not saved', async ({
    launch,
  }) => {
    own.clear()
    const typed = await launch(machine, { profile, origin: 'state', name: 'typed' })
    typed.console.write('touch /tmp/typed\n')
    await typed.run(['true'])
    await typed.close()
    const reached = await launch(machine, { profile, origin: 'state', name: 'reached' })
    await reached.qemu.qmp.execute('query-status')
    await reached.run(['true'])
    await reached.close()
    expect(kept()).toEqual([])
  })
})

describe('saveState', () => {
  test('forks have files, memory and stores as they were, each its own', async ({ launch }) => {
    const guest = await launch(machine, { profile, origin: 'state', name: 'forked' })
    await guest.writeFile('/tmp/seed', 'ready')
    await said(guest, 'echo before | dd of=/dev/pmem0 bs=512 count=1 conv=sync,fsync')
    const ready = await saveState(guest)
    await guest.writeFile('/tmp/seed', 'gone on')
    const forks = await Promise.all([ready.fork(), ready.fork(), ready.fork()])
    const change =
      'cat /tmp/seed; head -n 1 /dev/pmem0; cat /proc/sys/kernel/random/uuid; echo mine > /tmp/seed'
    const store = 'echo after | dd of=/dev/pmem0 bs=512 count=1 conv=sync,fsync'
    const answers = await Promise.all(forks.map((fork) => said(fork, `${change}; ${store}`)))
    for (const answer of answers) expect(answer).toMatch(/^readybefore\n/)
    expect(new Set(answers).size).toBe(3)
    expect(await read(guest, '/tmp/seed')).toBe('gone on')
    expect(await said(guest, 'head -n 1 /dev/pmem0')).toBe('before\n')

    // Of a fork, and after what it came from has gone from the disk.
    const again = await saveState(forks[0] as Guest)
    await ready[Symbol.asyncDispose]()
    await Promise.all(forks.map((fork) => fork.close()))
    const below = await again.fork()
    expect(await said(below, 'cat /tmp/seed; head -n 1 /dev/pmem0')).toBe('mine\nafter\n')
    await again[Symbol.asyncDispose]()
    expect(await said(below, 'head -n 1 /dev/pmem0')).toBe('after\n')
    await below.close()
    await guest.close()
  })

  test('of a restored guest copies the pages that it wrote, and maps the rest', async ({ launch }) => {
    const boots = await launch(machine, { profile, origin: 'state', name: 'written' })
    await boots.run(['true'])
    await boots.close()
    const guest = await launch(machine, { profile, origin: 'state', name: 'written' })
    expect(originOf(guest)).toBe('state')
    const digest = async (of: Guest) =>
      said(of, 'md5sum /tmp/filled /bin/busybox; dd if=/dev/pmem0 bs=1M | md5sum')
    await said(
      guest,
      'dd if=/dev/urandom of=/tmp/filled bs=1M count=4 && dd if=/tmp/filled of=/dev/pmem0 bs=1M conv=fsync',
    )
    const wanted = await digest(guest)
    await using first = await saveState(guest)
    expect(readState(first.folder)).toMatchObject({
      ram: [{ name: 'ram.ram' }],
      stores: [{ name: 'pm0.store' }],
    })
    await using fork = await first.fork()
    expect(await digest(fork)).toBe(wanted)
    await said(fork, 'echo of the fork >/dev/pmem0; echo of the fork >/tmp/fork')
    const changed = await digest(fork)
    await using second = await saveState(fork)
    // The guest was restored, and so was its fork.
    expect([readState(first.folder), readState(second.folder)]).toMatchObject([
      { resumed: 1 },
      { resumed: 2 },
    ])
    expect(readState(second.folder)).toMatchObject({ ram: [{ name: 'ram.ram' }, { name: 'pm0-memory.ram' }] })
    await using below = await second.fork()
    expect(await digest(below)).toBe(changed)
    expect(await read(below, '/tmp/fork')).toBe('of the fork')
    await expect(below.verify()).resolves.not.toContainEqual(expect.objectContaining({ ok: false }))

    // After a reset, the tables of the firmware are made anew: QEMU copies all memory.
    await below.reboot()
    await said(below, 'echo rebooted >/tmp/fork')
    await using third = await saveState(below)
    expect(readState(third.folder)).toMatchObject({ ram: [] })
    await using last = await third.fork()
    expect(await read(last, '/tmp/fork')).toBe('rebooted')
  })

  test('refuses a restored guest that has a host folder mounted', async ({ launch, stateFolder }) => {
    const shares: MachineInput = {
      ...machine,
      devices: [{ kind: 'folder', path: stateFolder, guest: '/host' }],
    }
    const boots = await launch(shares, { profile, origin: 'state', name: 'mounted' })
    await boots.run(['true'])
    await boots.close()
    const guest = await launch(shares, { profile, origin: 'state', name: 'mounted' })
    expect(originOf(guest)).toBe('state')
    await expect(saveState(guest)).rejects.toThrow(/mounted/)
  })

  test('with uniqueness "same" forks draw the same random numbers', async ({ launch }) => {
    const guest = await launch({ memory: '128M', timeout: '20m' }, { profile, origin: 'state' })
    // Programs that start later draw numbers at other moments in each fork.
    await guest.console.expect('guest:/# ')
    const saved = Number((await read(guest, '/proc/uptime')).split(' ')[0])
    await using ready = await saveState(guest)
    /** Until the kernel reseeds: after a second of the guest's time, or more. */
    const draw = async (): Promise<string> => {
      await using fork = await ready.fork({ uniqueness: 'same' })
      const [uuid = '', uptime] = (await said(fork, 'cat /proc/sys/kernel/random/uuid /proc/uptime')).split(
        /\s/,
      )
      return Number(uptime) < saved + 1 ? uuid : draw()
    }
    expect(await draw()).toBe(await draw())
    expect(await draw()).toBe(await draw())
  })

  test('saves a kernel without an agent at a text of its console', async ({ launch, stateFolder }) => {
    const kernel = join(stateFolder, 'kernel.elf')
    writeFileSync(kernel, testKernel('ready\n', 'typed'))
    const own = { boot: { kernel }, display: 'none', memory: '64M', timeout: '20m' } as const
    const guest = await launch(own, { profile: 'bare' })
    await guest.console.expect('ready\n')
    await using ready = await saveState(guest)
    const codes = ['A', 'B', 'C'].map(async (letter) => {
      await using fork = await ready.fork()
      await fork.console.expect('ready\n')
      fork.console.write(letter)
      return (await fork.done).guestCode
    })
    expect(await Promise.all(codes)).toEqual([0x41, 0x42, 0x43])
    expect(guest.hasEnded).toBe(false)
  })

  test('refuses a guest that is busy, and one that cannot be saved', async ({ launch }) => {
    const guest = await launch({ memory: '128M', timeout: '20m' }, { profile, origin: 'state' })
    const long = guest.run(['sleep', '1000'])
    long.catch(() => {})
    await expect(saveState(guest)).rejects.toMatchObject({ code: 'GUEST_NOT_SAVED' })
    const shared = await launch(
      { memory: { size: '64M', share: true }, boot: { append: 'report=no hang' } },
      { name: 'shared' },
    )
    await expect(saveState(shared)).rejects.toMatchObject({ code: 'GUEST_NOT_SAVED' })
  })

  test('saves a guest that was started without a thought of it', async ({ launch }) => {
    const guest = await launch({ memory: '128M', timeout: '20m' }, { profile })
    await guest.writeFile('/tmp/seed', 'ready')
    await using ready = await saveState(guest)
    await using fork = await ready.fork()
    expect(await read(fork, '/tmp/seed')).toBe('ready')
  })
})

/** Without what differs from boot to boot: times, addresses, most lines of the kernel, the number of lines. */
function withoutTimes(result: object): object {
  const text = JSON.stringify({ ...result, timings: {}, folder: '' })
    .replace(/\[ *\d+\.\d+\]/g, '[time]')
    .replace(/0x[0-9a-f]+|\b[0-9a-f]{16}\b/g, '0x…')
    .replace(/"\[time\] (?! ?(?:Kernel panic|sysrq))[^"]*",?/g, '')
    .replace(/,\]/g, ']')
    .replace(/ in line \d+/g, ' in line …')
  return JSON.parse(text)
}

describe('the command', () => {
  const bin = [fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))]
  const bringup = async (...argv: readonly string[]) => {
    const done = promisify(execFile)(process.execPath, [...bin, ...argv], { env: process.env })
    killWhenStuck(done.child, 300)
    return done
  }
  const project = mkdtempSync(join(tmpdir(), 'bringup states project, '))
  const run = ['run', '--project', project, '--profile', 'linux', '--memory', '128M', '--timeout', '20m']
  afterAll(() => rmSync(project, { recursive: true, force: true }))

  test('saves, goes on, lists and removes; two at once make one state', async () => {
    rmSync(states, { recursive: true, force: true })
    const both = await Promise.all(
      ['one', 'two'].map((word) => bringup(...run, '--states', '--', 'echo', word)),
    )
    expect(both.map(({ stdout }) => stdout)).toEqual(['one\n', 'two\n'])
    expect(kept()).toHaveLength(1)
    const again = await bringup(...run, '--states', '--', 'echo', 'three')
    expect(again).toMatchObject({ stdout: 'three\n' })
    expect(again.stderr).toContain('restoring the state saved')
    const fresh = await bringup(...run, '--fresh', '--json', '--', 'true')
    expect(JSON.parse(fresh.stdout)).toMatchObject({ verdict: 'passed' })
    const list = JSON.parse((await bringup('state', 'list', '--json')).stdout)
    stateJson.parse(list)
    expect(list.states).toMatchObject([{ profile: 'linux', moment: 'its first answer' }])
    const key: string = list.states[0].key
    expect((await bringup('state', 'show', key.slice(0, 6))).stdout).toContain(key)
    expect((await bringup('state', 'rm', key)).stdout).toContain(key)
    expect(kept()).toEqual([])
    await expect(bringup('state', 'rm', key)).rejects.toMatchObject({ code: 2 })
  })

  const ways: Readonly<Record<string, readonly string[]>> = {
    'a command that passes, verified': ['--verify', '--', 'true'],
    'a command that fails': ['--', 'sh', '-c', 'echo said; exit 3'],
    'a panic': ['--', 'sh', '-c', 'echo c >/proc/sysrq-trigger; sleep 1000'],
    'a power-off': ['--', 'sh', '-c', 'poweroff -f; sleep 1000'],
  }
  test.for(Object.entries(ways))('comes to the same result as a boot: %s', async ([, words]) => {
    const talking = [...run, '--append', 'loglevel=7', '--json']
    const once = async (...more: readonly string[]) => {
      const { stdout } = await bringup(...talking, ...more, ...words).catch(
        (error: { stdout: string }) => error,
      )
      const { origin, ...result } = JSON.parse(stdout).guests[0].result
      return { origin, result: withoutTimes(result) }
    }
    // Programs of the command are in the initial RAM disk: the first run saves such a machine.
    await bringup(...talking, '--', 'true')
    await once()
    const booted = await once('--fresh')
    const restored = await once()
    expect(restored.origin).toEqual({ kind: 'state', because: expect.stringContaining('the state saved at') })
    expect(booted.origin).toBeUndefined()
    expect(restored.result).toEqual(booted.result)
  })

  test.for([
    ['a text of the boot', 'failed', ['--until', 'Run /init', '--', 'true']],
    [
      'a text of the command',
      'passed',
      ['--until', 'all done', '--', 'sh', '-c', 'echo all done >/dev/console'],
    ],
  ] as const)(
    'boots where a text is wanted, which only the command of this run may print: %s',
    async ([, verdict, words]) => {
      const talking = [...run, '--append', 'loglevel=7', '--json']
      await bringup(...talking, '--', 'true')
      // It rejects with the output where the run failed.
      const { stdout } = await bringup(...talking, ...words).catch((error: { stdout: string }) => error)
      const [{ result }] = JSON.parse(stdout).guests
      expect(result).toMatchObject({ verdict })
      expect(result.origin).toEqual({
        kind: 'boot',
        because: expect.stringContaining('a text proves the pass'),
      })
    },
  )

  test('leaves nothing behind when it is killed while it saves', async () => {
    rmSync(states, { recursive: true, force: true })
    mkdirSync(states, { recursive: true, mode: 0o700 })
    const child = spawn(process.execPath, [...bin, ...run, '--', 'sleep', '1000'], { stdio: 'ignore' })
    killWhenStuck(child, 300)
    const seen = () => readdirSync(states).length > 0 || child.exitCode !== null
    await expect.poll(seen, { timeout: 600_000, interval: 5 }).toBe(true)
    child.kill('SIGKILL')
    await expect
      .poll(() => readdirSync(states).filter((name) => name.endsWith('.part')), { timeout: 600_000 })
      .toEqual([])
    for (const name of kept())
      expect(readFileSync(join(states, name, 'state.json'), 'utf8')).toContain('"devices"')
  })
})
