/** Private networks between real guests: addresses, names, faults that repeat, partitions, captures. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import type { Guest, NetworkFrame, RackInput, Run, RunEvent } from '../../src/index.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { unpackedPackages } from '../../src/project/profiles/linux/packages.ts'
import { expect, test } from '../../src/testing/index.ts'

const machine = { memory: '192M', cpu: 1, timeout: '30m' } as const
const member = { machine, profile: 'linux', nics: ['lan'] }
const pair = (network: NonNullable<RackInput['networks']>[string] = {}): RackInput => ({
  networks: { lan: network },
  guests: { server: member, client: member },
})

/** Guests on a loaded computer are slow; a command that hangs is stopped all the same. */
const PATIENT = { timeoutMs: 600_000 }
const sh = (guest: Guest | undefined, script: string) => {
  if (guest === undefined) throw new Error('no guest')
  return guest.run(['sh', '-c', script], PATIENT)
}

function lanOf(run: Run) {
  const { lan } = run.networks
  if (lan === undefined) throw new Error('no network')
  return lan
}

const tshark = (file: string, ...args: readonly string[]) =>
  execFileSync('tshark', ['-n', '-r', file, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .split('\n')
    .filter((line) => line !== '')

/** Sequence numbers of the ping requests or replies among the frames that were lost. */
const lostPings = (frames: readonly NetworkFrame[]) =>
  frames
    .filter(({ traffic, remarks }) => traffic.includes('ipv4') && remarks.some((r) => r.startsWith('lost')))
    .map(({ data }) => data.readUInt16BE(14 + 20 + 6))

describe('a private network', () => {
  test('gives its guests addresses and names, and records every frame', async ({ launchRack }) => {
    const events: RunEvent[] = []
    const run = await launchRack(pair({ capture: true }), { onEvent: (event) => events.push(event) })
    const { server, client } = run.guests
    const [plan] = run.plan.networks
    expect(plan?.ports.map(({ guest, address }) => [guest, address])).toEqual([
      ['server', '10.1.0.10'],
      ['client', '10.1.0.11'],
    ])
    expect((await sh(client, 'ip -4 -o addr show scope global')).stdout).toContain('10.1.0.11/24')
    expect((await sh(client, 'cat /etc/resolv.conf; hostname')).stdout).toBe(
      'search lan\nnameserver 10.1.0.1\nclient\n',
    )
    expect(await sh(client, 'ping -c 2 server && ping -c 2 server.lan && ping -c 2 gateway')).toMatchObject({
      exitCode: 0,
    })
    expect(await sh(server, 'ping -c 2 client && nslookup client.lan 10.1.0.1')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Address: 10.1.0.11'),
    })
    expect((await sh(client, 'nslookup elsewhere.lan 10.1.0.1')).stdout).toContain('NXDOMAIN')
    expect((await sh(client, 'nslookup elsewhere.example 10.1.0.1')).stdout).toContain('REFUSED')
    expect((await sh(client, 'ping -c 1 -w 20 192.0.2.1')).stdout).toContain('100% packet loss')
    expect((await sh(client, 'wget -O- http://gateway/')).stderr).toContain('refused')
    const frames = await lanOf(run).frames({ from: 'client', to: 'server', traffic: 'icmp' })
    expect(frames.filter(({ traffic }) => traffic.includes('ipv4')).length).toBeGreaterThanOrEqual(4)
    const leases = events.filter((event) => event.type === 'lease given')
    expect(leases).toEqual([
      expect.objectContaining({ network: 'lan', address: expect.stringMatching(/^10\.1\.0\.1[01]$/) }),
      expect.objectContaining({ network: 'lan', address: expect.stringMatching(/^10\.1\.0\.1[01]$/) }),
    ])
    await run.close()
    const capture = join(run.folder.path, 'networks/lan.pcapng')
    expect(tshark(capture, '-Y', '_ws.malformed')).toEqual([])
    const names = tshark(capture, '-T', 'fields', '-e', 'frame.interface_name')
    expect(new Set(names)).toEqual(new Set(['server/lan', 'client/lan', 'gateway']))
    expect(tshark(capture, '-Y', 'dhcp.option.dhcp == 5').length).toBe(2)
    expect(readFileSync(run.folder.events, 'utf8')).toContain('"type":"lease given"')
  })

  test('loses the same frames for the same seed, about as many as asked in each direction', async ({
    launchRack,
  }) => {
    const run = await launchRack(pair())
    const lan = lanOf(run)
    // Names and addresses are known before the loss begins.
    await sh(run.guests.client, 'ping -c 1 server')
    const lossOf = async (seed: number, pings: number) => {
      const before = await lan.stats()
      const earlier = (await lan.frames({ traffic: 'icmp' })).length
      await using _loss = await lan.fault({
        loss: 0.1,
        seed,
        between: ['client', 'server'],
        traffic: ['icmp'],
      })
      const { stdout } = await sh(run.guests.client, `ping -c ${pings} -i 0.01 -W 5 server`)
      const frames = await lan.frames({ traffic: 'icmp' })
      const after = await lan.stats()
      const directions = after.ways.filter(({ from, to }) => from !== 'gateway' && to !== 'gateway')
      const shares = directions.map(({ from, to, lost, frames: sent }) => {
        const then = before.ways.find((way) => way.from === from && way.to === to)
        return (lost - (then?.lost ?? 0)) / (sent - (then?.frames ?? 0))
      })
      const mine = frames.slice(earlier)
      return {
        received: Number(/(\d+) packets received/.exec(stdout)?.[1]),
        shares,
        requests: lostPings(mine.filter(({ from }) => from === 'client/lan')),
        replies: lostPings(mine.filter(({ from }) => from === 'server/lan')),
      }
    }
    const pings = 600
    const first = await lossOf(7, pings)
    for (const share of first.shares) expect(Math.abs(share - 0.1)).toBeLessThan(0.02)
    expect(first.requests.length).toBeGreaterThan(40)
    // What was not lost arrived, but for answers that came after the end of a ping on a loaded computer.
    const arrived = pings - first.requests.length - first.replies.length
    expect(first.received).toBeLessThanOrEqual(arrived)
    expect(first.received).toBeGreaterThan(arrived - pings / 50)
    const again = await lossOf(7, 200)
    const early = (lost: readonly number[]) => lost.filter((sequence) => sequence < 200)
    expect([again.requests, again.replies]).toEqual([early(first.requests), early(first.replies)])
    const other = await lossOf(8, 200)
    expect(other.requests).not.toEqual(early(first.requests))
  })

  test('is cut in two and healed, and links go down and up, while the guests run on', async ({
    launchRack,
  }) => {
    const run = await launchRack(pair())
    const lan = lanOf(run)
    const { client } = run.guests
    const ping = async () => (await sh(client, 'ping -c 3 -w 20 10.1.0.10')).exitCode
    expect(await ping()).toBe(0)
    await lan.partition(['client'], ['server'])
    expect(await ping()).toBe(1)
    expect((await sh(client, 'ping -c 2 gateway; cat /sys/class/net/eth0/carrier')).stdout).toMatch(
      / 0% packet loss[\s\S]*\n1\n$/,
    )
    await lan.heal()
    expect(await ping()).toBe(0)
    await lan.link('server', 'down')
    expect(await ping()).toBe(1)
    await lan.link('server', 'up')
    expect(await ping()).toBe(0)
  })

  test('delays, doubles, swaps and corrupts frames; TCP delivers every byte all the same', async ({
    launchRack,
  }) => {
    const run = await launchRack(pair())
    const lan = lanOf(run)
    const { client, server } = run.guests
    {
      await using _slow = await lan.fault({ delay: '20ms' })
      const { stdout } = await sh(client, 'ping -c 5 server')
      const least = Number(/round-trip min\/avg\/max = ([\d.]+)/.exec(stdout)?.[1])
      expect(least).toBeGreaterThanOrEqual(40)
    }
    await lan.fault({
      duplicate: 0.05,
      reorder: 0.05,
      corrupt: 0.03,
      loss: 0.01,
      jitter: '2ms',
      traffic: ['tcp'],
    })
    await sh(server, 'mkdir /tmp/www; head -c 3000000 /dev/urandom > /tmp/www/data; httpd -h /tmp/www')
    const sum = (guest: Guest | undefined, file: string) => sh(guest, `sha256sum < ${file}`)
    const wanted = await sum(server, '/tmp/www/data')
    expect(await sh(client, 'wget -qO /tmp/data http://server/data')).toMatchObject({ exitCode: 0 })
    expect(await sum(client, '/tmp/data')).toEqual(wanted)
    const way = (await lan.stats()).ways.find(({ from, to }) => from === 'server/lan' && to === 'client/lan')
    for (const effect of ['duplicated', 'reordered', 'corrupted', 'lost'] as const)
      expect(way?.[effect], effect).toBeGreaterThan(5)
  })

  test('costs bounded memory with a guest that never reads, and the others go on', async ({ launchRack }) => {
    const events: RunEvent[] = []
    const run = await launchRack(
      { networks: { lan: { queue: '128K' } }, guests: { stopped: member, client: member, server: member } },
      { onEvent: (event) => events.push(event) },
    )
    const lan = lanOf(run)
    const { stopped, client } = run.guests
    await sh(client, 'ping -c 1 stopped && ping -c 1 server')
    const resident = () =>
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${lan.pid}/status`, 'utf8'))?.[1])
    process.kill(stopped?.qemu.pid ?? 0, 'SIGSTOP')
    const before = resident()
    const dropped = () => events.filter((e) => e.type === 'frames dropped' && e.port === 'stopped/lan')
    // An address that does not answer is forgotten after a while.
    const mac = run.plan.networks[0]?.ports.find(({ guest }) => guest === 'stopped')?.mac
    expect(await sh(client, `arp -s 10.1.0.10 ${mac}`)).toMatchObject({ exitCode: 0 })
    await sh(client, 'ping -q -c 600 -s 1400 -i 0.002 -W 1 10.1.0.10')
    expect(dropped().length).toBe(1)
    expect(resident() - before).toBeLessThan(64 * 1024)
    expect((await lan.stats()).ports['stopped/lan']?.waitingBytes).toBeLessThanOrEqual(128 * 1024)
    expect(await sh(client, 'ping -c 3 server')).toMatchObject({ exitCode: 0 })
    process.kill(stopped?.qemu.pid ?? 0, 'SIGCONT')
    expect(await sh(client, 'ping -q -c 30 -W 20 10.1.0.10')).toMatchObject({ exitCode: 0 })
    expect(events.some((e) => e.type === 'queue drained' && e.port === 'stopped/lan')).toBe(true)
  })

  test('has larger frames, fixed addresses, and several cards of one guest', async ({ launchRack }) => {
    const run = await launchRack({
      networks: { lan: { mtu: 9000, subnet: '192.168.7.0/28' }, back: { dhcp: false } },
      guests: {
        one: { machine, profile: 'linux', nics: [{ network: 'lan', address: '192.168.7.9' }, 'back'] },
        two: { machine, profile: 'linux', nics: [{ network: 'lan', model: 'e1000' }, 'back'] },
      },
    })
    const { one, two } = run.guests
    expect((await sh(one, 'ip -4 -o addr show scope global; ip link show eth0')).stdout).toMatch(
      /192\.168\.7\.9\/28[\s\S]*mtu 9000/,
    )
    expect(await sh(two, 'ping -c 2 -s 1400 one')).toMatchObject({ exitCode: 0 })
    // Without DHCP the addresses are the guests' own.
    await sh(one, 'ip addr add 10.9.0.1/24 dev eth1')
    await sh(two, 'ip addr add 10.9.0.2/24 dev eth1')
    expect(await sh(two, 'ping -c 2 10.9.0.1')).toMatchObject({ exitCode: 0 })
  })
})

test('a guest whose QEMU is stopped can be closed', async ({ launch }) => {
  const guest = await launch(machine, { profile: 'linux' })
  await guest.run(['true'])
  process.kill(guest.qemu.pid, 'SIGSTOP')
  expect(await guest.close({ timeoutMs: 1000 })).toMatchObject({ verdict: 'interrupted' })
})

describe('clients of DHCP', () => {
  test('of ISC take what the network gives', async ({ launchRack }) => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup dhclient '))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const means = {
      folder: join(cacheFolder(), 'linux'),
      signal: new AbortController().signal,
      progress: () => {},
    }
    const [unpacked = ''] = await unpackedPackages(['isc-dhcp-client'], means)
    writeFileSync(
      join(folder, 'bringup.config.ts'),
      `import { defineConfig, linuxProfile } from 'bringup'
       export default defineConfig({
         profiles: [linuxProfile({ name: 'isc', programs: ['${join(unpacked, 'sbin/dhclient')}'] })],
       })`,
    )
    const run = await launchRack(
      { networks: { lan: {} }, guests: { only: { machine, profile: 'isc', nics: ['lan'] } } },
      { folder },
    )
    const { only } = run.guests
    await sh(
      only,
      'kill $(cat /run/bringup/network/eth0.pid); ip addr flush dev eth0; mkdir -p /var/lib/dhcp /var/run',
    )
    const asked = await sh(
      only,
      '$(find / -xdev -name dhclient | head -n 1) -v -1 -sf /bin/true -lf /tmp/leases -pf /tmp/pid eth0; cat /tmp/leases',
    )
    expect(asked.stderr).toContain('DHCPACK of 10.1.0.10 from 10.1.0.1')
    for (const line of [
      'fixed-address 10.1.0.10',
      'option subnet-mask 255.255.255.0',
      'option routers 10.1.0.1',
      'option domain-name-servers 10.1.0.1',
      'option domain-name "lan"',
      'option interface-mtu 1500',
    ])
      expect(asked.stdout).toContain(line)
  })
})

describe('passt', () => {
  test('gives a guest the network of this computer', async ({ launch }) => {
    const server = createServer((_, answer) => void answer.end('from this computer')).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const guest = await launch(
      { ...machine, devices: [{ kind: 'nic', id: 'out', network: 'passt' }] },
      { profile: 'linux' },
    )
    const route = await sh(guest, 'ip route show default')
    const gateway = /via ([\d.]+)/.exec(route.stdout)?.[1]
    expect((await sh(guest, `wget -qO- http://${gateway}:${port}/`)).stdout).toBe('from this computer')
    const { diagnostics } = await guest.close()
    expect(diagnostics).toEqual([])
  })
})
