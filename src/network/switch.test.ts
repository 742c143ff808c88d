import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { parseMac } from './addresses.ts'
import { type FaultInput, faultSchema } from './fault-schema.ts'
import { ETHERTYPE, ethernetFrame } from './frame.ts'
import { FrameReader, framed, LONGEST_FRAME } from './framing.ts'
import type { NetworkEvent } from './network-event.ts'
import { Port } from './port.ts'
import { type FrameRecord, Switch } from './switch.ts'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const mac = (n: number) => `52:54:00:00:00:0${n}`

/** A frame with a text in it. */
function frame(from: string, to: string, text: string): Buffer {
  const [source, destination] = [parseMac(from) ?? 0, parseMac(to) ?? 0]
  return ethernetFrame({ source, destination, etherType: ETHERTYPE.arp }, Buffer.from(text.padEnd(46)))
}

/** The other end of a port: what a QEMU would write and read. */
class Guest extends Duplex {
  readonly got: string[] = []
  /** Does not take what is written until it is true. */
  reads = true
  #resume: (() => void) | undefined
  readonly #reader = new FrameReader((bytes, start, end) => {
    this.got.push(
      bytes
        .subarray(start + 4 + 14, end)
        .toString()
        .trim(),
    )
  })

  constructor() {
    super({ allowHalfOpen: true })
  }
  override _read(): void {}
  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    const take = () => {
      expect(this.#reader.push(chunk)).toBeUndefined()
      done()
    }
    if (this.reads) take()
    else this.#resume = take
  }
  readAgain(): void {
    this.reads = true
    this.#resume?.()
  }
}

function network(count: number, { mtu = 1500, queueBytes = 100_000, given = true } = {}) {
  const clock = new FakeClock()
  const events: NetworkEvent[] = []
  const records: FrameRecord[] = []
  const center = new Switch({
    mtu,
    clock,
    onEvent: (event) => events.push(event),
    onFrame: (record) => records.push({ ...record, frame: Buffer.from(record.frame) }),
  })
  const guests = Array.from({ length: count }, () => new Guest())
  const ports = guests.map((stream, i) => {
    const name = `g${i}`
    const port: Port = new Port({
      name,
      guest: name,
      stream,
      queueBytes,
      events: {
        onFrame: (bytes, start, end) => center.receive(port, bytes, start, end),
        onChunkEnd: () => center.endOfChunk(),
        onFull: () => events.push({ type: 'frames dropped', port: name, limitBytes: queueBytes }),
        onDrained: (dropped) => events.push({ type: 'queue drained', port: name, dropped }),
        onBroken: (problem) => events.push({ type: 'port broken', port: name, problem }),
        onClosed: () => events.push({ type: 'port closed', port: name }),
      },
    })
    port.attach()
    center.add(port, given ? parseMac(mac(i)) : undefined)
    return port
  })
  const send = (guest: number, ...frames: readonly Buffer[]) => {
    guests[guest]?.push(Buffer.concat(frames.map(framed)))
    guests[guest]?.read(0)
  }
  const apply = (fault: FaultInput, id = 1) => center.faults.add(id, faultSchema.parse(fault))
  const got = () => guests.map((g) => g.got)
  return { clock, events, records, center, guests, ports, send, apply, got }
}

/** Streams hand on what they have in the next turns. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

const texts = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

describe('forwarding', () => {
  it('goes to the port of an address, and to all for groups and unknown ones', async () => {
    const { send, got, records, center } = network(3)
    send(0, frame(mac(0), mac(1), 'one'), frame(mac(0), mac(1), 'two'), frame(mac(0), BROADCAST, 'all'))
    send(1, frame(mac(1), '52:54:00:99:99:99', 'who'), frame(mac(1), mac(1), 'self'))
    await settled()
    expect(got()).toEqual([['who'], ['one', 'two', 'all'], ['all', 'who']])
    expect(records.map((r) => r.to.map((p) => p.name))).toEqual([
      ['g1'],
      ['g1'],
      ['g1', 'g2'],
      ['g0', 'g2'],
      [],
    ])
    expect(center.ways.find((w) => w.from === 'g0' && w.to === 'g1')).toMatchObject({ frames: 3, bytes: 180 })
  })

  it('learns where addresses are', async () => {
    const { send, got } = network(3, { given: false })
    send(1, frame(mac(1), BROADCAST, 'here'))
    await settled()
    send(0, frame(mac(0), mac(1), 'direct'))
    await settled()
    expect(got()).toEqual([['here'], ['direct'], ['here']])
  })

  it('keeps whole frames whole, however they come', async () => {
    const { guests, got } = network(2)
    const stream = Buffer.concat(texts(50).map((t) => framed(frame(mac(0), mac(1), t))))
    for (let at = 0; at < stream.length; at += 37) {
      guests[0]?.push(stream.subarray(at, at + 37))
      await settled()
    }
    expect(got()[1]).toEqual(texts(50))
  })

  it('refuses frames that no wire would carry', async () => {
    const { send, got, events, ports } = network(2)
    const long = frame(mac(0), mac(1), 'x'.repeat(1600))
    send(0, Buffer.alloc(13), long, long, frame(mac(0), mac(1), 'x'.repeat(1500)))
    await settled()
    expect(got()[1]?.map((t) => t.length)).toEqual([1500])
    expect(events).toEqual([{ type: 'frame too long', port: 'g0', bytes: 1614, limitBytes: 1522 }])
    expect(ports[0]?.counters.refused).toBe(3)
  })

  it('carries nothing to or from a port that is not attached, down or broken', async () => {
    const { send, got, ports, events, center } = network(3)
    const down = ports[1]
    if (down) down.isUp = false
    send(0, frame(mac(0), mac(1), 'a'))
    send(1, frame(mac(1), mac(0), 'b'))
    send(2, Buffer.alloc(0))
    await settled()
    send(2, frame(mac(2), mac(0), 'after the end'))
    await settled()
    expect(got()).toEqual([[], [], []])
    expect(events).toEqual([{ type: 'port broken', port: 'g2', problem: 'a frame of 0 bytes' }])
    if (down) down.isUp = true
    send(0, frame(mac(0), mac(1), 'up again'))
    await settled()
    expect(got()[1]).toEqual(['up again'])
    expect(center.ways.find((w) => w.to === 'g1')).toMatchObject({ blocked: 1 })
  })
})

describe('a guest that does not read', () => {
  it('costs no more than the queue, loses whole frames from the tail, and gets the rest in order', async () => {
    const { send, got, guests, events, ports } = network(3, { queueBytes: 40_000 })
    const slow = guests[1]
    if (slow) slow.reads = false
    for (let round = 0; round < 50; round++) {
      send(
        0,
        ...texts(20).map((t) => frame(mac(0), mac(1), `${round * 20 + Number(t)}`)),
        frame(mac(0), mac(2), `${round}`),
      )
      await settled()
    }
    expect(ports[1]?.waitingBytes).toBeLessThanOrEqual(40_000)
    expect(got()[2]).toEqual(texts(50))
    expect(events).toEqual([{ type: 'frames dropped', port: 'g1', limitBytes: 40_000 }])
    slow?.readAgain()
    await settled()
    const arrived = got()[1] ?? []
    expect(arrived).toEqual(arrived.toSorted((a, b) => Number(a) - Number(b)))
    expect(arrived.length + (ports[1]?.counters.overflowed ?? 0)).toBe(1000)
    expect(arrived.length).toBe(Math.floor(40_000 / 64))
    expect(events.at(-1)).toEqual({ type: 'queue drained', port: 'g1', dropped: 1000 - arrived.length })
  })

  it('is bounded with delays, too', async () => {
    const { send, apply, ports, clock, got } = network(2, { queueBytes: 40_000 })
    apply({ delay: '1s' })
    for (let i = 0; i < 40; i++) send(0, ...texts(20).map((t) => frame(mac(0), mac(1), t)))
    await settled()
    expect(ports[1]?.waitingBytes).toBeLessThanOrEqual(40_000)
    clock.advance(1000)
    await settled()
    expect(got()[1]?.length).toBe(Math.floor(40_000 / 64))
    expect(ports[1]?.waitingBytes).toBe(0)
  })
})

describe('trouble that guests make', () => {
  it('is reported when two ports use one address', async () => {
    const { send, events } = network(3)
    for (let i = 0; i < 5; i++) send(2, frame(mac(1), mac(0), 'stolen'))
    await settled()
    expect(events).toEqual([{ type: 'mac clash', mac: mac(1), ports: ['g1', 'g2'] }])
  })

  it('is reported when an address moves to and fro, and not when it moves', async () => {
    const { send, events } = network(3, { given: false })
    for (const port of [0, 1]) send(port, frame(mac(9), mac(2), 'x'))
    await settled()
    expect(events).toEqual([])
    for (const port of [0, 1, 0, 1, 0, 1]) send(port, frame(mac(9), mac(2), 'x'))
    await settled()
    expect(events).toEqual([{ type: 'mac clash', mac: mac(9), ports: ['g0', 'g1'] }])
  })

  it('does not fill memory with addresses that are made up', async () => {
    const { send, got } = network(3, { given: false })
    send(1, frame(mac(1), BROADCAST, 'here'))
    for (let i = 0; i < 5000; i++)
      send(
        0,
        frame(
          `52:54:01:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
          mac(1),
          '',
        ),
      )
    await settled()
    send(2, frame(mac(2), mac(1), 'still known'))
    await settled()
    expect(got()[1]?.at(-1)).toBe('still known')
    expect(got()[0]).toEqual(['here'])
  })

  it('is stopped when a frame goes round in a loop', async () => {
    const { guests, events, got, clock } = network(4)
    // Guests 0 and 1 are the two ends of one wire.
    const [a, b] = guests
    let hops = 0
    const wire = (from: Guest | undefined, to: Guest | undefined) => {
      const write = from?._write.bind(from)
      if (from)
        from._write = (chunk: Buffer, encoding: BufferEncoding, done: () => void) => {
          if (hops++ < 100_000) to?.push(chunk)
          write?.(chunk, encoding, done)
        }
    }
    wire(a, b)
    wire(b, a)
    guests[2]?.push(framed(frame(mac(2), BROADCAST, 'round')))
    for (let turn = 0; turn < 3000; turn++) await settled()
    expect(hops).toBeLessThan(1000)
    expect(events).toContainEqual({ type: 'storm', port: 'g0', copies: 201 })
    expect(got()[3]?.length).toBeLessThan(1000)
    clock.advance(1000)
    guests[3]?.push(framed(frame(mac(3), mac(2), 'works')))
    await settled()
    expect(got()[2]?.at(-1)).toBe('works')
  })
})

describe('faults', () => {
  const numbered = (count: number) => texts(count).map((t) => frame(mac(0), mac(1), t))

  it('lose frames', async () => {
    const { send, apply, got, records, center } = network(2)
    apply({ loss: 0.2, seed: 7 })
    send(0, ...numbered(500))
    await settled()
    const lost = center.ways[0]?.lost ?? 0
    expect(lost).toBeGreaterThan(70)
    expect(lost).toBeLessThan(130)
    expect(got()[1]?.length).toBe(500 - lost)
    expect(records.filter((r) => r.remarks.includes('lost on the way to g1')).length).toBe(lost)
  })

  it('delay frames, with jitter in their order', async () => {
    const { send, apply, got, clock } = network(2)
    apply({ delay: '20ms', jitter: '10ms' })
    send(0, ...numbered(200))
    await settled()
    clock.advance(9)
    await settled()
    expect(got()[1]).toEqual([])
    clock.advance(22)
    await settled()
    expect(got()[1]).toEqual(texts(200))
    expect(clock.waiting).toBe(0)
  })

  it('duplicate, reorder and corrupt frames', async () => {
    const twice = network(2)
    twice.apply({ duplicate: 1 })
    twice.send(0, ...numbered(2))
    const swapped = network(2)
    swapped.apply({ reorder: 0.3, seed: 3 })
    swapped.send(0, ...numbered(100))
    const broken = network(2)
    broken.apply({ corrupt: 1 })
    broken.send(0, ...numbered(100))
    await settled()
    expect(twice.got()[1]).toEqual(['0', '0', '1', '1'])
    swapped.clock.advance(100)
    await settled()
    const order = swapped.got()[1] ?? []
    expect(order).not.toEqual(texts(100))
    expect(order.toSorted((a, b) => Number(a) - Number(b))).toEqual(texts(100))
    const original = texts(100)
    const differing = (broken.got()[1] ?? []).filter((t, i) => t !== original[i])
    expect(differing.length).toBe(100)
  })

  it('slow a link down to its rate', async () => {
    const { send, apply, got, clock } = network(2, { queueBytes: 1_000_000 })
    apply({ rate: '100k' })
    // 100 frames of 60 bytes are 48,000 bits.
    send(0, ...numbered(100))
    await settled()
    clock.advance(242)
    await settled()
    expect(got()[1]?.length).toBe(50)
    clock.advance(240)
    await settled()
    expect(got()[1]).toEqual(texts(100))
  })

  it('separate groups, and heal', async () => {
    const { send, got, center, records } = network(3)
    center.faults.partition([['g0'], ['g1', 'g2']])
    send(0, frame(mac(0), mac(1), 'cut'), frame(mac(0), BROADCAST, 'cut'))
    send(1, frame(mac(1), BROADCAST, 'inside'))
    await settled()
    expect(got()).toEqual([[], [], ['inside']])
    expect(records[0]?.remarks).toEqual(['partition on the way to g1'])
    center.faults.clear()
    send(0, frame(mac(0), mac(1), 'healed'))
    await settled()
    expect(got()[1]).toEqual(['healed'])
  })

  it('leave other traffic alone', async () => {
    const { send, apply, got } = network(3)
    apply({ loss: 1, between: ['g0', 'g1'] })
    send(0, frame(mac(0), mac(1), 'no'), frame(mac(0), mac(2), 'yes'))
    apply({ loss: 1, traffic: ['tcp'] }, 2)
    send(2, frame(mac(2), mac(1), 'an ARP frame'))
    await settled()
    expect(got()).toEqual([[], ['an ARP frame'], ['yes']])
  })
})

it('QEMU’s longest frame passes where the MTU allows it', async () => {
  const { guests, got } = network(2, { mtu: 65_535, queueBytes: 200_000 })
  guests[0]?.push(framed(frame(mac(0), mac(1), 'x'.repeat(65_535))))
  await settled()
  expect(got()[1]?.[0]?.length).toBe(65_535)
  expect(LONGEST_FRAME).toBeGreaterThan(65_535)
})
