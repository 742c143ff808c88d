/** Host networks: bridge and taps in a namespace of the run's own, real DHCP servers, nothing left after SIGKILL. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, onTestFinished } from 'vitest'
import type { Guest, RackInput } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'
import { aptProgram } from '../support/apt-program.ts'

const machine = { memory: '192M', cpu: 2, timeout: '30m' } as const
const member = { machine, profile: 'linux', nics: ['lan'] }
/** The probe kernel, which waits until it is ended. */
const waits = { memory: '64M', boot: { append: 'report=no ready-hang' }, timeout: '30m' } as const

const sh = (guest: Guest | undefined, script: string) => {
  if (guest === undefined) throw new Error('no guest')
  return guest.run(['sh', '-c', script], { timeoutMs: 600_000 })
}

beforeAll(async () => {
  const servers = [
    await aptProgram('dnsmasq', 'dnsmasq-base'),
    await aptProgram('dhcpd', 'isc-dhcp-server'),
    await aptProgram('ping', 'iputils-ping'),
  ]
  const add = (name: string, values: readonly string[]) => {
    process.env[name] = [...values, process.env[name] ?? ''].filter(Boolean).join(delimiter)
  }
  add(
    'PATH',
    servers.map(({ path }) => dirname(path)),
  )
  add(
    'LD_LIBRARY_PATH',
    servers.flatMap(({ env }) => env.LD_LIBRARY_PATH ?? []),
  )
})

const run = (words: readonly string[]) => {
  const [program = '', ...args] = words
  return execFileSync(program, args, { encoding: 'utf8' })
}

describe('a host network', () => {
  test('gives addresses and names by dnsmasq; a service of this computer serves its guests; cards have queues', async ({
    launchRack,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup served '))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'page'), 'from this computer\n')
    const web = ['python3', '-m', 'http.server', '--bind', '10.1.0.1', '--directory', folder, '8000'] as const
    const rack: RackInput = {
      networks: { lan: { host: true } },
      services: { web: { argv: [...web], network: 'lan', ready: { port: 8000 } } },
      guests: { one: { ...member, nics: [{ network: 'lan', queues: 2 }] }, two: member },
    }
    const rackRun = await launchRack(rack)
    const { one, two } = rackRun.guests
    expect(await sh(two, 'ip -4 -o addr show dev eth0; cat /etc/resolv.conf')).toMatchObject({
      stdout: expect.stringMatching(/10\.1\.0\.11\/24[\s\S]*search lan\nnameserver 10\.1\.0\.1\n/),
    })
    expect(await sh(two, 'ping -c 2 one && ping -c 1 gateway.lan')).toMatchObject({ exitCode: 0 })
    expect((await sh(two, 'wget -qO- http://gateway:8000/page')).stdout).toBe('from this computer\n')
    expect((await sh(one, 'ls -d /sys/class/net/eth0/queues/rx-* | wc -l')).stdout.trim()).toBe('2')
    const { lan } = rackRun.hostNetworks
    if (!lan) throw new Error('no network')
    expect(run(lan.words(['ping', '-c', '1', '10.1.0.10']))).toContain(' 0% packet loss')
    // This computer's own network has nothing of it.
    expect(run(['ip', '-brief', 'link'])).not.toContain(lan.bridge)
    const result = await rackRun.close()
    expect(result.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(spawnSync('nsenter', lan.words(['true']).slice(1)).status).not.toBe(0)
    expect(readFileSync(join(rackRun.folder.path, 'networks/lan.leases'), 'utf8')).toContain('10.1.0.11')
  })

  test('gives addresses by ISC dhcpd from a file as a source tree has it', async ({ launchRack }) => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup dhcpd '))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(
      join(folder, 'dhcpd.conf'),
      `option domain-name "tests";
default-lease-time 600;
max-lease-time 7200;
ddns-update-style none;
subnet 172.31.0.0 netmask 255.255.255.0 {
  range 172.31.0.118 172.31.0.122;
  host first { hardware ethernet 56:b4:44:e9:62:d0; fixed-address 172.31.0.10; }
}
`,
    )
    const rackRun = await launchRack({
      networks: {
        lan: { subnet: '172.31.0.0/24', host: { address: '172.31.0.20', dhcpd: join(folder, 'dhcpd.conf') } },
      },
      guests: {
        first: { ...member, nics: [{ network: 'lan', model: 'e1000', mac: '56:b4:44:e9:62:d0' }] },
        other: member,
      },
    })
    const { first, other } = rackRun.guests
    expect((await sh(first, 'ip -4 -o addr show dev eth0')).stdout).toContain('172.31.0.10/24')
    expect((await sh(other, 'ip -4 -o addr show dev eth0')).stdout).toMatch(/172\.31\.0\.1(18|19|2[0-2])\/24/)
    expect(await sh(other, 'ping -c 1 172.31.0.10 && ping -c 1 172.31.0.20')).toMatchObject({ exitCode: 0 })
    await rackRun.close()
    const log = readFileSync(join(rackRun.folder.path, 'services/lan-dhcpd/log'), 'utf8')
    expect(log).toContain('DHCPACK on 172.31.0.10 to 56:b4:44:e9:62:d0')
  })
})

describe('cards of every model', () => {
  test.for(['virtio-net-pci', 'e1000', 'e1000e', 'vmxnet3', 'rtl8139'] as const)(
    '%s: the probe kernel reports its MAC address and its link',
    async (model, { launch }) => {
      const mac = '52:54:00:12:34:56'
      const guest = await launch(
        {
          memory: '64M',
          devices: [
            { kind: 'nic', model, mac, rom: true },
            { kind: 'nic', model, network: 'none' },
          ],
        },
        { profile: 'probe', verify: true },
      )
      const result = await guest.done
      expect(result.verdict).toBe('passed')
      const about = (device: string) =>
        result.comparison
          ?.filter((row) => row.device === device)
          .map(({ aspect, got, ok }) => [aspect, got, ok])
      expect(about('nic nic0')).toContainEqual(['MAC', mac, true])
      expect(about('nic nic0')).toContainEqual(['link', 'up', true])
      expect(about('nic nic1')?.find(([aspect]) => aspect === 'MAC')?.[2]).toBe(true)
    },
  )
})

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** A network namespace that stands for this computer's own network, so that nothing of that is changed. */
async function standIn(): Promise<{ enter(argv: readonly string[]): readonly string[] }> {
  const holder = spawn('unshare', ['--net', '--', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void holder.stdin.end())
  holder.stdin.write('.\n')
  await once(holder.stdout, 'data')
  return { enter: (argv) => ['nsenter', '--target', `${holder.pid}`, '--net', '--', ...argv] }
}

describe('a host network that this computer is on', () => {
  test('is reached from it; after SIGKILL nothing is left, and the journal says so at the next run', async () => {
    const { enter } = await standIn()
    const state = mkdtempSync(join(tmpdir(), 'bringup killed '))
    onTestFinished(() => rmSync(state, { recursive: true, force: true }))
    const rack: RackInput = {
      networks: { lan: { host: { reachable: true } } },
      guests: { one: { machine: waits, nics: ['lan'] }, two: { machine: waits, nics: ['lan'] } },
    }
    const links = () =>
      (JSON.parse(run(enter(['ip', '-json', 'link']))) as readonly { readonly ifname: string }[])
        .map(({ ifname }) => ifname)
        .filter((name) => name !== 'lo')
    const journals = join(state, 'bringup/operations')
    const states = () =>
      readdirSync(journals)
        .filter((name) => !name.startsWith('.'))
        .sort()
        .map((name) => readFileSync(join(journals, name, 'journal.jsonl'), 'utf8').includes('"undo-end"'))
    const start = async () => {
      const [program = '', ...args] = enter([
        process.execPath,
        join(repository, 'scripts/run-source.mjs'),
        join(repository, 'test/support/rack-driver.ts'),
        join(state, 'runs'),
        JSON.stringify(rack),
      ])
      const driver = spawn(program, args, {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, XDG_STATE_HOME: state },
      })
      onTestFinished(() => void driver.kill('SIGKILL'))
      const events: { readonly type: string; readonly pid?: number }[] = []
      for await (const line of createInterface(driver.stdout)) {
        events.push(JSON.parse(line))
        if (events.at(-1)?.type === 'all started') break
      }
      return { driver, events }
    }
    const first = await start()
    expect(first.events.map(({ type }) => type)).toContain('all started')
    expect(links()).toEqual([expect.stringMatching(/^bu[0-9a-f]{7}$/)])
    expect(run(enter(['ping', '-c', '1', '10.1.0.1']))).toContain(' 0% packet loss')
    expect(first.events.filter(({ type }) => type === 'host changed')).toHaveLength(3)
    const holder = first.events.find(({ type }) => type === 'host network ready')?.pid ?? 0
    first.driver.kill('SIGKILL')
    await expect.poll(links, { timeout: 300_000 }).toEqual([])
    await expect.poll(() => spawnSync('kill', ['-0', `${holder}`]).status, { timeout: 300_000 }).not.toBe(0)
    expect(states()).toEqual([false])
    const second = await start()
    expect(states()).toEqual([true, false])
    second.driver.kill('SIGTERM')
    await once(second.driver, 'exit')
    await expect.poll(links, { timeout: 300_000 }).toEqual([])
  })
})
