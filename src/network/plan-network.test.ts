import { expect, it } from 'vitest'
import { type NetworkInput, networkSchema } from './network-schema.ts'
import { type NetworkCard, planNetwork } from './plan-network.ts'

const card = (guest: string, n: number, more: Partial<NetworkCard> = {}): NetworkCard => ({
  id: `${guest}/lan`,
  guest,
  mac: `52:54:00:00:00:0${n}`,
  path: `guests.${guest}.nics[0]`,
  ...more,
})

const planned = (input: NetworkInput, ...cards: readonly NetworkCard[]) =>
  planNetwork({ name: 'lan', network: networkSchema.parse(input), index: 0, cards, path: 'networks.lan' })

const codes = (input: NetworkInput, ...cards: readonly NetworkCard[]) =>
  planned(input, ...cards).diagnostics.map(({ code, path, what }) => `${code} ${path}: ${what}`)

it('gives each card the next address, around those that are fixed', () => {
  const { plan, diagnostics } = planned(
    { capture: true },
    card('server', 1),
    card('fixed', 2, { address: '10.1.0.11' }),
    card('client', 3, { mac: '52-54-00-AA-00-03' }),
  )
  expect(diagnostics).toEqual([])
  expect(plan).toEqual({
    name: 'lan',
    subnet: '10.1.0.0/24',
    gateway: { address: '10.1.0.1', mac: '52:55:0a:01:00:01' },
    dhcp: true,
    dns: true,
    router: true,
    mtu: 1500,
    queueBytes: 1024 * 1024,
    captureBytes: 1024 ** 3,
    faults: [],
    ports: [
      { id: 'server/lan', guest: 'server', mac: '52:54:00:00:00:01', address: '10.1.0.10' },
      { id: 'fixed/lan', guest: 'fixed', mac: '52:54:00:00:00:02', address: '10.1.0.11' },
      { id: 'client/lan', guest: 'client', mac: '52:54:00:aa:00:03', address: '10.1.0.12' },
    ],
  })
  expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
})

it('gives every network of a run a subnet of its own', () => {
  const network = networkSchema.parse({})
  const subnets = [0, 1, 253].map(
    (index) => planNetwork({ name: 'n', network, index, cards: [], path: '' }).plan.subnet,
  )
  expect(subnets).toEqual(['10.1.0.0/24', '10.2.0.0/24', '10.254.0.0/24'])
})

it('refuses addresses that cannot work', () => {
  expect(
    codes(
      { subnet: '10.1.0.0/29' },
      card('a', 1, { address: '10.2.0.3' }),
      card('b', 2, { address: '10.1.0.1' }),
      card('c', 3, { address: '10.1.0.7' }),
      card('d', 4, { address: '10.1.0.4' }),
      card('e', 5, { address: '10.1.0.4' }),
    ),
  ).toEqual([
    'NETWORK_ADDRESS_OUTSIDE guests.a.nics[0]: 10.2.0.3 of card a/lan is not an address for hosts in 10.1.0.0/29',
    'NETWORK_ADDRESS_TWICE guests.b.nics[0]: 10.1.0.1 of card b/lan is the network’s own address',
    'NETWORK_ADDRESS_OUTSIDE guests.c.nics[0]: 10.1.0.7 of card c/lan is not an address for hosts in 10.1.0.0/29',
    'NETWORK_ADDRESS_TWICE guests.e.nics[0]: 10.1.0.4 of card e/lan is also the address of d/lan',
  ])
})

it.each(['10.1.0.0/30', '10.1.0.0/31', '10.1.0.4/32'])('refuses %s for two guests', (subnet) => {
  const found = codes({ subnet }, card('a', 1), card('b', 2))
  expect(found).toEqual([
    expect.stringMatching(
      /^NETWORK_SUBNET_SMALL networks.lan.subnet: .* has (0 addresses|1 address) for guests, and 2 cards are/,
    ),
  ])
})

it('keeps the name of its own services', () => {
  expect(codes({}, card('gateway', 2))).toEqual([
    'NETWORK_NAME_RESERVED guests.gateway.nics[0]: a guest has the name "gateway"',
  ])
})

it('refuses faults of guests that are not there', () => {
  expect(
    codes({ faults: [{ loss: 1, between: ['server', 'cleint'] }] }, card('server', 1), card('client', 2)),
  ).toEqual(['NETWORK_FAULT_GUEST_UNKNOWN networks.lan.faults[0]: network "lan" has no guest "cleint"'])
})

it.each<[unknown, string]>([
  [{ subnet: '10.1.0.1/24' }, 'is not a subnet'],
  [{ mtu: 100 }, '576'],
  [{ mtu: 70_000 }, '65535'],
  [{ queue: 'big' }, 'is not a size'],
  [{ queue: '1K' }, 'less than 128K'],
  [{ capture: 'yes' }, 'capture'],
  [{ hdcp: true }, 'hdcp'],
])('the schema refuses %j', (input, message) =>
  expect(JSON.stringify(networkSchema.safeParse(input).error?.issues ?? '')).toContain(message),
)
