/** `bringup state save` and `state fork` of racks: a rack that was filled once, and copies of it by command. */
import { execFile } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
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
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { killWhenStuck } from '../support/progress.ts'

const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'bringup named racks, '))
const states = join(project, '.bringup/states')
afterAll(async () => {
  for (const run of ['shop', 'one', 'two', 'again', 'odd']) await bringup('stop', run).catch(() => {})
  rmSync(project, { recursive: true, force: true })
})

const machine = { memory: '128M', cpu: 1, timeout: '30m' }
const member = { machine, profile: 'linux', nics: ['lan'] }
const waits = { memory: '64M', cpu: 1, timeout: '30m', boot: { append: 'report=no ready-hang' } }
writeFileSync(
  join(project, 'bringup.config.json'),
  JSON.stringify({
    racks: {
      pair: { networks: { lan: {} }, guests: { server: member, client: member } },
      odd: {
        networks: { lan: {} },
        services: { idle: { argv: ['sleep', '1000000'] } },
        memory: { bell: { size: '1M', vectors: 1 } },
        guests: {
          lone: { machine: waits, nics: ['lan'] },
          belled: {
            machine: { ...waits, devices: [{ kind: 'virtio-pmem', size: '16M' }] },
            memory: ['bell'],
          },
        },
      },
    },
  }),
)

async function bringup(...argv: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const done = promisify(execFile)(process.execPath, [bin, ...argv], { cwd: project })
  killWhenStuck(done.child, 300)
  return done
}

const json = async (...argv: readonly string[]) => JSON.parse((await bringup(...argv, '--json')).stdout)

/** What a command that fails has printed. */
const failure = (...argv: readonly string[]) =>
  bringup(...argv).then(
    () => expect.unreachable(),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )

/** Output of a shell script in a guest of a run. */
const sh = async (run: string, guest: string, script: string) =>
  (await bringup('exec', '--run', run, guest, '--', 'sh', '-c', script)).stdout

const statusOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}
const isAlive = (pid: number) => /^State:\s+[^ZX]/m.test(statusOf(pid))

/** A process and all that it has started. */
function familyOf(pid: number): readonly number[] {
  const below = readdirSync('/proc')
    .map(Number)
    .filter((one) => Number(/^PPid:\s+(\d+)/m.exec(statusOf(one))?.[1]) === pid)
  return [pid, ...below.flatMap(familyOf)]
}

/** The process that owns a run. */
const ownerOf = ({ folder }: { readonly folder: string }): number =>
  JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')).pid

describe('a rack of a background run', () => {
  test('is saved under a name, and forked from other processes after it has ended', async () => {
    await bringup('run', '-d', '--rack', 'pair', '--name', 'shop')
    await sh('shop', 'server', 'mkdir /tmp/www; echo filled >/tmp/www/data')
    expect(await sh('shop', 'client', 'ping -c 1 -W 60 server')).toContain(' 0% packet loss')

    // Only the whole rack has its network, and frames are those of a rack.
    const alone = await failure('state', 'save', 'server', '--run', 'shop')
    expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining('GUEST_NOT_SAVED') })
    expect(alone.stderr).toContain('only the state of the whole rack contains')
    expect((await failure('state', 'save', 'server', '--frames', 'keep')).stderr).toContain(
      '--frames is for racks',
    )
    expect(await json('state', 'save', 'shop', '--name', 'cluster', '--frames', 'keep')).toMatchObject({
      name: 'cluster',
      rack: 'pair',
      guests: ['server', 'client'],
      networks: ['lan'],
    })
    expect(await failure('state', 'save', '--run', 'shop', '--name', 'cluster')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('STATE_NAME_TAKEN'),
    })
    // The saved rack continues.
    expect(await sh('shop', 'client', 'ping -c 1 -W 60 server')).toContain(' 0% packet loss')
    await sh('shop', 'server', 'echo gone >/tmp/www/data')
    await bringup('stop', 'shop')

    const { states: listed } = await json('state', 'list')
    const [saved] = (listed as { key: string; bytes: number }[]).filter(({ key }) => key === 'cluster')
    expect(saved).toMatchObject({
      rack: 'pair',
      guests: [
        { name: 'server', profile: 'linux' },
        { name: 'client', profile: 'linux' },
      ],
      networks: ['lan'],
      keepsFrames: true,
    })
    expect(saved?.bytes).toBeGreaterThan(0)
    expect((await bringup('state', 'list')).stdout).toMatch(/^cluster +pair \(2 guests, 1 network\) +linux/m)
    expect((await bringup('state', 'show', 'cluster')).stdout).toMatch(/^guest client +pair\.client, linux/m)
    expect((await json('state', 'prune', '--keep', '1T')).named).toMatchObject({ guests: 0, racks: 1 })

    // Two at once, each from a process of its own.
    const forks = await Promise.all(
      ['one', 'two'].map((name) => json('state', 'fork', 'cluster', '-d', '--name', name)),
    )
    for (const name of ['one', 'two']) {
      expect(await sh(name, 'server', 'cat /tmp/www/data; httpd -h /tmp/www')).toBe('filled\n')
      await sh(name, 'server', `echo ${name} >/tmp/www/own`)
    }
    for (const name of ['one', 'two'])
      expect(await sh(name, 'client', 'wget -qO- http://server/own')).toBe(`${name}\n`)
    // An address of one fork is unknown in the other.
    await sh('one', 'server', 'ip address add 10.1.0.99/24 dev eth0')
    const ping = 'ping -c 2 -W 20 10.1.0.99; exit 0'
    expect(await sh('one', 'client', ping)).toContain(' 0% packet loss')
    expect(await sh('two', 'client', ping)).toContain('100% packet loss')
    expect(await failure('state', 'rm', 'cluster')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('STATE_IN_USE'),
    })

    // A fork is saved like any other rack, and does not need the first state.
    await bringup('state', 'save', 'two', '--name', 'second')
    await bringup('stop', 'two')
    const family = familyOf(ownerOf(forks[0]))
    // The owner, its switch, and for each guest QEMU.
    expect(family.length).toBeGreaterThanOrEqual(4)
    process.kill(family[0] ?? 0, 'SIGKILL')
    await expect.poll(() => family.filter(isAlive), { timeout: 600_000 }).toEqual([])
    expect((await bringup('state', 'rm', 'cluster')).stdout).toContain('deleted cluster: pair (2 guests')
    expect(readdirSync(states)).toEqual(['second'])
    const read = ['state', 'fork', 'second', '--on', 'client', '--', 'wget', '-qO-', 'http://server/own']
    expect((await bringup(...read)).stdout).toMatch(/^client │ two$/m)
  })

  test('runs a command in one guest of a fork, whose exit code counts', async () => {
    const code = ['--', 'sh', '-c', 'ping -c 1 -W 60 server && exit 7']
    expect((await failure('state', 'fork', 'second', '--on', 'client', ...code)).code).toBe(7)
    expect(await failure('state', 'fork', 'second', ...code)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--on server -- sh -c'),
    })
    expect((await failure('state', 'fork', 'second', '--on', 'nobody', ...code)).stderr).toContain(
      'no guest "nobody" runs commands; guests that run commands: server, client',
    )
    expect((await failure('state', 'fork', 'second')).stderr).toContain('bringup state fork second -d')
  })

  test('is not forked from a state that was renamed, cut, edited or mixed', async () => {
    const folder = join(states, 'second')
    const keep = join(project, 'kept')
    const fork = ['state', 'fork', 'second', '--on', 'client', '--', 'true']
    const refused = async (words: readonly string[] = fork) => {
      const { code, stderr } = await failure(...words)
      expect(stderr).toContain('STATE_UNUSABLE')
      expect(code).toBe(2)
      return stderr
    }
    /** As it was, with all times, since records are compared by content. */
    const changing = async (file: string, change: (path: string) => void): Promise<string> => {
      const path = join(folder, file)
      copyFileSync(path, keep)
      change(path)
      const said = await refused()
      writeFileSync(path, readFileSync(keep))
      return said
    }
    renameSync(folder, join(states, 'other'))
    expect(await refused(fork.map((word) => (word === 'second' ? 'other' : word)))).toContain(
      'is the record of another state, second',
    )
    renameSync(join(states, 'other'), folder)
    chmodSync(states, 0o777)
    expect(await refused()).toContain('other users can write to')
    chmodSync(states, 0o700)

    const asDrop = (path: string) =>
      writeFileSync(path, readFileSync(path, 'utf8').replace('"keepsFrames": false', '"keepsFrames": true'))
    expect(await changing('rack.json', asDrop)).toContain('is not the record that fork.json was written with')
    expect(await changing('fork.json', (path) => appendFileSync(path, ' x'))).toContain(
      'fork.json is missing',
    )
    const elsewhere = (path: string) =>
      writeFileSync(path, readFileSync(path, 'utf8').replace('"resumed": 1', '"resumed": 2'))
    expect(await changing('guest-1/state.json', elsewhere)).toContain(
      'is not the state that was saved with the rack',
    )
    expect(await changing('rack.json', (path) => writeFileSync(path, '{"format":'))).toContain('rack.json')

    // A guest is no rack, and a rack no guest.
    copyFileSync(join(folder, 'guest-0/state.json'), join(folder, 'state.json'))
    expect(await refused()).toContain('has the record of a guest besides that of a rack')
    expect((await bringup('state', 'list')).stdout).toMatch(/^second .*has the record of a guest/m)
    rmSync(join(folder, 'state.json'))
    const taken = join(states, 'taken')
    cpSync(join(folder, 'guest-0'), taken, { recursive: true, preserveTimestamps: true })
    copyFileSync(join(folder, 'fork.json'), join(taken, 'fork.json'))
    expect(await refused(['state', 'fork', 'taken', '--', 'true'])).toContain(
      'is the record of another state',
    )
    rmSync(taken, { recursive: true })

    expect((await bringup(...fork)).stderr).toContain('passed')
    // For good: the files of a state are known by their times.
    appendFileSync(join(folder, 'guest-1/devices'), 'x')
    expect(await refused()).toContain('was changed after it was saved')
    expect((await bringup('state', 'rm', 'second')).stdout).toContain('deleted second')
    expect((await failure(...fork)).stderr).toContain('no state was saved under the name "second"')
  })

  test('leaves nothing where its owner is killed while it is saved', async () => {
    const run = await json('run', '-d', '--rack', 'pair', '--name', 'again')
    const family = familyOf(ownerOf(run))
    const saved = failure('state', 'save', 'again', '--name', 'half')
    while (!existsSync(states) || !readdirSync(states).some((name) => name.endsWith('.part')))
      await new Promise((resolve) => setImmediate(resolve))
    process.kill(family[0] ?? 0, 'SIGKILL')
    expect((await saved).stderr).toContain('RUN_NOT_REACHED')
    await expect.poll(() => family.filter(isAlive), { timeout: 600_000 }).toEqual([])
    await expect.poll(() => readdirSync(states), { timeout: 600_000 }).toEqual([])
  })
})

test('a rack that cannot be saved is refused with all reasons, and goes on', async () => {
  await bringup('run', '-d', '--rack', 'odd', '--name', 'odd')
  const { code, stderr } = await failure('state', 'save', 'odd')
  expect(code).toBe(2)
  expect(stderr).toContain('service "idle" is a program of this computer')
  expect(stderr).toContain('guest "belled": memory "bell" has interrupts')
  expect(stderr).toContain('guest "belled": virtio-pmem')
  const { runs } = await json('ps')
  expect(runs).toMatchObject([{ label: 'odd', verdict: 'running' }])
})
