/** Messages by Ethernet frames between probe kernels: whom each heard, what the network carried, and hostile frames. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe } from 'vitest'
import type { NetworkFrame, RackInput } from '../../src/index.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { buildProbe } from '../../src/project/probe-build.ts'
import { expect, test } from '../../src/testing/index.ts'

const machine = (append: string, rom: 'qboot' | 'seabios' = 'qboot') => ({
  cpu: 1,
  memory: '64M',
  timeout: '30m',
  boot: { append, rom },
})

const frames = (carried: readonly NetworkFrame[], kind: number) =>
  carried.filter(
    ({ data }) =>
      data.readUInt16BE(12) === 0x88b5 &&
      data.subarray(14, 21).equals(Buffer.from('BRINGUP')) &&
      data[22] === kind,
  )
const macs = (data: Buffer, at: number) =>
  data
    .subarray(at, at + 6)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:')

describe('frames of the probe kernel', () => {
  test('a controller hears two clients and answers each of them', async ({ launchRack }) => {
    const rack: RackInput = {
      networks: { lan: { capture: true } },
      guests: {
        // Stays after the exchange, so that the network can be asked what it carried.
        controller: { machine: machine('frames-serve=2 echo', 'seabios'), nics: ['lan'] },
        client: { machine: machine('frames-call'), count: 2, nics: ['lan'] },
      },
    }
    const run = await launchRack(rack)
    const { controller, 'client-1': first, 'client-2': second } = run.guests
    if (!controller || !first || !second) throw new Error('a guest is missing')
    const { groups } = await controller.console.expect(/"t":"frames".*"sent":(\d+)/)
    await controller.console.expect('echo ready')
    const clients = await Promise.all([first.done, second.done])
    expect(clients).toMatchObject([{ verdict: 'passed' }, { verdict: 'passed' }])

    const macOf = async (guest: typeof first) => (await guest.view())?.nics?.[0]?.mac ?? ''
    const [own, ...others] = await Promise.all([controller, first, second].map(macOf))
    const heard = (await controller.view())?.nics?.[0]?.peers ?? []
    expect(heard.map(({ what }) => what)).toEqual(['heard', 'heard'])
    expect(heard.map(({ mac }) => mac).toSorted()).toEqual(others.toSorted())
    for (const client of [first, second])
      expect((await client.view())?.nics?.[0]?.peers).toMatchObject([{ what: 'answered', mac: own }])

    const carried = (await run.networks.lan?.frames()) ?? []
    const [calls, answers] = [frames(carried, 1), frames(carried, 2)]
    expect(new Set(calls.map(({ data }) => macs(data, 6)))).toEqual(new Set(others))
    expect(calls.every(({ data }) => macs(data, 0) === 'ff:ff:ff:ff:ff:ff')).toBe(true)
    expect(answers.every(({ data, from }) => macs(data, 6) === own && from === 'controller/lan')).toBe(true)
    expect(new Set(answers.map(({ data }) => macs(data, 0)))).toEqual(new Set(others))
    const sent = (text: string) => Number(/"t":"frames","own":"[^"]*","sent":(\d+)/.exec(text)?.[1])
    expect(answers.length).toBe(Number(groups.at(-1)))
    expect(calls.length).toBe(sent(first.console.text) + sent(second.console.text))

    controller.console.write('quit\n')
    expect(await run.done).toMatchObject({ verdict: 'passed' })
    expect(readFileSync(join(run.folder.path, 'networks/lan.pcapng')).includes('BRINGUP\x1a')).toBe(true)
  })

  test('a client without a controller fails, and other frames of its network pass for no answer', async ({
    launchRack,
  }) => {
    const run = await launchRack({
      networks: { lan: {} },
      guests: {
        lonely: { machine: machine('frames-wait=3 frames-call'), nics: ['lan'] },
        other: { machine: machine('frames-call'), nics: ['lan'] },
      },
      passes: ['lonely'],
    })
    expect(await run.done).toMatchObject({
      verdict: 'failed',
      guests: [{ guest: 'lonely', result: { guestCode: 5 } }, { guest: 'other' }],
    })
    expect(run.guests.lonely?.console.text).toMatch(/"t":"frames","own":"[^"]*","sent":\d+,"received":0,/)
  })
})

const OWN = '525400000001'
const PEER = '5254000000fe'
const ALL = 'ffffffffffff'
const CALL = 1
const ANSWER = 2

/** A frame as the probe kernel sends it. */
function message(to: string, from: string, kind: number, counter: number): Buffer {
  const frame = Buffer.alloc(60)
  frame.write(`${to}${from}88b5`, 'hex')
  frame.write('BRINGUP\x1a', 14, 'latin1')
  frame[22] = kind
  frame.writeUInt32BE(counter, 23)
  return frame
}

/** Frames that are no messages: of every length around a limit, and messages with one thing wrong. */
function hostile(to: string, kind: number): readonly Buffer[] {
  const good = message(to, PEER, kind, 1)
  const changed = (at: number, byte: number) => Buffer.from(good).fill(byte, at, at + 1)
  const lengths = [1, 13, 14, 22, 26, 59, 2035, 2036, 2037, 2048, 9000, 65535]
  return [
    // Their EtherType is another one: a longer frame that begins as a message does is one.
    ...lengths.map((length) => Buffer.alloc(length, 0xff)),
    good.subarray(0, 22),
    changed(12, 0x08),
    changed(14, 0x62),
    changed(21, 0x00),
    ...[0, CALL + ANSWER - kind, 255].map((other) => changed(22, other)),
    message(to, ALL, kind, 1),
    message(to, '010000000001', kind, 1),
    message(to, OWN, kind, 1),
    message(PEER, PEER, kind, 1),
  ]
}

/** Serves one QEMU as its network: frames with their length in front. */
async function network(
  append: string,
  onFrame: (frame: Buffer, link: Socket) => void,
  first: readonly Buffer[] = [],
) {
  const { pvh } = await buildProbe({ cacheFolder: cacheFolder() })
  let link: Socket | undefined
  const server = createServer((accepted) => {
    link = accepted
    let rest = Buffer.alloc(0)
    accepted.on('error', () => {})
    accepted.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const end = 4 + rest.readUInt32BE(0)
        onFrame(rest.subarray(4, end), accepted)
        rest = rest.subarray(end)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const argv = [
    ...[
      '-accel',
      'tcg',
      '-nodefaults',
      '-display',
      'none',
      '-machine',
      'q35',
      '-m',
      '64M',
      '-serial',
      'stdio',
    ],
    ...['-bios', 'qboot.rom', '-kernel', pvh, '-append', `report=no frames-wait=600 ${append}`],
    ...[
      '-device',
      'isa-debug-exit,iobase=0xf4,iosize=0x04',
      '-netdev',
      `socket,id=n,connect=127.0.0.1:${port}`,
    ],
    ...['-device', 'virtio-net-pci,netdev=n,mac=52:54:00:00:00:01'],
  ]
  const guest = execa('qemu-system-x86_64', argv, { reject: false })
  let said = ''
  let isReady = false
  guest.stdout.on('data', (chunk) => {
    said += chunk
    // What arrives before is lost when the kernel resets the card.
    if (isReady || !said.includes('"frames"')) return
    isReady = true
    for (const frame of first) if (link) transmit(link, frame)
  })
  const { stdout, exitCode } = await guest
  server.close()
  return { stdout, exitCode }
}

function transmit(link: Socket, frame: Buffer): void {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  link.write(Buffer.concat([length, frame]))
}

describe('a hostile peer', () => {
  test('does not break a controller, which answers the one real call', async () => {
    const bad = hostile(ALL, CALL)
    const answers: Buffer[] = []
    const first = [...Array.from({ length: 20 }, () => bad).flat(), message(ALL, PEER, CALL, 7)]
    const { stdout, exitCode } = await network('frames-serve=1', (frame) => answers.push(frame), first)
    expect(stdout).toContain(
      '{"t":"frame","what":"heard","own":"52:54:00:00:00:01","peer":"52:54:00:00:00:fe","counter":7}',
    )
    expect(exitCode).toBe(33)
    expect(stdout.match(/"t":"frame"/g)).toHaveLength(1)
    expect(answers).toEqual([message(PEER, OWN, ANSWER, 7)])
  })

  test('does not break a client, which takes the answer to a call of its own alone', async () => {
    const wrong = [message(OWN, PEER, ANSWER, 0), message(OWN, PEER, ANSWER, 0xffffffff)]
    const { stdout, exitCode } = await network('frames-call', (frame, link) => {
      for (const bad of [...hostile(OWN, ANSWER), ...wrong]) transmit(link, bad)
      transmit(link, message(OWN, PEER, ANSWER, frame.readUInt32BE(23)))
    })
    expect(stdout).toContain(
      '{"t":"frame","what":"answered","own":"52:54:00:00:00:01","peer":"52:54:00:00:00:fe","counter":1}',
    )
    expect(exitCode).toBe(33)
    expect(stdout.match(/"t":"frame"/g)).toHaveLength(1)
  })
})
