/** Programs that people use, over private networks: redis and its benchmark, iperf3, socat, DHCP clients. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, onTestFinished } from 'vitest'
import type { Guest, RackInput, Run } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'
import { aptProgram } from '../support/apt-program.ts'

const PATIENT = { timeoutMs: 600_000 }
const sh = (guest: Guest | undefined, script: string) => {
  if (guest === undefined) throw new Error('no guest')
  return guest.run(['sh', '-c', script], PATIENT)
}
/** The output of a script that has to succeed. */
async function out(guest: Guest | undefined, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await sh(guest, script)
  expect(exitCode, `${script}\n${stdout}${stderr}`).toBe(0)
  return stdout
}

function lanOf(run: Run) {
  const { lan } = run.networks
  if (lan === undefined) throw new Error('no network')
  return lan
}

const machine = { memory: '256M', cpu: 1, timeout: '30m' } as const

/** A project whose profile `tools` has these programs. */
function projectWith(...programs: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'bringup programs '))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'bringup.config.ts'),
    `import { defineConfig, linuxProfile } from 'bringup'
     export default defineConfig({ profiles: [linuxProfile({ name: 'tools', programs: ${JSON.stringify(programs)} })] })`,
  )
  return folder
}

const member = { machine, profile: 'tools', nics: ['lan'] }
const REDIS = "redis-server --bind 0.0.0.0 --protected-mode no --save '' --daemonize yes"
/** Runs until the server says so of itself. */
const untilReplica = (words: string) =>
  `until redis-cli info replication | grep -q ${words}; do usleep 100000; done`

describe('redis in a guest', () => {
  beforeAll(() => aptProgram('redis-benchmark', 'redis-tools').then(() => {}))

  test('serves redis-benchmark in another guest, and on this computer by a forward; every frame is captured', async ({
    launchRack,
  }) => {
    const folder = projectWith('redis-server', 'redis-cli', 'redis-benchmark')
    const way = { kind: 'nic', id: 'out', forwards: ['tcp::6379'] } as const
    const run = await launchRack(
      {
        networks: { lan: { capture: true, router: false } },
        guests: { server: { ...member, machine: { ...machine, devices: [way] } }, client: member },
      },
      { folder },
    )
    const lan = lanOf(run)
    const { server, client } = run.guests
    await out(server, REDIS)
    const inside = await out(client, 'redis-benchmark -h server -t set,get,lpush -n 1500 -c 10 --csv')
    for (const kind of ['SET', 'GET', 'LPUSH'])
      expect(inside).toMatch(new RegExp(`^"${kind}","[\\d.]+"`, 'm'))
    expect(await out(client, 'redis-cli -h server dbsize')).toMatch(/^[1-9]/)
    const { path, env } = await aptProgram('redis-benchmark', 'redis-tools')
    const port = `${server?.port(6379)}`
    const outside = await promisify(execFile)(
      path,
      ['-h', '127.0.0.1', '-p', port, '-t', 'set,get', '-n', '500', '-c', '5', '--csv'],
      { env: { ...process.env, ...env } },
    )
    expect(outside.stdout).toMatch(/^"GET","[\d.]+"/m)
    const { ports } = await lan.stats()
    await run.close()
    const capture = join(run.folder.path, 'networks/lan.pcapng')
    const tshark = (...args: readonly string[]) =>
      execFileSync('tshark', ['-n', '-r', capture, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        maxBuffer: 1e9,
      }).split('\n')
    expect(tshark('-Y', '_ws.malformed')).toEqual([''])
    const frames = tshark('-T', 'fields', '-e', 'frame.interface_name').filter((name) => name !== '')
    for (const port of ['server/lan', 'client/lan']) {
      const captured = frames.filter((name) => name === port).length
      expect(captured, port).toBeGreaterThan(1000)
      expect(captured, port).toBeGreaterThanOrEqual(ports[port]?.received ?? 0)
    }
    expect(tshark('-Y', 'tcp.port == 6379 && tcp.len > 0').length).toBeGreaterThan(1000)
  })

  test('is replicated, cut off and healed under load: the replica has what the server has', async ({
    launchRack,
  }) => {
    const folder = projectWith('redis-server', 'redis-cli', 'redis-benchmark')
    const run = await launchRack(
      { networks: { lan: {} }, guests: { server: member, replica: member, load: member } },
      { folder },
    )
    const lan = lanOf(run)
    const { server, replica, load } = run.guests
    const patience = '--repl-timeout 3 --repl-ping-replica-period 1 --repl-backlog-size 16mb'
    await out(server, `${REDIS} ${patience}`)
    await out(replica, `${REDIS} ${patience} --replicaof server 6379`)
    await out(replica, untilReplica('master_link_status:up'))
    const busy = out(load, 'redis-benchmark -h server -t set -n 6000 -r 5000 -c 4 -q')
    await out(server, 'redis-cli set before yes')
    await lan.partition(['server', 'load'], ['replica'])
    await out(server, 'redis-cli set during yes')
    await out(replica, untilReplica('master_link_status:down'))
    expect(await out(replica, 'redis-cli get during')).toBe('\n')
    await lan.heal()
    await out(replica, untilReplica('master_link_status:up'))
    await busy
    await out(server, 'redis-cli set after yes')
    expect(await out(server, 'redis-cli wait 1 0')).toBe('1\n')
    const [one, other] = await Promise.all([
      out(server, 'redis-cli debug digest; redis-cli dbsize'),
      out(replica, 'redis-cli debug digest; redis-cli dbsize; '),
    ])
    expect(other).toBe(one)
    expect(await out(replica, 'redis-cli mget before during after')).toBe('yes\nyes\nyes\n')
  })
})

describe('iperf3 and socat', () => {
  test('iperf3 moves data by TCP, and sees a loss of 10 % by UDP, the same for the same seed', async ({
    launchRack,
  }) => {
    const run = await launchRack(
      { networks: { lan: {} }, guests: { server: member, client: member } },
      { folder: projectWith('iperf3') },
    )
    const lan = lanOf(run)
    const { server, client } = run.guests
    await out(server, 'iperf3 --server --daemon')
    await out(client, 'until iperf3 -c server -n 1K >/dev/null 2>&1; do usleep 100000; done')
    // The server may not yet be done with the last client, which it tells the next one.
    const whenFree = (command: string) =>
      `until ${command} >/tmp/result && ! grep -q '"error"' /tmp/result; do grep -q 'server is busy' /tmp/result || { cat /tmp/result; exit 1; }; usleep 100000; done; cat /tmp/result`
    const iperf = async (words: string) =>
      JSON.parse(await out(client, whenFree(`iperf3 --json -c server ${words}`))) as {
        readonly end: {
          readonly sum: {
            readonly lost_packets: number
            readonly packets: number
            readonly lost_percent: number
          }
          readonly sum_sent: { readonly bytes: number }
          readonly sum_received: { readonly bytes: number }
        }
      }
    for (const way of ['', '--reverse']) {
      const { sum_sent, sum_received } = (await iperf(`-n 4M ${way}`)).end
      expect(sum_sent.bytes).toBeGreaterThanOrEqual(4 * 1024 ** 2)
      // iperf3 stops counting when the sender has ended; what is on its way then is not counted.
      expect(sum_received.bytes).toBeGreaterThan(2 * 1024 ** 2)
    }
    const lossOf = async (seed: number) => {
      // With these seeds the datagram with which iperf3 begins is not lost; it sends it once only.
      await using _loss = await lan.fault({ loss: 0.1, seed, from: 'client', traffic: ['udp'] })
      const { end } = await iperf('--udp --bitrate 4M --length 1000 --bytes 2000000')
      return end.sum
    }
    const first = await lossOf(7)
    expect(first.packets).toBeGreaterThanOrEqual(1990)
    expect(Math.abs(first.lost_percent - 10)).toBeLessThanOrEqual(2)
    // Which one is the last that arrives is not iperf3's to know.
    expect(Math.abs((await lossOf(7)).lost_packets - first.lost_packets)).toBeLessThanOrEqual(2)
  })

  test('socat: streams both ways, datagrams and broadcasts', async ({ launchRack }) => {
    const run = await launchRack(
      { networks: { lan: {} }, guests: { one: member, two: member, three: member } },
      { folder: projectWith('socat') },
    )
    const { one, two, three } = run.guests
    await out(one, 'socat TCP-LISTEN:7000,fork,reuseaddr EXEC:cat >/dev/null 2>&1 &')
    await out(two, 'head -c 2000000 /dev/urandom > /tmp/sent')
    await out(one, 'socat -u TCP-LISTEN:7001 CREATE:/tmp/got >/dev/null 2>&1 &')
    await out(two, 'until socat -u OPEN:/dev/null TCP:one:7000; do usleep 100000; done')
    const returned = await out(
      two,
      'socat -t 600 FILE:/tmp/sent!!CREATE:/tmp/back TCP:one:7000 && cmp /tmp/sent /tmp/back && echo same',
    )
    expect(returned).toBe('same\n')
    await out(two, 'socat -t 600 -u FILE:/tmp/sent TCP:one:7001')
    await out(one, 'until [ "$(wc -c < /tmp/got)" = 2000000 ]; do usleep 100000; done')
    const sum = (guest: Guest | undefined, file: string) => out(guest, `sha256sum < ${file}`)
    expect(await sum(one, '/tmp/got')).toBe(await sum(two, '/tmp/sent'))
    for (const guest of [one, three])
      await out(
        guest,
        'socat -u UDP-RECVFROM:7002 CREATE:/tmp/heard >/dev/null 2>&1 & until netstat -lnu | grep -q :7002; do usleep 50000; done',
      )
    await out(two, 'echo to all | socat -u STDIN UDP-DATAGRAM:10.1.0.255:7002,broadcast')
    for (const guest of [one, three])
      expect(await out(guest, 'until [ -s /tmp/heard ]; do usleep 50000; done; cat /tmp/heard')).toBe(
        'to all\n',
      )
  })
})

describe('udhcpc', () => {
  test('gets a lease, renews it, and releases it', async ({ launchRack }) => {
    const rack: RackInput = {
      networks: { lan: {} },
      guests: { only: { machine, profile: 'linux', nics: ['lan'] } },
    }
    const run = await launchRack(rack)
    const { only } = run.guests
    await out(only, 'kill $(cat /run/bringup/network/eth0.pid); ip addr flush dev eth0')
    const asked = await sh(
      only,
      'udhcpc -i eth0 -n -q -f -s /usr/share/udhcpc/default.script; ip -4 -o addr show dev eth0; ip route',
    )
    expect(asked.stderr).toContain('lease of 10.1.0.10 obtained from 10.1.0.1')
    expect(asked.stdout).toContain('10.1.0.10/24')
    expect(asked.stdout).toContain('default via 10.1.0.1')
    const held = await sh(
      only,
      `(udhcpc -i eth0 -f -s /usr/share/udhcpc/default.script -p /tmp/pid -R > /tmp/log 2>&1; echo ended >> /tmp/log) &
       until grep -q 'lease of' /tmp/log; do usleep 50000; done
       kill -USR1 $(cat /tmp/pid)
       until [ $(grep -c 'lease of' /tmp/log) = 2 ]; do usleep 50000; done
       kill $(cat /tmp/pid)
       until grep -q ended /tmp/log; do usleep 50000; done
       cat /tmp/log`,
    )
    expect(held.stdout).toMatch(
      /lease of 10\.1\.0\.10 obtained[\s\S]*lease of 10\.1\.0\.10 obtained[\s\S]*releas/i,
    )
    const { events } = run.folder
    await run.close()
    expect(readFileSync(events, 'utf8').match(/"type":"lease given"/g)?.length).toBeGreaterThanOrEqual(3)
  })
})
