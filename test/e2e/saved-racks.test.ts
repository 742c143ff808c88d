/** Racks that are saved at one moment: their forks go on side by side, each on networks of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'
import { type Guest, type RackInput, type Run, type SavedRack, saveState } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'
import { killWhenStuck } from '../support/progress.ts'

const driver = fileURLToPath(new URL('../support/fork-driver.ts', import.meta.url))
const runSource = fileURLToPath(new URL('../../scripts/run-source.mjs', import.meta.url))
const isAlive = (pid: number) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const machine = { memory: '128M', cpu: 1, timeout: '30m' } as const
const member = { machine, profile: 'linux', nics: ['lan'] }
const pair = (network: NonNullable<RackInput['networks']>[string] = {}): RackInput => ({
  networks: { lan: network },
  guests: { server: member, client: member },
})

const PATIENT = { timeoutMs: 600_000 }
const guestOf = (run: Run, name: string): Guest => {
  const guest = run.guests[name]
  if (guest === undefined) throw new Error(`no guest ${name}`)
  return guest
}
const sh = async (run: Run, name: string, script: string) =>
  (await guestOf(run, name).run(['sh', '-c', script], PATIENT)).stdout

/** Starts a script that outlives the command which starts it, once that has seen it at work. */
const inBackground = (script: string, isAtWork: string) =>
  `setsid sh -c '${script}' </dev/null >/dev/null 2>&1 & while ! ${isAtWork}; do usleep 10000; done`

describe('a saved rack', () => {
  test('is forked twice side by side: its guests go on, reach each other, and no guest of another fork', async ({
    launchRack,
  }) => {
    const rack = await launchRack(pair())
    for (const name of ['server', 'client']) await sh(rack, name, `echo nonce of ${name} >/tmp/nonce; sync`)
    expect(await sh(rack, 'client', 'ping -c 1 -W 60 server')).toContain(' 0% packet loss')
    // Counts in the memory of the guest.
    await sh(
      rack,
      'server',
      inBackground(
        'i=0; while :; do i=$((i+1)); echo $i >/tmp/new; mv /tmp/new /tmp/count; usleep 20000; done',
        '[ -e /tmp/count ]',
      ),
    )
    const uuid = 'cat /proc/sys/kernel/random/uuid'
    const before = Number(await sh(rack, 'server', 'cat /tmp/count'))

    await using ready = await saveState(rack)
    expect(ready.frames).toBe(0)
    expect(ready.bytes).toBeGreaterThan(0)
    // The saved rack continues.
    expect(await sh(rack, 'client', 'ping -c 1 -W 60 server')).toContain(' 0% packet loss')
    await sh(rack, 'server', 'echo changed >/tmp/nonce')

    const forks = await Promise.all([ready.fork(), ready.fork()])
    try {
      const uuids: string[] = []
      for (const [index, fork] of forks.entries()) {
        expect(Object.keys(fork.guests)).toEqual(['server', 'client'])
        for (const name of ['server', 'client']) {
          expect(await sh(fork, name, 'cat /tmp/nonce')).toBe(`nonce of ${name}\n`)
          expect(guestOf(fork, name).plan.origin?.kind).toBe('state')
          uuids.push(await sh(fork, name, uuid))
          const time = Number(await sh(fork, name, 'date +%s'))
          expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60)
          await sh(fork, name, `echo fork ${index} >/tmp/fork`)
        }
        const count = Number(await sh(fork, 'server', 'cat /tmp/count'))
        expect(count).toBeGreaterThanOrEqual(before)
        const later = `while [ $(cat /tmp/count) -le ${count} ]; do usleep 10000; done; echo counts`
        expect(await sh(fork, 'server', later)).toBe('counts\n')
        for (const name of ['server', 'client']) {
          const comparison = await guestOf(fork, name).verify()
          expect(comparison.length).toBeGreaterThan(7)
          expect(comparison.filter(({ ok }) => !ok)).toEqual([])
        }
      }
      expect(new Set(uuids).size).toBe(4)
      // Both forks send at once, from the same addresses.
      const sent = forks.map(async (fork, index) => {
        await sh(fork, 'server', 'rm -rf /tmp/www; mkdir /tmp/www; cp /tmp/fork /tmp/www; httpd -h /tmp/www')
        expect(await sh(fork, 'client', 'wget -qO- http://server/fork')).toBe(`fork ${index}\n`)
        return sh(fork, 'client', 'ping -c 20 -i 0.05 -W 60 server')
      })
      for (const text of await Promise.all(sent)) expect(text).toContain('20 packets received')
      const carried = await Promise.all(forks.map((fork) => fork.networks.lan?.frames({ traffic: 'icmp' })))
      for (const frames of carried) {
        const pings = (frames ?? []).filter(({ traffic }) => traffic.includes('ipv4'))
        expect(pings.filter(({ from }) => from === 'client/lan')).toHaveLength(20)
        expect(pings.filter(({ from }) => from === 'server/lan')).toHaveLength(20)
      }
      // A fork is cut off, and the other one is not.
      await forks[0]?.networks.lan?.partition(['client'], ['server'])
      const pings = await Promise.all(forks.map((fork) => sh(fork, 'client', 'ping -c 2 -w 20 10.1.0.10')))
      expect(pings[0]).toContain('100% packet loss')
      expect(pings[1]).toContain(' 0% packet loss')
    } finally {
      await Promise.all(forks.map((fork) => fork.close()))
    }
  })

  test('is saved again from a fork that keeps clock and random numbers', async ({ launchRack }) => {
    const rack = await launchRack(pair())
    await sh(rack, 'client', 'echo first >/tmp/nonce; ping -c 1 -W 60 server')
    await using ready = await saveState(rack)
    await rack.close()
    await using fork = await ready.fork()
    await sh(fork, 'client', 'echo second >>/tmp/nonce')
    await using again = await saveState(fork, { frames: 'keep' })
    await fork.close()
    await using one = await again.fork({ uniqueness: 'same' })
    expect(await sh(one, 'client', 'cat /tmp/nonce; ping -c 1 -W 60 server')).toMatch(
      /^first\nsecond\n[\s\S]* 0% packet loss/,
    )
  })

  test('has the content of its shared memory, which each fork has for itself', async ({ launchRack }) => {
    const peer = { machine, profile: 'linux', memory: ['window'] }
    const rack = await launchRack({
      memory: { window: { size: '64K' } },
      guests: { server: peer, client: peer },
    })
    const device = '/sys/bus/pci/devices/*/resource2'
    const window = `$(awk 'NR == 3 { print $1 }' $(dirname ${device})/resource)`
    const read = async (run: Run, name: string) => (await sh(run, name, `devmem ${window}`)).trim()
    const write = (run: Run, name: string, value: string) => sh(run, name, `devmem ${window} 32 ${value}`)
    for (const name of ['server', 'client']) await sh(rack, name, `echo 1 >$(dirname ${device})/enable`)
    await write(rack, 'server', '0x11111111')
    expect(await read(rack, 'client')).toBe('0x11111111')
    await using ready = await saveState(rack)
    await write(rack, 'client', '0x22222222')
    await using one = await ready.fork()
    await using two = await ready.fork()
    expect(await read(one, 'client')).toBe('0x11111111')
    await write(one, 'server', '0x33333333')
    expect(await read(one, 'client')).toBe('0x33333333')
    expect(await read(two, 'client')).toBe('0x11111111')
    expect(await read(rack, 'server')).toBe('0x22222222')
    await using again = await saveState(one)
    await using three = await again.fork()
    expect(await read(three, 'client')).toBe('0x33333333')
  })

  test('keeps frames on the way, or drops them, as told', async ({ launchRack }) => {
    const rack = await launchRack(
      pair({ faults: [{ delay: '30s', traffic: ['icmp'], from: 'client', to: 'server' }] }),
    )
    const send = (run: Run, count: number) =>
      sh(run, 'client', `ping -c ${count} -i 0.05 -W 1 10.1.0.10; exit 0`)
    const requests = "awk '/^Icmp:/ && $10 ~ /^[0-9]+$/ { print $10 }' /proc/net/snmp"
    const receivedBy = async (run: Run) => Number(await sh(run, 'server', requests))
    const afterReceiving = async (run: Run, count: number) => {
      await sh(run, 'server', `while [ $(${requests}) -lt ${count} ]; do usleep 100000; done`)
      return receivedBy(run)
    }
    const saveOnTheWay = async (sent: number): Promise<readonly [SavedRack, SavedRack, number]> => {
      const before = await afterReceiving(rack, sent)
      await send(rack, 3)
      const [kept, dropped] = [await saveState(rack, { frames: 'keep' }), await saveState(rack)]
      if ((await receivedBy(rack)) === before) return [kept, dropped, before]
      // The computer was busy for longer than the delay.
      for (const state of [kept, dropped]) await state[Symbol.asyncDispose]()
      return saveOnTheWay(sent + 3)
    }
    const [kept, dropped, before] = await saveOnTheWay(0)
    await using _kept = kept
    await using _dropped = dropped
    // Frames of IPv6 may be among them.
    expect(kept.frames).toBeGreaterThanOrEqual(3)
    expect(dropped.frames).toBe(0)
    await using withFrames = await kept.fork()
    await using without = await dropped.fork()
    for (const fork of [withFrames, without]) await send(fork, 1)
    // Delays keep the order: what was on the way would come before the last one.
    expect(await afterReceiving(without, before + 1)).toBe(before + 1)
    expect(await afterReceiving(withFrames, before + 4)).toBe(before + 4)
    // The saved rack itself loses none.
    expect(await afterReceiving(rack, before + 3)).toBe(before + 3)
  })
})

test('a saved rack and its forks leave nothing behind when their owner is killed', async ({
  stateFolder,
}) => {
  const waits = { memory: '64M', cpu: 1, timeout: '30m', boot: { append: 'report=no ready-hang' } } as const
  const rack: RackInput = {
    networks: { lan: {} },
    guests: { one: { machine: waits, nics: ['lan'] }, two: { machine: waits, nics: ['lan'] } },
  }
  const argv = [runSource, driver, stateFolder, JSON.stringify(rack), '"ready"']
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  killWhenStuck(child, 300)
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { pids } = JSON.parse(line) as { pids: number[] }
  expect(pids).toHaveLength(9)
  expect(pids.filter(isAlive)).toEqual(pids)
  const states = join(stateFolder, 'states')
  expect(readdirSync(states)).toHaveLength(1)
  child.kill('SIGKILL')
  await expect.poll(() => pids.filter(isAlive), { timeout: 600_000 }).toEqual([])
  await expect.poll(() => readdirSync(states), { timeout: 600_000 }).toEqual([])
})

describe('a rack is refused before anything is paused', () => {
  test('for what cannot be saved with it', async ({ launchRack }) => {
    const rack = await launchRack({
      networks: { lan: {} },
      services: { idle: { argv: ['sleep', '1000'] } },
      memory: { bell: { size: '1M', vectors: 1 } },
      guests: {
        one: { machine: { memory: '64M', boot: { append: 'report=no ready-hang' } }, nics: ['lan'] },
        two: {
          machine: { memory: '64M', boot: { append: 'report=no ready-hang' } },
          memory: ['bell'],
        },
      },
    })
    await rack.networks.lan?.partition(['one'])
    await expect(saveState(rack)).rejects.toMatchObject({
      diagnostics: [
        { code: 'RACK_NOT_SAVED', path: 'services.idle' },
        { code: 'RACK_NOT_SAVED', path: 'networks.lan', what: 'network "lan": it is partitioned' },
        { code: 'RACK_NOT_SAVED', path: 'guests.two' },
      ],
    })
  })

  test('for frames that a guest does not receive', async ({ launchRack }) => {
    const waits = { memory: '64M', cpu: 1, timeout: '30m' } as const
    const rack = await launchRack({
      networks: { lan: {} },
      guests: {
        deaf: { machine: { ...waits, boot: { append: 'report=no ready-hang' } }, nics: ['lan'] },
        caller: { machine: { ...waits, boot: { append: 'frames-call' } }, nics: ['lan'] },
      },
      passes: ['deaf'],
    })
    await guestOf(rack, 'deaf').console.expect('ready')
    await guestOf(rack, 'caller').console.expect('"frames"')
    const arrived = async () => (await rack.networks.lan?.stats())?.ports['deaf/lan']?.sent ?? 0
    await expect.poll(arrived, { timeout: 300_000 }).toBeGreaterThan(0)
    await expect(saveState(rack, { frames: 'keep' })).rejects.toMatchObject({ code: 'RACK_FRAMES_NOT_KEPT' })
    // It was not paused, and dropping them works.
    await using ready = await saveState(rack)
    await using fork = await ready.fork()
    expect(Object.keys(fork.guests)).toEqual(['deaf', 'caller'])
  })
})
