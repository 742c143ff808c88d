import { expect, test } from 'vitest'
import type { Join } from '../machine/device.ts'
import { networkSchema } from '../network/network-schema.ts'
import { planNetworks, withAddresses } from './rack-networks.ts'

const join = (resource: string, device: string, n: number, address?: string): Join => ({
  id: `${device}-net`,
  kind: 'network',
  resource,
  device,
  mac: `52:54:00:00:00:0${n}`,
  ...(address === undefined ? {} : { address }),
})

test('cards of all guests are on their networks, with the addresses that the plans of the guests have too', () => {
  const guests = [
    { guest: 'server', joins: [join('lan', 'lan', 1), join('back', 'back', 2)] },
    { guest: 'client', joins: [join('lan', 'lan', 3, '10.1.0.99'), join('lan', 'second', 4)] },
    { guest: 'alone', joins: [] },
  ]
  const networks = { lan: networkSchema.parse({}), back: networkSchema.parse({ dhcp: false }) }
  const planned = planNetworks({ networks }, guests, ['racks', 'pair'])
  expect(planned.diagnostics).toEqual([])
  expect(
    planned.networks.map(({ name, subnet, ports }) => [
      name,
      subnet,
      ports.map((p) => `${p.id} ${p.address}`),
    ]),
  ).toEqual([
    ['lan', '10.1.0.0/24', ['server/lan 10.1.0.10', 'client/lan 10.1.0.99', 'client/second 10.1.0.11']],
    ['back', '10.2.0.0/24', ['server/back 10.2.0.10']],
  ])
  const addresses = guests.map((guest) => withAddresses(guest, planned.networks).joins.map((j) => j.address))
  expect(addresses).toEqual([['10.1.0.10', undefined], ['10.1.0.99', '10.1.0.11'], []])
})

test('findings say where the guest is described', () => {
  const guests = [{ guest: 'server', joins: [join('lan', 'lan', 1, '192.0.2.1')] }]
  const { diagnostics } = planNetworks({ networks: { lan: networkSchema.parse({}) } }, guests, [
    'racks',
    'pair',
  ])
  expect(diagnostics).toMatchObject([{ code: 'NETWORK_ADDRESS_OUTSIDE', path: 'racks.pair.guests.server' }])
})
