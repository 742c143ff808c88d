import { expect, test } from 'vitest'
import { machineWith } from '../../../test/support/device-context.ts'
import type { GuestRdmaDevice, GuestView } from '../guest-view.ts'
import { parseMachine } from '../machine.ts'
import { nic } from './nic.ts'
import { rdmaKindsOf, withRdmaNames } from './nic-rdma-schema.ts'
import { linkLocalGid, rdmaNotCompared, rdmaSeen, shortGid } from './nic-rdma-seen.ts'

const MAC = '52:54:00:12:34:56'

test('two spellings, and names that are not given twice', () => {
  const devices = [
    { kind: 'nic', rdma: 'rxe' },
    { kind: 'nic', rdma: { kind: 'rxe', name: 'rxe0' } },
    { kind: 'nic' },
    { kind: 'nic', rdma: 'siw' },
    { kind: 'nic', rdma: { kind: 'rxe' } },
    { kind: 'nic', rdma: false },
  ] as const
  const names = parseMachine('m', { devices: [...devices] }).devices.map((d) =>
    d.kind === 'nic' ? d.rdma?.name : d.kind,
  )
  expect(names).toEqual(['rxe1', 'rxe0', undefined, 'siw0', 'rxe2', undefined])
  expect(rdmaKindsOf(devices)).toEqual(['rxe', 'siw'])
  expect(rdmaKindsOf([{ kind: 'disk', rdma: 'rxe' }, { kind: 'nic', rdma: 'tcp' }, {}])).toEqual([])
})

test('a card that is removed leaves the others their names', () => {
  const [, second] = withRdmaNames([{ rdma: { kind: 'rxe' } }, { rdma: { kind: 'rxe' } }] as const)
  expect(withRdmaNames([second ?? {}])).toEqual([{ rdma: { kind: 'rxe', name: 'rxe1' } }])
})

test.each(['0rxe', 'a/b', 'rxe%d', '', 'x'.repeat(64)])('no name: %j', (name) => {
  expect(() => parseMachine('m', { devices: [{ kind: 'nic', rdma: { kind: 'rxe', name } }] })).toThrow(/rdma/)
})

const codes = (...cards: readonly Record<string, unknown>[]) =>
  machineWith(
    cards.map((card) => [nic, card]),
    { facts: { networks: ['lan'] } },
  ).flatMap((device) => device.codes())

test('what can be wrong', () => {
  expect(codes({ rdma: 'rxe' }, { rdma: 'rxe', network: 'lan' })).toEqual([])
  expect(codes({ rdma: 'rxe', network: 'none' })).toEqual(['NIC_RDMA_WITHOUT_NETWORK'])
  const named = { rdma: { kind: 'rxe', name: 'fast' } }
  expect(codes(named, named, { rdma: { kind: 'siw', name: 'fast' } })).toEqual([
    'NIC_RDMA_NAME_TWICE',
    'NIC_RDMA_NAME_TWICE',
  ])
  expect(codes({ rdma: 'rxe' }, { rdma: { kind: 'siw', name: 'rxe0' } })).toEqual([])
})

const rxe = (change: Partial<GuestRdmaDevice['ports'][number]> = {}): GuestRdmaDevice => ({
  name: 'rxe0',
  ports: [
    {
      port: 1,
      state: 'ACTIVE',
      physicalState: 'LinkUp',
      linkLayer: 'Ethernet',
      netdev: 'eth0',
      gids: [
        { index: 0, gid: linkLocalGid(MAC), type: 'RoCE v2' },
        { index: 1, gid: '::ffff:10.1.0.10', type: 'RoCE v2' },
      ],
      ...change,
    },
  ],
})

/** The rows that differ for what a guest reports. */
function differing(view: GuestView, kind = 'rxe', addresses: Record<string, string> = { a: '10.1.0.10' }) {
  const [card] = machineWith([[nic, { id: 'a', mac: MAC, rdma: kind, network: 'lan' }]], {
    facts: { addresses },
  })
  return (card?.mustSee() ?? [])
    .filter(({ device }) => device.startsWith('rdma'))
    .flatMap(({ aspect, want, see }) => {
      const got = see(view)
      return got === want ? [] : [`${aspect}: ${got === undefined ? 'not reported' : got}`]
    })
}

const nics = [{ name: 'eth0', mac: MAC }]

test('the guest must see device, card, port, link layer and GIDs', () => {
  expect(differing({ rdmas: [rxe()], nics })).toEqual([])
  expect(differing({ rdmas: [], nics })).toEqual([
    'device: null',
    'netdev: null',
    'port: null',
    'link layer: null',
    'GID type: null',
    'GID: null',
    'IPv4 GID: null',
  ])
  expect(differing({ nics })).toHaveLength(7)
  expect(differing({ rdmas: [rxe({ state: 'DOWN' })], nics })).toEqual(['port: DOWN'])
  expect(differing({ rdmas: [rxe({ netdev: 'eth1' })], nics })).toEqual(['netdev: eth1'])
  const other = rxe({ gids: [{ index: 0, gid: 'fe80::1', type: 'IB/RoCE v1' }] })
  expect(differing({ rdmas: [other], nics })).toEqual([
    'GID type: IB/RoCE v1',
    'GID: fe80::1',
    'IPv4 GID: fe80::1',
  ])
  expect(differing({ rdmas: [rxe({ gids: [] })], nics }, 'rxe', {})).toEqual(['GID type: null', 'GID: null'])
})

test('what no comparison shows is listed', () => {
  const of = (kind: string, addresses: Record<string, string>) => {
    const [card] = machineWith([[nic, { id: 'a', rdma: kind, network: 'lan' }]], { facts: { addresses } })
    const context = card?.context
    if (!context) throw new Error('no card')
    expect(rdmaSeen(context).length).toBeGreaterThan(3)
    return rdmaNotCompared(context).map(({ aspect }) => aspect)
  }
  expect(of('rxe', { a: '10.1.0.10' })).toEqual(['transfer', 'active MTU', 'driver'])
  expect(of('rxe', {})).toEqual(['IPv4 GID', 'transfer', 'active MTU', 'driver'])
  expect(of('siw', {})).toEqual(['GID', 'transfer', 'active MTU', 'driver'])
})

test.each([
  ['fe80:0000:0000:0000:5054:00ff:fe12:3456', 'fe80::5054:ff:fe12:3456'],
  ['0000:0000:0000:0000:0000:ffff:0a01:000a', '::ffff:10.1.0.10'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['hello', 'hello'],
  ['1:2', '1:2'],
])('%s is %s', (gid, short) => {
  expect(shortGid(gid)).toBe(short)
})

test('the GID of a MAC address has its EUI-64', () => {
  expect(linkLocalGid(MAC)).toBe('fe80::5054:ff:fe12:3456')
  expect(linkLocalGid('02:00:00:00:00:00')).toBe('fe80::ff:fe00:0')
})
