import { describe, expect, it } from 'vitest'
import { chance } from './fault-decisions.ts'
import { type Fault, type FaultInput, faultSchema, parseBitRate } from './fault-schema.ts'
import { Faults } from './faults.ts'

const station = (name: string, guest = name) => ({ name, guest, isService: name === 'gateway' })
const [client, server, third] = [station('client'), station('server'), station('third')]
const way = { from: client, to: server }
const back = { from: server, to: client }
const [ICMP, TCP, ARP] = [0x0800 * 256 + 1, 0x0800 * 256 + 6, 0x0806 * 256]
const parsed = (fault: FaultInput): Fault => faultSchema.parse(fault)

function faultsOf(...faults: readonly FaultInput[]): Faults {
  const all = new Faults()
  for (const [id, fault] of faults.entries()) all.add(id, parsed(fault))
  return all
}

const lost = (faults: Faults, count: number, on = way, traffic = ICMP) =>
  Array.from({ length: count }, (_, i) => (faults.decide(on, traffic).isLost ? i : -1)).filter((i) => i >= 0)

describe('the same seed', () => {
  it('loses the same frames, about as many as asked', () => {
    const first = lost(faultsOf({ loss: 0.1, seed: 7 }), 5000)
    expect(lost(faultsOf({ loss: 0.1, seed: 7 }), 5000)).toEqual(first)
    expect(first.length / 5000).toBeCloseTo(0.1, 1)
    expect(lost(faultsOf({ loss: 0.1, seed: 8 }), 5000)).not.toEqual(first)
  })

  it.each([0.01, 0.1, 0.5, 0.9])('keeps to a share of %d for 50 seeds', (loss) => {
    const shares = Array.from({ length: 50 }, (_, seed) => lost(faultsOf({ loss, seed }), 2000).length / 2000)
    const deviation = Math.sqrt((loss * (1 - loss)) / 2000)
    for (const share of shares) expect(Math.abs(share - loss)).toBeLessThan(4.5 * deviation)
    const mean = shares.reduce((a, b) => a + b) / shares.length
    expect(Math.abs(mean - loss)).toBeLessThan((3.5 * deviation) / Math.sqrt(50))
  })

  it('decides by flow: other traffic moves nothing', () => {
    const quiet = lost(faultsOf({ loss: 0.1, seed: 7 }), 300)
    const busy = faultsOf({ loss: 0.1, seed: 7 })
    const noisy = Array.from({ length: 300 }, (_, i) => {
      lost(busy, i % 3, way, ARP)
      lost(busy, i % 2, back, ICMP)
      lost(busy, i % 5, way, TCP)
      return busy.decide(way, ICMP).isLost ? i : -1
    }).filter((i) => i >= 0)
    expect(noisy).toEqual(quiet)
  })

  it('decides differently for each direction, protocol and effect', () => {
    const faults = faultsOf({ loss: 0.5, duplicate: 0.5, reorder: 0.5, corrupt: 0.5 })
    const fates = Array.from({ length: 400 }, () => faults.decide(way, ICMP))
    const both = fates.filter((f) => f.isLost && f.isDuplicated).length / 400
    expect(both).toBeGreaterThan(0.18)
    expect(both).toBeLessThan(0.32)
    expect(lost(faultsOf({ loss: 0.5 }), 64, way)).not.toEqual(lost(faultsOf({ loss: 0.5 }), 64, back))
    expect(lost(faultsOf({ loss: 0.5 }), 64, way, TCP)).not.toEqual(
      lost(faultsOf({ loss: 0.5 }), 64, way, ICMP),
    )
  })

  it('counts from when the fault was applied', () => {
    const expected = lost(faultsOf({ loss: 0.3 }), 100)
    const faults = faultsOf({ delay: '1ms' })
    lost(faults, 37)
    faults.add(1, parsed({ loss: 0.3 }))
    expect(lost(faults, 100)).toEqual(expected)
  })

  it('draws evenly', () => {
    const boxes = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 16_000; i++) {
      const box = Math.floor(chance(12345, i, 1) * 16)
      boxes[box] = (boxes[box] ?? 0) + 1
    }
    for (const count of boxes) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})

describe('a fault', () => {
  it('concerns the ways and the traffic that it names', () => {
    const among = faultsOf({ loss: 1, between: ['client', 'server'] })
    expect([among.concern(way), among.concern(back), among.concern({ from: client, to: third })]).toEqual([
      true,
      true,
      false,
    ])
    const oneWay = faultsOf({ loss: 1, from: 'client', to: 'server' })
    expect([oneWay.concern(way), oneWay.concern(back)]).toEqual([true, false])
    const tcp = faultsOf({ loss: 1, traffic: ['tcp'] })
    expect([tcp.decide(way, TCP).isLost, tcp.decide(way, ICMP).isLost]).toEqual([true, false])
    const byGuest = faultsOf({ loss: 1, from: 'box' })
    expect(byGuest.concern({ from: station('box.lan2', 'box'), to: server })).toBe(true)
  })

  it('adds to others, and can be taken back', () => {
    const faults = faultsOf({ delay: '20ms', rate: '10M' }, { delay: '5ms', rate: '1M' })
    expect(faults.decide(way, ICMP)).toMatchObject({ delayMs: 25, rate: 1e6 })
    faults.remove(1)
    expect(faults.decide(way, ICMP)).toMatchObject({ delayMs: 20, rate: 1e7 })
    faults.clear()
    expect(faults.concern(way)).toBe(false)
  })

  it('varies its delay by its jitter', () => {
    const faults = faultsOf({ delay: '20ms', jitter: '5ms' })
    const delays = Array.from({ length: 500 }, () => faults.decide(way, ICMP).delayMs)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(15)
    expect(Math.max(...delays)).toBeLessThanOrEqual(25)
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(8)
    const wide = faultsOf({ jitter: '5ms' })
    expect(Math.min(...Array.from({ length: 50 }, () => wide.decide(way, ICMP).delayMs))).toBe(0)
  })
})

describe('a partition', () => {
  it('separates the groups, and the rest from them', () => {
    const faults = new Faults()
    faults.partition([['client'], ['server', 'box']])
    const separates = (a: string, b: string) => faults.separates({ from: station(a), to: station(b) })
    expect(separates('client', 'server')).toBe(true)
    expect(separates('server', 'box')).toBe(false)
    expect(separates('third', 'fourth')).toBe(false)
    expect(separates('third', 'client')).toBe(true)
    expect(separates('gateway', 'client')).toBe(false)
    faults.partition([['client', 'gateway']])
    expect(separates('gateway', 'third')).toBe(true)
    expect(separates('client', 'gateway')).toBe(false)
    faults.clear()
    expect(separates('client', 'server')).toBe(false)
  })
})

describe('the schema', () => {
  it('takes units', () => {
    expect(parsed({ loss: '10%', delay: '20ms', rate: '10M', jitter: 0.5 })).toMatchObject({
      loss: 0.1,
      delay: 20,
      rate: 10_000_000,
      jitter: 500,
      seed: 1,
    })
    expect([parseBitRate('64kbit'), parseBitRate('1.5Gbit/s'), parseBitRate('x')]).toEqual([
      64_000,
      1.5e9,
      undefined,
    ])
  })
  it.each<[unknown, string]>([
    [{}, 'nothing would happen'],
    [{ seed: 3 }, 'nothing would happen'],
    [{ loss: 1.5 }, '1.5 is not a share'],
    [{ loss: -0.1 }, '-0.1 is not a share'],
    [{ loss: '10' }, '"10" is not a share'],
    [{ loss: Number.NaN }, 'NaN'],
    [{ delay: '20 parsecs' }, 'is not a time'],
    [{ delay: '2min' }, 'longer than 60 s'],
    [{ rate: '0' }, '"0" is not a rate'],
    [{ rate: 'fast' }, '"fast" is not a rate'],
    [{ loss: 0.1, between: ['a'] }, '2'],
    [{ loss: 0.1, traffic: ['smtp'] }, 'arp'],
    [{ loss: 0.1, los: 0.2 }, 'los'],
  ])('refuses %j', (input, message) => {
    const result = faultSchema.safeParse(input)
    expect(JSON.stringify(result.error?.issues ?? '')).toContain(JSON.stringify(message).slice(1, -1))
  })
})
