import { expect, test } from 'vitest'
import { parseModules, unloadOrder } from './modules.ts'

const LOADED = parseModules(`nvme_rdma 53248 0 - Live 0x0000000000000000
rdma_ucm 32768 1 - Live 0x0000000000000000
rdma_cm 151552 2 nvme_rdma,rdma_ucm, Live 0x0000000000000000
iw_cm 65536 1 rdma_cm, Live 0x0000000000000000
ib_cm 151552 1 rdma_cm, Live 0x0000000000000000
ib_core 499712 5 rdma_cm,ib_cm,iw_cm, Live 0x0000000000000000
`)

test('modules are unloaded after those that use them', () => {
  const names = (module: string) => unloadOrder(module, LOADED).map(({ name }) => name)
  expect(names('rdma_cm')).toEqual(['nvme_rdma', 'rdma_ucm', 'rdma_cm'])
  expect(names('ib_cm')).toEqual(['nvme_rdma', 'rdma_ucm', 'rdma_cm', 'ib_cm'])
  expect(names('ib_umad')).toEqual([])
})

test('uses by programs are those that no module accounts for', () => {
  expect(LOADED.get('rdma_ucm')).toEqual({ name: 'rdma_ucm', uses: 1, usedBy: [] })
  expect(LOADED.get('rdma_cm')).toMatchObject({ uses: 2, usedBy: ['nvme_rdma', 'rdma_ucm'] })
})
