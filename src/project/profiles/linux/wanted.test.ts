import { expect, test } from 'vitest'
import type { MachineInput } from '../../../machine/machine.ts'
import { modulesFor, needsFullKernel, programsFor, providersOf, rdmaDriversOf, waitsFor } from './wanted.ts'

const pmem = { devices: [{ kind: 'nvdimm' as const, id: 'pm0', size: '128M' }] }

test('a bare machine needs the command channel’s modules only', () => {
  expect(modulesFor({})).toEqual(['virtio_pci', 'virtio_console'])
  expect(waitsFor({})).toEqual([])
})

test('devices bring their drivers, each once', () => {
  expect(
    modulesFor({
      devices: [
        ...pmem.devices,
        { kind: 'nvdimm', id: 'pm1', size: '128M' },
        { kind: 'disk', id: 'd', file: 'x', bus: 'nvme' },
      ],
    }),
  ).toEqual(['virtio_pci', 'virtio_console', 'nfit', 'nd_pmem', 'nd_btt', 'dax_pmem', 'device_dax', 'nvme'])
})

test('a command brings its program and the tools that it names', () => {
  expect(programsFor(pmem, ['true'])).toEqual({ needed: ['true'], useful: [] })
  expect(programsFor(pmem, ['sh', '-c', 'ndctl list && mkfs.ext4 /dev/pmem0'])).toEqual({
    needed: ['sh'],
    useful: ['ndctl', 'mkfs.ext4'],
  })
})

test.each<[NonNullable<MachineInput['devices']>[number], readonly string[]]>([
  [{ kind: 'disk', file: 'a' }, ['virtio_blk']],
  [{ kind: 'disk', file: 'a', bus: 'scsi' }, ['virtio_scsi', 'sd_mod']],
  [{ kind: 'disk', file: 'a', bus: 'usb' }, ['xhci_pci', 'usb_storage', 'uas', 'sd_mod']],
  [{ kind: 'cdrom', file: 'a' }, ['ata_piix', 'ahci', 'sr_mod']],
  [{ kind: 'cdrom', file: 'a', bus: 'scsi' }, ['virtio_scsi', 'sr_mod']],
  [{ kind: 'cdrom', file: 'a', bus: 'usb' }, ['xhci_pci', 'usb_storage', 'sr_mod']],
])('modules follow from disks and CD-ROMs: %j', (device, modules) => {
  expect(modulesFor({ devices: [device] }).slice(2)).toEqual(modules)
})

test('a guest that is talked to later has ndctl where there is an NVDIMM', () => {
  expect(programsFor(pmem, []).useful).toEqual(['ndctl'])
  expect(programsFor({}, []).useful).toEqual([])
})

const PMEM = ['nd_pmem', 'nd_btt', 'dax_pmem', 'device_dax']
test.each([
  ['memmap=2G!4G', ['nd_e820', ...PMEM]],
  ['quiet memmap=64K$1G,2G!4G', ['nd_e820', ...PMEM]],
  ['"memmap=2G!4G"', ['nd_e820', ...PMEM]],
  ['memmap=64K$1G', []],
  ['x=memmap=2G!4G', []],
])('modules follow from the command line: %s', (append, modules) => {
  expect(modulesFor({ boot: { append } }).slice(2)).toEqual(modules)
  expect(waitsFor({ boot: { append } })).toHaveLength(modules.length > 0 ? 1 : 0)
})

test.each<[readonly string[], readonly string[]]>([
  [['-device', 'nvme,drive=d,serial=1'], ['nvme']],
  [['-device', 'driver=virtio-rng-pci'], ['virtio_rng']],
  [
    ['-device', '{"driver":"virtio-scsi-pci","id":"s"}'],
    ['virtio_scsi', 'sd_mod', 'sr_mod'],
  ],
  [
    ['--device', 'nvdimm,memdev=m'],
    ['nfit', ...PMEM],
  ],
  [
    ['-virtfs', 'local,path=/x,mount_tag=t,security_model=none'],
    ['9pnet_virtio', '9p'],
  ],
  [['-drive', 'file=x,if=virtio'], ['virtio_blk']],
  [
    ['-nic', 'user,model=e1000'],
    ['e1000', 'af_packet'],
  ],
  [
    ['-nic', 'user'],
    ['e1000e', 'e1000', 'af_packet'],
  ],
  [
    ['-device', 'virtio-net-pci,netdev=n'],
    ['virtio_net', 'af_packet'],
  ],
  [['-nic', 'none', '-net', 'user'], []],
  [['-device', 'edu'], []],
  [['-append', 'nvme'], []],
])('modules follow from the user’s own arguments: %j', (qemuArgs, modules) => {
  expect(modulesFor({ qemuArgs: [...qemuArgs] }).slice(2)).toEqual(modules)
})

test.each<[MachineInput, boolean]>([
  [{}, false],
  [{ devices: [{ kind: 'nic' }] }, false],
  [{ devices: [{ kind: 'nic', model: 'e1000e' }] }, true],
  [{ devices: [{ kind: 'folder', path: '.' }] }, true],
  [{ qemuArgs: ['-nic', 'user'] }, true],
  [{ devices: [{ kind: 'disk', bus: 'ide' }] }, true],
  [{ type: 'pc', devices: [{ kind: 'disk', bus: 'ide' }] }, false],
  [{ type: 'pc', qemuArgs: ['-device', 'ahci', '-cdrom', 'x'] }, true],
  [{ devices: [{ kind: 'disk', bus: 'nvme' }] }, false],
  [{ devices: [{ kind: 'watchdog' }] }, true],
  [{ qemuArgs: ['-device', 'qemu-xhci', '-device', 'usb-storage,drive=d'] }, true],
  [{ qemuArgs: ['-virtfs', 'local,path=/x,mount_tag=t,security_model=none'] }, true],
])('drivers that the kernels for clouds lack: %j', (machine, isFull) => {
  expect(needsFullKernel(machine)).toBe(isFull)
})

test('an RDMA device brings its drivers, the full kernel, and what makes it', () => {
  const rxe = { devices: [{ kind: 'nic' as const, rdma: 'rxe' as const }] }
  const siw = { devices: [{ kind: 'nic' as const, rdma: { kind: 'siw' as const, name: 's' } }] }
  expect(modulesFor(rxe).slice(2)).toEqual([
    'virtio_net',
    'af_packet',
    'crc32_generic',
    'ib_uverbs',
    'rdma_rxe',
    'rdma_ucm',
  ])
  expect(rdmaDriversOf(rxe)).toEqual(['ib_uverbs', 'rdma_rxe', 'rdma_ucm'])
  expect(rdmaDriversOf(siw)).toEqual(['ib_uverbs', 'siw', 'rdma_ucm'])
  expect([rxe, siw].map(needsFullKernel)).toEqual([true, true])
  expect(needsFullKernel({ devices: [{ kind: 'nic', rdma: false }] })).toBe(false)
  expect(programsFor(rxe, [])).toEqual({
    needed: ['rdma'],
    useful: ['ibv_devinfo', 'ibv_rc_pingpong', 'rping', 'ucmatose'],
  })
  expect(programsFor(rxe, ['sh', '-c', 'rdma link; rping -s && ib_write_bw'])).toEqual({
    needed: ['sh', 'rdma'],
    useful: ['rping', 'ib_write_bw'],
  })
  expect(programsFor(rxe, ['rdma', 'link'])).toEqual({ needed: ['rdma'], useful: [] })
  expect(programsFor({}, ['sh', '-c', 'rping -s'])).toEqual({ needed: ['sh'], useful: [] })
})

test('para-virtual RDMA has a driver, a provider and the tools of RDMA', () => {
  const machine: MachineInput = { devices: [{ kind: 'pvrdma' }] }
  expect(providersOf(machine)).toEqual(['vmw_pvrdma'])
  expect(providersOf({ devices: [{ kind: 'nic', rdma: 'rxe' }, { kind: 'pvrdma' }] })).toEqual([
    'rxe',
    'vmw_pvrdma',
  ])
  expect(rdmaDriversOf(machine)).toEqual(['vmxnet3', 'ib_uverbs', 'vmw_pvrdma'])
  expect(programsFor(machine, [])).toMatchObject({
    needed: [],
    useful: expect.arrayContaining(['ibv_devinfo']),
  })
})
