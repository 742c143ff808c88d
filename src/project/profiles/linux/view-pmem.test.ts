import { expect, test } from 'vitest'
import { parseView } from './view.ts'
import { cxlOf, nvdimmsOf, virtioPmemsOf } from './view-pmem.ts'

const ND = '/sys/bus/nd/devices'

/** As a guest with two NVDIMMs printed it: the first with labels and two namespaces, the second not armed, on node 1. */
const LINES = [
  `${ND}/region0:/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/ndbus0/region0`,
  `${ND}/region1:/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/ndbus0/region1`,
  `${ND}/region0/size:33554432`,
  `${ND}/region1/size:134217728`,
  `${ND}/region0/read_only:1`,
  `${ND}/region1/read_only:0`,
  `${ND}/region0/numa_node:0`,
  `${ND}/region1/numa_node:0`,
  `${ND}/region0/target_node:1`,
  `${ND}/region1/target_node:0`,
  `${ND}/region0/persistence_domain:cpu_cache`,
  `${ND}/region1/persistence_domain:cpu_cache`,
  `${ND}/region0/mapping0:nmem1,0,33554432,0`,
  `${ND}/region1/mapping0:nmem0,0,134217728,0`,
  `${ND}/nmem0/commands:get_size get_data set_data cmd_call `,
  `${ND}/nmem1/commands:cmd_call `,
  `${ND}/nmem0/nfit/handle:0x1`,
  `${ND}/nmem1/nfit/handle:0x2`,
  `${ND}/nmem0/nfit/flags:`,
  `${ND}/nmem1/nfit/flags:not_armed `,
  `${ND}/namespace0.0/mode:raw`,
  `${ND}/namespace1.1/mode:safe`,
  `${ND}/namespace1.0/mode:memory`,
  `${ND}/namespace1.2/mode:raw`,
  `${ND}/namespace0.0/size:33554432`,
  `${ND}/namespace1.1/size:16777216`,
  `${ND}/namespace1.0/size:67108864`,
  `${ND}/namespace1.2/size:0`,
]
const filesOf = (lines: readonly string[]) =>
  new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const))

test('an NVDIMM is what its region is, and tells whether a driver made a disk of its namespaces', () => {
  const files = filesOf([...LINES, `${ND}/namespace0.0/block:pmem0`])
  expect(nvdimmsOf(files)).toEqual([
    {
      handle: 1,
      bytes: 134217728,
      node: 0,
      persistenceDomain: 'cpu',
      isArmed: true,
      hasLabels: true,
      region: {
        name: 'region1',
        bytes: 134217728,
        node: 0,
        isReadOnly: false,
        persistenceDomain: 'cpu',
        namespaces: [
          { name: 'namespace1.0', mode: 'fsdax', bytes: 67108864, deviceNode: null },
          { name: 'namespace1.1', mode: 'sector', bytes: 16777216, deviceNode: null },
        ],
      },
    },
    {
      handle: 2,
      bytes: 33554432,
      node: 1,
      persistenceDomain: 'cpu',
      isArmed: false,
      hasLabels: false,
      region: {
        name: 'region0',
        bytes: 33554432,
        node: 1,
        isReadOnly: true,
        persistenceDomain: 'cpu',
        namespaces: [{ name: 'namespace0.0', mode: 'raw', bytes: 33554432, deviceNode: 'pmem0' }],
      },
    },
  ])
})

test('a guest without the driver has no NVDIMMs; one without a region has no bytes', () => {
  expect(nvdimmsOf(new Map())).toEqual([])
  expect(nvdimmsOf(filesOf([`${ND}/nmem0/nfit/handle:0x1`]))).toMatchObject([{ handle: 1, bytes: 0 }])
})

test('the region below a PCI function is that of its virtio-pmem; without a driver it has no region', () => {
  const files = filesOf([
    `${ND}/region0:/sys/devices/pci0000:00/0000:00:02.0/virtio1/ndbus0/region0`,
    `${ND}/region0/size:67108864`,
    `${ND}/region0/numa_node:-1`,
    `${ND}/region0/read_only:0`,
    `${ND}/namespace0.0/mode:memory`,
    `${ND}/namespace0.0/size:67108864`,
  ])
  expect(virtioPmemsOf(files, ['00:02.0', '00:03.0'])).toMatchObject([
    { address: '00:02.0', bytes: 67108864, region: { node: null, namespaces: [{ mode: 'fsdax' }] } },
    { address: '00:03.0', bytes: 0 },
  ])
  // It is no NVDIMM: no handle belongs to it.
  expect(nvdimmsOf(files)).toEqual([])
})

test('CXL memory by its PCI address, persistent and volatile apart', () => {
  const files = filesOf([
    '/sys/bus/cxl/devices/mem0:/sys/devices/pci0000:30/0000:30:00.0/0000:31:00.0/mem0',
    '/sys/bus/cxl/devices/mem1:/sys/devices/pci0000:20/0000:20:00.0/0000:21:00.0/mem1',
    '/sys/bus/cxl/devices/mem0/pmem/size:0x10000000',
    '/sys/bus/cxl/devices/mem1/pmem/size:0x0',
    '/sys/bus/cxl/devices/mem0/ram/size:0x0',
    '/sys/bus/cxl/devices/mem1/ram/size:0x20000000',
  ])
  expect(cxlOf(files, ['21:00.0', '31:00.0']).memories).toEqual([
    { address: '21:00.0', bytes: 0x20000000, volatileBytes: 0x20000000 },
    { address: '31:00.0', bytes: 0x10000000, volatileBytes: 0 },
  ])
})

test('CXL memory that no driver has taken is there, and has no memory', () => {
  const pci = '/sys/bus/pci/devices/0000:21:00.0'
  const output = [`${pci}/vendor:0x8086`, `${pci}/device:0x0d93`, `${pci}/class:0x050210`].join('\n')
  expect(parseView(output).cxl).toEqual({
    windows: [],
    memories: [{ address: '21:00.0', bytes: 0 }],
  })
})

test('windows are decoders of the root, and their targets host bridges', () => {
  const decoder = '/sys/bus/cxl/devices/decoder0.0'
  const files = filesOf([
    `${decoder}/start:0x110000000`,
    `${decoder}/size:0x10000000`,
    `${decoder}/target_list:32`,
  ])
  expect(cxlOf(files, []).windows).toEqual([{ start: 0x110000000, bytes: 0x10000000, targets: [32] }])
})
