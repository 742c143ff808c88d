/** Two guests over a private network and, in the same boot, over a direct datagram socket between their QEMUs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linuxProfile, type MachineInput } from 'bringup'
import { createColors } from 'picocolors'
import { formatTable } from '../src/cli/table.ts'
import type { Guest } from '../src/guest/guest.ts'
import { parseRack } from '../src/project/rack.ts'
import { planRun } from '../src/project/run-planning.ts'
import { startRun } from '../src/runs/run.ts'
import { median } from './measure.ts'
import { FOLDER, projectOf } from './setting.ts'

const ROUNDS = 5
const SECONDS = 3
const PATIENT = { timeoutMs: 600_000 }

export async function networks(): Promise<void> {
  // Socket paths hold about 100 bytes, so they get a folder with a short name.
  const sockets = mkdtempSync(join(tmpdir(), 'bn-'))
  try {
    await compare(sockets)
  } finally {
    rmSync(sockets, { recursive: true, force: true })
  }
}

async function compare(sockets: string): Promise<void> {
  const profile = linuxProfile({ name: 'linux-iperf', programs: ['iperf3'] })
  const guest = (own: string, peer: string, mac: string) => ({
    machine: directlyConnected(join(sockets, own), join(sockets, peer), mac),
    profile: 'linux-iperf',
    nics: ['lan'],
  })
  const rack = parseRack(
    {
      networks: { lan: {} },
      guests: { server: guest('s', 'c', '52:54:00:99:00:01'), client: guest('c', 's', '52:54:00:99:00:02') },
    },
    ['racks', 'pair'],
  )
  const project = { ...projectOf(), profiles: [profile], racks: { pair: rack } }
  const planned = await planRun({ project, rack: 'pair' })
  await using run = startRun(planned, { stateFolder: join(FOLDER, '.networks') })
  const [server, client] = await Promise.all([run.guest('server'), run.guest('client')])
  await connect(server, '10.9.0.1')
  await connect(client, '10.9.0.2')
  await server.run(['iperf3', '-s', '-D'], PATIENT)
  // On a loaded computer the first question for an address takes longer than a connection waits for it.
  for (const address of ['10.9.0.1', '10.1.0.10'])
    await client.run(['ping', '-q', '-c', '10', address], PATIENT)
  const pid = run.networks.lan?.pid ?? 0
  const figures = new Map<string, { lan: number[]; direct: number[] }>()
  const note = (what: string, way: 'lan' | 'direct', value: number) => {
    const known = figures.get(what) ?? { lan: [], direct: [] }
    known[way].push(value)
    figures.set(what, known)
  }
  const cpu: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, address] of [
      ['direct', '10.9.0.1'],
      ['lan', '10.1.0.10'],
    ] as const) {
      const before = cpuSeconds(pid)
      note('TCP, Mbit/s', way, await throughput(client, address, []))
      if (way === 'lan') cpu.push((100 * (cpuSeconds(pid) - before)) / SECONDS)
      note('TCP back, Mbit/s', way, await throughput(client, address, ['-R']))
      note('ping, least ms', way, await leastPing(client, address))
    }
  }
  const rows = [...figures].map(([what, { lan, direct }]) => [
    what,
    median(direct).toFixed(2),
    median(lan).toFixed(2),
    median(lan.map((value, i) => value / (direct[i] ?? Number.NaN))).toFixed(2),
  ])
  console.log(`\nTwo guests, ${ROUNDS} rounds: -netdev dgram between them, and a private network`)
  console.log(
    formatTable(['', 'dgram', 'network', 'ratio'], rows, {
      colors: createColors(false),
      columns: Number.POSITIVE_INFINITY,
    }),
  )
  console.log(`the switch used ${median(cpu).toFixed(1)} % of a core during TCP`)
}

/** A second card, on a datagram socket between the two QEMUs. */
function directlyConnected(own: string, peer: string, mac: string): MachineInput {
  const netdev = `dgram,id=direct,local.type=unix,local.path=${own},remote.type=unix,remote.path=${peer}`
  return {
    cpu: 1,
    memory: '256M',
    timeout: '30m',
    accel: 'tcg',
    qemuArgs: ['-netdev', netdev, '-device', `virtio-net-pci,netdev=direct,mac=${mac},romfile=`],
  }
}

async function connect(guest: Guest, address: string): Promise<void> {
  const script = `for path in /sys/class/net/*; do
    read -r mac < $path/address
    case $mac in 52:54:00:99:*) ifconfig \${path##*/} ${address} netmask 255.255.255.0 up;; esac
  done`
  const { exitCode, stderr } = await guest.run(['sh', '-c', script], PATIENT)
  if (exitCode !== 0) throw new Error(stderr)
}

async function throughput(client: Guest, address: string, options: readonly string[]): Promise<number> {
  const argv = ['iperf3', '-c', address, '-t', `${SECONDS}`, '-J', ...options]
  const { stdout } = await client.run(argv, PATIENT)
  const { end, error } = JSON.parse(stdout) as {
    readonly end: { readonly sum_received?: { readonly bits_per_second: number } }
    readonly error?: string
  }
  if (end.sum_received === undefined) throw new Error(`iperf3: ${error}`)
  return end.sum_received.bits_per_second / 1e6
}

async function leastPing(client: Guest, address: string): Promise<number> {
  const { stdout } = await client.run(['ping', '-q', '-c', '100', '-i', '0.01', address], PATIENT)
  return Number(/min\/avg\/max = ([\d.]+)/.exec(stdout)?.[1])
}

/** USER_HZ of Linux on x86 is 100. */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
