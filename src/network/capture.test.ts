/** The capture and the ring of a network, on streams in this process; tshark reads what was written. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, expect, it } from 'vitest'
import { BROADCAST_MAC, parseMac } from './addresses.ts'
import { systemClock } from './delay-line.ts'
import { faultSchema } from './fault-schema.ts'
import { ETHERTYPE, ethernetFrame, ipv4Packet, PROTOCOL, udpPacket } from './frame.ts'
import { framed } from './framing.ts'
import { NetworkCore } from './network-core.ts'
import type { NetworkEvent } from './network-event.ts'
import { type NetworkInput, networkSchema } from './network-schema.ts'
import { planNetwork } from './plan-network.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup capture '))
afterAll(() => rmSync(folder, { recursive: true }))

const MACS = ['52:54:00:00:00:01', '52:54:00:00:00:02']
const [A, B] = MACS.map((mac) => parseMac(mac) ?? 0) as [number, number]
let files = 0

async function network(input: NetworkInput) {
  const events: NetworkEvent[] = []
  const streams = [new PassThrough(), new PassThrough()] as const
  // What is written is not what is read: the two directions of a stream.
  const ends = streams.map((stream) => Object.assign(stream, { write: () => true }))
  const { plan } = planNetwork({
    name: 'lan',
    network: networkSchema.parse(input),
    index: 0,
    path: '',
    cards: MACS.map((mac, i) => ({ id: `g${i}/lan`, guest: `g${i}`, mac, path: '' })),
  })
  const captureFile = join(folder, `${files++}.pcapng`)
  const core = await NetworkCore.start({
    plan,
    streams: ends,
    clock: systemClock,
    ...(plan.captureBytes === undefined ? {} : { captureFile }),
    onEvent: (event) => events.push(event),
  })
  for (const { id } of plan.ports) core.attach(id)
  const send = (port: number, frame: Buffer) => streams[port]?.emit('data', framed(frame))
  return { core, send, events, captureFile }
}

const [from, to] = [0x0a01_000a, 0x0a01_000b]
const datagram = (text: string) =>
  ethernetFrame(
    { destination: B, source: A, etherType: ETHERTYPE.ipv4 },
    udpPacket(
      { source: from, destination: to },
      { sourcePort: 1, destinationPort: 9, payload: Buffer.from(text) },
    ),
  )

const tshark = (file: string, ...args: readonly string[]) =>
  execFileSync('tshark', ['-n', '-r', file, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .split('\n')
    .filter((line) => line !== '')

it('is read by tshark: every frame once, with its port and what became of it', async () => {
  const { core, send, captureFile } = await network({ capture: true })
  for (let i = 0; i < 50; i++) send(0, datagram(`payload ${i}`))
  core.addFault(1, faultSchema.parse({ loss: 1 }))
  send(0, datagram('lost'))
  core.heal()
  core.partition([['g0'], ['g1']])
  send(
    1,
    ethernetFrame(
      { destination: A, source: B, etherType: ETHERTYPE.ipv4 },
      ipv4Packet({
        source: to,
        destination: from,
        protocol: PROTOCOL.icmp,
        payload: Buffer.from('0800f7ff00000000', 'hex'),
      }),
    ),
  )
  send(
    0,
    ethernetFrame(
      { destination: BROADCAST_MAC, source: A, etherType: ETHERTYPE.arp },
      Buffer.from('00010800060400015254000000010a01000a0000000000000a010001', 'hex'),
    ),
  )
  await core.close()
  expect(statSync(captureFile).mode & 0o777).toBe(0o600)
  expect(tshark(captureFile, '-Y', '_ws.malformed || udp.checksum.status == "Bad"')).toEqual([])
  const fields = ['frame.interface_name', 'frame.packet_flags_direction', 'frame.protocols', 'frame.comment']
  const rows = tshark(captureFile, '-T', 'fields', ...fields.flatMap((field) => ['-e', field]))
  expect(rows.slice(0, 50)).toEqual(
    Array.from({ length: 50 }, () =>
      expect.stringMatching(/^g0\/lan\t0x00000001\teth:ethertype:ip:udp.*\t$/),
    ),
  )
  expect(rows.slice(50)).toEqual([
    expect.stringMatching(/^g0\/lan\t.*\tlost on the way to g1\/lan$/),
    expect.stringMatching(/^g1\/lan\t.*icmp\tpartition on the way to g0\/lan$/),
    expect.stringMatching(/^g0\/lan\t.*arp\tpartition on the way to g1\/lan$/),
    expect.stringMatching(/^gateway\t.*arp\t$/),
  ])
  const times = tshark(captureFile, '-T', 'fields', '-e', 'frame.time_epoch').map(Number)
  expect(Math.abs((times[0] ?? 0) * 1000 - Date.now())).toBeLessThan(3_600_000)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
})

it('keeps to its limit, says so, and counts what is missing', async () => {
  const { core, send, captureFile, events } = await network({ capture: { limit: '20K' } })
  for (let i = 0; i < 1000; i++) send(0, datagram(`payload ${i}`))
  await core.close()
  expect(events).toEqual([{ type: 'capture full', file: captureFile, limitBytes: 20 * 1024 }])
  expect(readFileSync(captureFile).length).toBeLessThan(21 * 1024)
  const frames = tshark(captureFile).length
  expect(frames).toBeGreaterThan(100)
  const statistics = readFileSync(captureFile).subarray(-4 * 52)
  expect(statistics.includes(Buffer.from([4, 0, 8, 0, 0xe8, 3, 0, 0]))).toBe(true)
  const missing = Buffer.alloc(12)
  missing.set([5, 0, 8])
  missing.writeUInt32LE(1000 - frames, 4)
  expect(statistics.includes(missing)).toBe(true)
})

it('does not end the network when the file cannot be written', async () => {
  await expect(NetworkCore.start({ ...(await bare()), captureFile: '/proc/x/lan.pcapng' })).rejects.toThrow(
    'ENOENT',
  )
})

async function bare() {
  const network = networkSchema.parse({ capture: true })
  const { plan } = planNetwork({ name: 'lan', network, index: 0, cards: [], path: '' })
  return { plan, streams: [], clock: systemClock, onEvent: () => {} }
}

it('the last frames are kept, with what they are', async () => {
  const { core, send } = await network({})
  core.addFault(1, faultSchema.parse({ duplicate: 1, to: 'g1' }))
  for (let i = 0; i < 20_000; i++) send(0, datagram(`${i}`))
  const frames = core.frames({})
  expect(frames.length).toBe(8192)
  expect(frames.at(-1)).toMatchObject({
    from: 'g0/lan',
    to: ['g1/lan'],
    traffic: ['ipv4', 'udp'],
    remarks: ['duplicated on the way to g1/lan'],
  })
  expect(frames.at(-1)?.data.toString('latin1')).toContain('19999')
  expect(frames[0]?.data.toString('latin1')).toContain(`${20_000 - 8192}`)
  expect(core.frames({ from: 'g1' })).toEqual([])
  expect(core.frames({ traffic: 'tcp' })).toEqual([])
  expect(core.stats().ways).toEqual([
    expect.objectContaining({ from: 'g0/lan', to: 'g1/lan', frames: 20_000, duplicated: 20_000, lost: 0 }),
  ])
  expect(core.stats().ports['g1/lan']).toMatchObject({
    sent: expect.any(Number),
    overflowed: expect.any(Number),
  })
  await core.close()
})
