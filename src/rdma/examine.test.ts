import { release } from 'node:os'
import { expect, test } from 'vitest'
import { fakeRoot, softRoce } from '../../test/support/fake-root.ts'
import { isClean } from '../diagnostics.ts'
import type { QemuCapabilities } from '../machine/facts.ts'
import { examineRdma } from './examine.ts'

const qemu = (version: QemuCapabilities['version'], types: readonly string[]): QemuCapabilities => ({
  path: `qemu ${version[0]}`,
  sha256: '',
  version,
  packageName: '',
  arch: 'x86_64',
  machines: [],
  cpuModels: [],
  accelerators: [],
  types,
  properties: {},
  hasLibpmem: false,
  netdevs: [],
  pciTypes: [],
  cpuProperties: [],
  hasTcgX2apic: true,
  features: [],
  firmware: {},
})
const good = qemu([7, 2, 0], ['pvrdma', 'vmxnet3'])
const LOADED = { 'proc/modules': 'ib_uverbs 1 0 - Live 0x0\n', 'etc/libibverbs.d/rxe.driver': 'driver rxe\n' }

async function examined(files: Readonly<Record<string, string>>, more: object = {}) {
  using fake = fakeRoot({ ...LOADED, ...files })
  const means = { qemus: [good], canBeRoot: true, uid: process.getuid?.() ?? 0, multiplexer: '/mux' }
  const { diagnostics, modules } = await examineRdma(fake.host, { ...means, root: fake.root, ...more })
  const codes = diagnostics.map(({ code }) => code)
  return { codes, modules, canStart: isClean(diagnostics), diagnostics }
}

const rxe0 = softRoce('rxe0', 'd0')

test('a computer on which a guest can start', async () => {
  expect(await examined(rxe0)).toMatchObject({ codes: [], canStart: true })
})

test('a computer without RDMA', async () => {
  expect(await examined({})).toMatchObject({ codes: ['PVRDMA_NO_DEVICE'], canStart: false })
})

test('QEMU, root and the interface of the port count', async () => {
  const none = await examined(rxe0, { qemus: [] })
  expect(none).toMatchObject({ codes: ['RDMA_QEMU_MISSING'], canStart: false })
  const newer = qemu([10, 0, 0], ['vmxnet3'])
  expect(await examined(rxe0, { qemus: [newer] })).toMatchObject({ codes: ['QEMU_LACKS_TYPE'] })
  expect(await examined(rxe0, { qemus: [newer, good] })).toMatchObject({ codes: [], canStart: true })
  expect(await examined(rxe0, { canBeRoot: false })).toMatchObject({
    codes: ['ROOT_NEEDED'],
    canStart: false,
  })
  const { 'sys/class/infiniband/rxe0/parent': parent, ...infiniband } = rxe0
  expect(await examined(infiniband)).toMatchObject({ codes: ['PVRDMA_NOT_ETHERNET'], canStart: false })
})

test('a second device that is of no use stops no guest', async () => {
  const ib0 = { 'sys/class/infiniband/ib0/ports/1/state': '1: DOWN\n' }
  const both = await examined({ ...rxe0, ...ib0 })
  expect(both.canStart).toBe(true)
  expect(both.codes).toContain('PVRDMA_NO_UVERBS')
  expect((await examined(ib0)).canStart).toBe(false)
})

test('a connection manager that is part of the kernel is in the way too', async () => {
  const builtIn = {
    [`lib/modules/${release()}/modules.builtin`]: 'kernel/drivers/infiniband/core/ib_cm.ko\n',
  }
  const { codes, modules } = await examined({ ...rxe0, ...builtIn })
  expect(codes).toEqual(['PVRDMA_MANAGER_LOADED'])
  expect(modules.find(({ name }) => name === 'ib_cm')).toMatchObject({ isPresent: true })
})

test('a multiplexer of bringup’s own is shared, unless it is another user’s', async () => {
  const process_ = {
    'proc/77/fd/3': '-> /dev/infiniband/umad-rxe0',
    'proc/77/comm': 'rdmacm-mux\n',
    'proc/77/environ': 'A=1\0BRINGUP_SERVICE=x\0',
  }
  expect(await examined({ ...rxe0, ...process_ })).toMatchObject({ codes: [] })
  const other = await examined({ ...rxe0, ...process_ }, { uid: (process.getuid?.() ?? 0) + 1 })
  expect(other.codes).toEqual(['RDMA_UMAD_TAKEN'])
  expect(other.diagnostics[0]?.what).toContain('process 77 (rdmacm-mux)')
})
