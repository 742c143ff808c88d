import { release } from 'node:os'
import { expect, test } from 'vitest'
import { fakeRoot, softRoce } from '../../test/support/fake-root.ts'
import { readRdmaFacts } from './rdma.ts'

test('a device in software: its port, interface, addresses and device files', () => {
  using fake = fakeRoot(softRoce('rxe0', 'd0'))
  expect(readRdmaFacts('/mux', fake.root)).toEqual({
    devices: [
      {
        name: 'rxe0',
        uverbs: '/dev/infiniband/uverbs-rxe0',
        ports: [
          {
            number: 1,
            state: 'ACTIVE',
            linkLayer: 'Ethernet',
            netdev: 'd0',
            mac: '02:00:00:00:00:01',
            gids: [{ index: 0, gid: 'fe80:0000:0000:0000:0000:00ff:fe00:0001' }],
            umad: '/dev/infiniband/umad-rxe0',
          },
        ],
      },
    ],
    managers: [],
    refused: [],
    multiplexer: '/mux',
  })
})

test('connection managers that are loaded, or part of the kernel', () => {
  using fake = fakeRoot({
    'sys/module/ib_cm/refcnt': '0\n',
    [`lib/modules/${release()}/modules.builtin`]: 'kernel/drivers/infiniband/core/rdma_cm.ko\n',
  })
  expect(readRdmaFacts(undefined, fake.root)).toEqual({
    devices: [],
    managers: ['rdma_cm', 'ib_cm'],
    refused: [],
  })
})

test('a device file that is missing counts as one that cannot be opened', () => {
  const { 'dev/infiniband/umad-rxe0': missing, ...files } = softRoce('rxe0', 'd0')
  using fake = fakeRoot(files)
  expect(readRdmaFacts(undefined, fake.root).refused).toEqual(['/dev/infiniband/umad-rxe0'])
})
