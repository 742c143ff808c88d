import { describe, expect, test } from 'vitest'
import type { GuestPlan } from '../plan/plan.ts'
import { guestNames, placeName } from './guest-names.ts'
import { checkRack, checkTogether } from './rack-rules.ts'
import { type RackInput, rackSchema } from './rack-schema.ts'

const found = (rack: RackInput) =>
  checkRack(rackSchema.parse(rack), ['racks', 'r']).map(({ code, path }) => `${code} ${path}`)

describe('a rack', () => {
  test('with an order that can be followed has no findings', () => {
    expect(
      found({ guests: { a: {}, b: { after: { a: 'ready' } }, c: { after: { a: 'x', b: { ends: true } } } } }),
    ).toEqual([])
  })

  test('names guests that it has, in `after` and in `passes`', () => {
    expect(
      found({ guests: { server: {}, client: { after: { sever: 'up' } } }, passes: ['clients'] }),
    ).toEqual([
      'RACK_GUEST_UNKNOWN racks.r.guests.client.after.sever',
      'RACK_GUEST_UNKNOWN racks.r.passes[0]',
    ])
  })

  test('runs services on host networks that it has', () => {
    const on = (network: string) => ({ argv: ['x'] as [string], network })
    expect(
      found({
        networks: { lan: { host: true }, back: {} },
        services: { near: on('lan'), far: on('back'), lost: on('wan') },
        guests: { a: {} },
      }),
    ).toEqual([
      'RACK_SERVICE_NETWORK racks.r.services.far.network',
      'RACK_SERVICE_NETWORK racks.r.services.lost.network',
    ])
  })

  test('has no two guests of one name, counted ones included', () => {
    expect(found({ guests: { client: { count: 3 }, 'client-2': {} } })).toEqual([
      'RACK_GUEST_NAME_TWICE racks.r.guests["client-2"]',
    ])
  })

  test.each([
    [{ a: { after: { a: 'x' } } }, 'a waits for a'],
    [
      { a: { after: { b: 'x' } }, b: { after: { c: 'x' } }, c: { after: { a: 'x' } } },
      'a waits for b waits for c waits for a',
    ],
  ])('has no circle of waiting: %j', (guests, what) => {
    const rack = rackSchema.parse({ guests })
    expect(checkRack(rack, []).map((d) => [d.code, d.what])).toEqual([['RACK_ORDER_CIRCLE', what]])
  })

  test.each([
    [{ guests: {} }, 'at least one guest'],
    [{ guests: { Server: {} } }, 'lower-case'],
    [{ guests: { '-a': {} } }, 'lower-case'],
    [{ guests: { a: { count: 0 } } }, 'Too small'],
    [{ guests: { a: { after: { a: { port: 70_000 } } } } }, 'Too big'],
    [{ guests: { a: { after: { a: /x/g } } } }, 'flags'],
    [{ guests: { a: { machine: { memroy: '1G' } } } }, 'memroy'],
    [{ guests: { a: {} }, pass: 'all' }, 'pass'],
  ])('that is not well-formed is refused: %j', (rack, word) => {
    const { error } = rackSchema.safeParse(rack)
    expect(JSON.stringify(error?.issues)).toContain(word)
  })

  test('takes text literally, and patterns as they are', () => {
    const { guests } = rackSchema.parse({
      guests: { a: { after: { b: 'a.b (1)', c: /a.b/, d: { regex: 'x+' } } }, b: {}, c: {}, d: {} },
    })
    expect(guests.a?.after).toEqual({
      b: { shows: 'a\\.b \\(1\\)' },
      c: { shows: 'a.b' },
      d: { shows: 'x+' },
    })
  })
})

describe('names', () => {
  test('are those of the entries, numbered from two guests on', () => {
    expect(guestNames('client', 1)).toEqual(['client'])
    expect(guestNames('client', 3)).toEqual(['client-1', 'client-2', 'client-3'])
    expect(placeName('pair', 'client-1')).toBe('pair.client-1')
  })
})

describe('guests together', () => {
  const guest = (name: string, more: Partial<GuestPlan>): GuestPlan =>
    ({
      guest: name,
      locks: [],
      joins: [],
      after: [],
      facts: { files: [] },
      machine: { devices: [] },
      ...more,
    }) as unknown as GuestPlan
  const codes = (...guests: readonly GuestPlan[]) =>
    checkTogether(guests).map(({ code, what }) => `${code} ${what}`)

  test('may share what all of them only read', () => {
    const locks = [{ path: '/a.img', mode: 'shared' as const }]
    expect(codes(guest('a', { locks }), guest('b', { locks }))).toEqual([])
  })

  test('do not write to one file, listen on one port, or have one address on one network', () => {
    const locks = [{ path: '/a.img', mode: 'exclusive' as const }]
    const facts = {
      files: [],
      hostPorts: [{ protocol: 'tcp', address: '', port: 80, state: 'free' }],
    } as unknown as GuestPlan['facts']
    const joins = [
      { id: 'n', kind: 'network', resource: 'lan', device: 'n', mac: '52:54:00:00:00:01' },
    ] as const
    expect(codes(guest('a', { locks, facts, joins }), guest('b', { locks, facts, joins }))).toEqual([
      'RACK_STORE_SHARED guests "a" and "b" both use /a.img',
      'RACK_PORT_TWICE guests "a" and "b" both forward tcp port 80',
      'RACK_MAC_TWICE guests "a" and "b" both have 52:54:00:00:00:01 on network "lan"',
    ])
  })

  test('may have one address on two networks', () => {
    const on = (resource: string) =>
      [{ id: 'n', kind: 'network', resource, device: 'n', mac: '52:54:00:00:00:01' }] as const
    expect(codes(guest('a', { joins: on('lan') }), guest('b', { joins: on('wan') }))).toEqual([])
  })

  test('wait for ports that are forwarded', () => {
    const after = [{ guest: 'a', port: 6379 }]
    expect(codes(guest('a', {}), guest('b', { after }))).toEqual([
      'RACK_PORT_NOT_FORWARDED guest "b" waits for port 6379 of "a", which does not forward it',
    ])
  })
})
