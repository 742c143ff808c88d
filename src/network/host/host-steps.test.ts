import { expect, test } from 'vitest'
import { parseService } from '../../services/service.ts'
import { networkSchema } from '../network-schema.ts'
import { planNetwork } from '../plan-network.ts'
import { hostNames, hostSteps } from './host-steps.ts'
import { parseLink } from './place.ts'
import { previewOf, rootCommandsOf } from './preview.ts'

const cards = ['one', 'two'].map((guest, index) => ({
  id: `${guest}/lan`,
  guest,
  mac: `52:54:00:00:00:0${index}`,
  path: `racks.pair.guests.${guest}`,
}))

const planned = (input: object) =>
  planNetwork({
    name: 'lan',
    network: networkSchema.parse(input),
    index: 0,
    cards,
    path: 'racks.pair.networks.lan',
    folder: '/project',
  })

const found = (input: object) =>
  planned(input).diagnostics.map(({ code, path }) => [code, path.replace('racks.pair.networks.lan.', '')])

test('a bridge with a tap for each card, in the namespace of the run, without root', () => {
  const { plan, diagnostics } = planned({ host: true })
  expect(diagnostics).toEqual([])
  const steps = hostSteps(plan, hostNames(plan, '1234567'), { pid: 7, beganAt: '1' })
  expect(steps.map(({ kind, params }) => [kind, (params as { readonly name: string }).name])).toEqual([
    ['network.bridge', 'bu1234567b'],
    ['network.tap', 'bu1234567t0'],
    ['network.tap', 'bu1234567t1'],
  ])
  expect(rootCommandsOf(plan)).toEqual([])
  for (const { argv } of previewOf(plan))
    expect(argv.slice(0, 3)).toEqual(['nsenter', '--target', '{namespace}'])
})

test('root is needed for an address of this computer alone', () => {
  const { plan } = planned({ host: { reachable: true } })
  expect(plan.host).toEqual({ reachable: '10.1.0.2/24' })
  expect(rootCommandsOf(plan).map((argv) => argv.join(' '))).toEqual([
    'ip link add name bu{run} mtu 1500 type veth peer name bu{run}p mtu 1500 netns {namespace}',
    'ip address add 10.1.0.2/24 dev bu{run}',
    'ip link set dev bu{run} up',
  ])
})

test('addresses of bridge and computer are taken; with dhcpd guests have none in the plan, and no names', () => {
  const subnet = '172.31.0.0/24'
  const { plan, diagnostics } = planned({
    subnet,
    host: { reachable: '172.31.0.20', address: '172.31.0.10', dhcpd: 'tests/dhcpd.conf' },
  })
  expect(diagnostics).toEqual([])
  expect(plan).toMatchObject({
    gateway: { address: '172.31.0.10' },
    dns: false,
    host: { reachable: '172.31.0.20/24', dhcpd: '/project/tests/dhcpd.conf' },
  })
  expect(plan.ports.map(({ address }) => address)).toEqual([undefined, undefined])
  expect(planned({ host: { address: '10.1.0.10' } }).plan.ports[0]?.address).toBe('10.1.0.11')
})

test('what a bridge of the kernel does not do is refused, all at once', () => {
  expect(
    found({
      dhcp: false,
      capture: true,
      queue: '2M',
      faults: [{ loss: 0.1 }],
      host: { address: '10.9.0.1', reachable: '10.8.0.1', dhcpd: 'x' },
    }),
  ).toEqual([
    ['NETWORK_ADDRESS_OUTSIDE', 'host.address'],
    ['NETWORK_ADDRESS_OUTSIDE', 'host.reachable'],
    ['NETWORK_HOST_WITHOUT', 'faults'],
    ['NETWORK_HOST_WITHOUT', 'capture'],
    ['NETWORK_HOST_WITHOUT', 'queue'],
    ['NETWORK_HOST_DHCPD', 'host.dhcpd'],
  ])
  expect(found({ host: { reachable: '10.1.0.1' } })).toEqual([['NETWORK_ADDRESS_TWICE', 'host.reachable']])
})

test('what ip(8) prints of a device', () => {
  const json =
    '[{},{"ifname":"bu1b","flags":["BROADCAST","UP"],"mtu":1500,"linkinfo":{"info_kind":"bridge"},"addr_info":[{"family":"inet","local":"10.1.0.1","prefixlen":24},{"family":"inet6","local":"fe80::1","prefixlen":64}]}]'
  expect(parseLink(json)).toEqual({ isUp: true, mtu: 1500, kind: 'bridge', addresses: ['10.1.0.1/24'] })
  expect(parseLink('[{}]')).toBeUndefined()
  expect(parseLink('')).toBeUndefined()
})

test('a service says which network it runs on', () => {
  expect(parseService({ name: 'web', argv: ['x'], network: 'lan' }).network).toBe('lan')
})
