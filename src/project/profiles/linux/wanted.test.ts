import { expect, test } from 'vitest'
import { modulesFor, programsFor, waitsFor } from './wanted.ts'

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

test('a guest that is talked to later has ndctl where there is an NVDIMM', () => {
  expect(programsFor(pmem, []).useful).toEqual(['ndctl'])
  expect(programsFor({}, []).useful).toEqual([])
})
