import { expect, test } from 'vitest'
import type { GuestRdmaDevice } from '../machine/guest-view.ts'
import { rdmaDifferences } from './rdma-matcher.ts'

const rxe0: GuestRdmaDevice = {
  name: 'rxe0',
  ports: [
    {
      port: 1,
      state: 'ACTIVE',
      physicalState: 'LinkUp',
      linkLayer: 'Ethernet',
      netdev: 'eth0',
      gids: [
        { index: 0, gid: 'fe80::1', type: 'RoCE v2' },
        { index: 1, gid: '::ffff:10.1.0.10', type: 'RoCE v2' },
      ],
    },
  ],
}

test.each([
  ['rxe0', {}, []],
  ['rxe0', { netdev: 'eth0', linkLayer: 'Ethernet', gid: '::ffff:10.1.0.10', gidType: 'RoCE v2' }, []],
  ['rxe1', {}, ['no RDMA device "rxe1"; there is rxe0']],
  ['rxe0', { port: 2 }, ['rxe0 has no port 2']],
  ['rxe0', { state: 'DOWN' }, ['state: wanted "DOWN", reported "ACTIVE"']],
  ['rxe0', { netdev: 'eth1' }, ['netdev: wanted "eth1", reported "eth0"']],
  ['rxe0', { gid: '::1' }, ['gid: wanted ::1, reported fe80::1, ::ffff:10.1.0.10']],
  ['rxe0', { gidType: 'IB/RoCE v1' }, ['gidType: wanted "IB/RoCE v1", reported "RoCE v2"']],
])('%s %j', (name, wanted, differences) => {
  expect(rdmaDifferences([rxe0], name, wanted)).toEqual(differences)
})

test('a port is active unless another state is wanted', () => {
  const [port] = rxe0.ports
  const down = [{ ...rxe0, ports: port ? [{ ...port, state: 'DOWN', gids: [] }] : [] }]
  expect(rdmaDifferences(down, 'rxe0', {})).toEqual(['state: wanted "ACTIVE", reported "DOWN"'])
  expect(rdmaDifferences(down, 'rxe0', { state: 'DOWN' })).toEqual([])
  expect(rdmaDifferences(down, 'rxe0', { state: 'DOWN', gid: '::1' })).toEqual([
    'gid: wanted ::1, reported none',
  ])
})
