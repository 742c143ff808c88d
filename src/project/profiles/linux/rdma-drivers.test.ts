import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { rdmaPathOf, wrongWithRdma } from './rdma-drivers.ts'

const folder = mkdtempSync(join(tmpdir(), 'kernels, with and without '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { signal } = new AbortController()
const kernel = (name: string, ...texts: readonly string[]) => {
  const path = join(folder, name)
  writeFileSync(path, `Linux version 6.1.0 \0${texts.join('\0')}\0`)
  return path
}
const wants = {
  given: undefined,
  kernelPackage: undefined,
  rdmaDrivers: ['ib_uverbs', 'rdma_rxe', 'rdma_ucm'],
  rdmaAt: 'devices[0].rdma',
}
const missing = wants.rdmaDrivers

test('drivers that are built in are not missing', async () => {
  const image = kernel('all', 'infiniband_verbs', 'rdma_rxe: loaded', 'infiniband/rdma_cm')
  expect(await wrongWithRdma({ release: '6.1.0', image }, wants, missing, signal)).toEqual([])
  expect(await wrongWithRdma({ release: '6.1.0', image }, wants, [], signal)).toEqual([])
})

test('a kernel of a package is named, one of the user’s own gets the options to build it with', async () => {
  const image = kernel('cloud', 'infiniband_verbs', 'infiniband/rdma_cm')
  const named = { ...wants, kernelPackage: 'linux-image-cloud-amd64' }
  expect(await wrongWithRdma({ release: '6.1.0', image }, named, missing, signal)).toMatchObject([
    {
      code: 'LINUX_RDMA_DRIVER_MISSING',
      path: 'devices[0].rdma',
      what: 'kernel 6.1.0 has no rdma_rxe, neither built in nor as a module',
      remedy: 'replace kernelPackage "linux-image-cloud-amd64" by "linux-image-amd64", or omit it',
    },
  ])
  const [own] = await wrongWithRdma({ release: '6.1.0' }, { ...wants, given: image }, missing, signal)
  expect(own?.remedy).toContain('CONFIG_RDMA_RXE=y, CONFIG_CRYPTO_CRC32=y')
})

test('siw is in no kernel of Debian 12: rxe is, or a kernel is built', async () => {
  const image = kernel('full', 'infiniband_verbs', 'infiniband/rdma_cm')
  const siw = { ...wants, rdmaDrivers: ['ib_uverbs', 'siw', 'rdma_ucm'] }
  const [found] = await wrongWithRdma({ release: '6.1.0', image }, siw, ['siw'], signal)
  expect(found).toMatchObject({ what: 'kernel 6.1.0 has no siw, neither built in nor as a module' })
  expect(found?.remedy).toContain('set rdma to "rxe"')
  expect(found?.remedy).toContain('CONFIG_RDMA_SIW=y')
})

test('para-virtual RDMA: a kernel of the distribution gets the driver, one of the user’s own must have it', async () => {
  const image = kernel('own', 'infiniband_verbs', 'VMware vmxnet3 virtual NIC driver')
  const pvrdma = { ...wants, rdmaDrivers: ['vmxnet3', 'ib_uverbs', 'vmw_pvrdma'], rdmaAt: 'devices[0]' }
  const lost = ['vmw_pvrdma']
  expect(await wrongWithRdma({ release: '6.1.0', image }, pvrdma, lost, signal)).toEqual([])
  const [own] = await wrongWithRdma({ release: '6.1.0' }, { ...pvrdma, given: image }, lost, signal)
  expect(own).toMatchObject({
    path: 'devices[0]',
    what: 'kernel 6.1.0 has no vmw_pvrdma, neither built in nor as a module',
  })
  expect(own?.remedy).toContain('CONFIG_INFINIBAND_VMWARE_PVRDMA=y')
  const having = kernel('with', 'infiniband_verbs', 'vmw_pvrdma%d')
  expect(await wrongWithRdma({ release: '6.1.0' }, { ...pvrdma, given: having }, lost, signal)).toEqual([])
})

test('a kernel that cannot be read is left to the guest', async () => {
  const image = join(folder, 'strange')
  writeFileSync(image, 'no kernel')
  expect(await wrongWithRdma({ release: '', image }, wants, missing, signal)).toEqual([])
})

test('the path is that of the first such device', () => {
  expect(rdmaPathOf({ devices: [{ kind: 'nic' }, { kind: 'nic', rdma: 'rxe' }] })).toBe('devices[1].rdma')
  expect(rdmaPathOf({ devices: [{ kind: 'nic' }, { kind: 'pvrdma' }] })).toBe('devices[1]')
  expect(rdmaPathOf({})).toBe('')
})
