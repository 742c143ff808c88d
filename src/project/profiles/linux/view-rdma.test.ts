import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { parsePrinted } from './view-files.ts'
import { RDMA_COMMAND, rdmasOf } from './view-rdma.ts'

/** What Linux 6.1 prints of soft-RoCE on a card with an address; the second device has no address and no carrier. */
const PRINTED = `/sys/class/infiniband/rxe0/ports/1/state:4: ACTIVE
/sys/class/infiniband/rxe0/ports/1/phys_state:5: LinkUp
/sys/class/infiniband/rxe0/ports/1/link_layer:Ethernet
/sys/class/infiniband/rxe0/ports/1/gids/0:fe80:0000:0000:0000:5054:00ff:fe9c:d9cc
/sys/class/infiniband/rxe0/ports/1/gid_attrs/types/0:RoCE v2
/sys/class/infiniband/rxe0/ports/1/gid_attrs/ndevs/0:eth0
/sys/class/infiniband/rxe0/ports/1/gids/10:0000:0000:0000:0000:0000:ffff:0a01:000a
/sys/class/infiniband/rxe0/ports/1/gid_attrs/types/10:RoCE v2
/sys/class/infiniband/rxe0/ports/1/gid_attrs/ndevs/10:eth0
/sys/class/infiniband/rxe0/ports/1/gids/1:0000:0000:0000:0000:0000:ffff:c0a8:0001
/sys/class/infiniband/a/ports/1/state:1: DOWN
/sys/class/infiniband/a/ports/1/phys_state:3: Disabled
`

test('devices, ports and GIDs, each in its order', () => {
  expect(rdmasOf(parsePrinted(PRINTED))).toEqual([
    {
      name: 'a',
      ports: [{ port: 1, state: 'DOWN', physicalState: 'Disabled', linkLayer: '', gids: [] }],
    },
    {
      name: 'rxe0',
      ports: [
        {
          port: 1,
          state: 'ACTIVE',
          physicalState: 'LinkUp',
          linkLayer: 'Ethernet',
          netdev: 'eth0',
          gids: [
            { index: 0, gid: 'fe80::5054:ff:fe9c:d9cc', type: 'RoCE v2' },
            { index: 1, gid: '::ffff:192.168.0.1' },
            { index: 10, gid: '::ffff:10.1.0.10', type: 'RoCE v2' },
          ],
        },
      ],
    },
  ])
  expect(rdmasOf(parsePrinted(''))).toEqual([])
})

test('the script ends well where there is no such device', () => {
  const [program, ...args] = RDMA_COMMAND
  const printed = execFileSync(program, args, { encoding: 'utf8' })
  expect(rdmasOf(parsePrinted(printed)).every(({ name }) => name !== '*')).toBe(true)
})
