import { expect, test } from 'vitest'
import { TABLES } from '../../../guest/acpi/fixtures.ts'
import { parseView } from './view.ts'

const tables = Object.entries(TABLES).map(([name, base64]) => `/sys/firmware/acpi/tables/${name}:${base64}`)

/** As a guest printed it. */
const OUTPUT = [
  '/proc/cmdline:console=ttyS0 quiet cryptomgr.notests panic=-1',
  '/proc/cpuinfo:processor\t: 0',
  '/proc/cpuinfo:apicid\t\t: 0',
  '/proc/cpuinfo:processor\t: 1',
  '/proc/cpuinfo:apicid\t\t: 1',
  '/sys/devices/system/cpu/cpu0/topology/physical_package_id:0',
  '/sys/devices/system/cpu/cpu1/topology/physical_package_id:0',
  '/sys/devices/system/cpu/cpu0/topology/core_id:0',
  '/sys/devices/system/cpu/cpu1/topology/core_id:1',
  '/sys/bus/pci/devices/0000:00:00.0/vendor:0x8086',
  '/sys/bus/pci/devices/0000:00:01.0/vendor:0x1af4',
  '/sys/bus/pci/devices/0000:00:1f.0/vendor:0x8086',
  '/sys/bus/pci/devices/0000:00:1f.2/vendor:0x8086',
  '/sys/bus/pci/devices/0000:00:1f.3/vendor:0x8086',
  '/sys/bus/pci/devices/0000:00:00.0/device:0x29c0',
  '/sys/bus/pci/devices/0000:00:01.0/device:0x1003',
  '/sys/bus/pci/devices/0000:00:1f.0/device:0x2918',
  '/sys/bus/pci/devices/0000:00:1f.2/device:0x2922',
  '/sys/bus/pci/devices/0000:00:1f.3/device:0x2930',
  '/sys/bus/pci/devices/0000:00:00.0/class:0x060000',
  '/sys/bus/pci/devices/0000:00:01.0/class:0x078000',
  '/sys/bus/pci/devices/0000:00:1f.0/class:0x060100',
  '/sys/bus/pci/devices/0000:00:1f.2/class:0x010601',
  '/sys/bus/pci/devices/0000:00:1f.3/class:0x0c0500',
  '/sys/class/tty/ttyS0/type:4',
  '/sys/class/tty/ttyS1/type:0',
  '/sys/class/tty/ttyS2/type:0',
  '/sys/class/tty/ttyS3/type:0',
  '/sys/devices/system/cpu/online:0-1',
  '/sys/devices/system/cpu/present:0-1',
  '/sys/devices/system/cpu/possible:0-2',
  '/sys/devices/system/node/online:0-1',
  '/sys/devices/system/node/node0/cpulist:0',
  '/sys/devices/system/node/node1/cpulist:1',
  '/sys/devices/system/node/node0/distance:10 21',
  '/sys/devices/system/node/node1/distance:21 10',
  '/proc/zoneinfo:Node 0, zone      DMA',
  '/proc/zoneinfo:        present  3998',
  '/proc/zoneinfo:Node 0, zone    DMA32',
  '/proc/zoneinfo:        present  61440',
  '/proc/zoneinfo:Node 1, zone    DMA32',
  '/proc/zoneinfo:        present  65503',
  '/proc/zoneinfo:Node 1, zone   Device',
  '/proc/zoneinfo:        present  32768',
  '/sys/devices/system/node/node1/access0/initiators/read_latency:160',
  '/sys/devices/system/node/node1/access0/initiators/read_bandwidth:5120',
  '/sys/devices/system/node/node1/access0/initiators/write_latency:0',
  '/sys/devices/system/node/node1/access0/initiators/node0:',
  '/sys/devices/system/node/node0/memory_side_cache/index1/size:67108864',
  '/sys/devices/system/node/node0/memory_side_cache/index1/indexing:0',
  '/sys/devices/system/node/node0/memory_side_cache/index1/write_policy:1',
  '/sys/devices/system/node/node0/memory_side_cache/index1/line_size:64',
  '/sys/block/vda/size:32768',
  '/sys/block/vda/ro:1',
  '/sys/block/vda/serial:d0',
  '/sys/block/nvme0n1/size:16384',
  '/sys/block/nvme0n1/device/serial:n0                  ',
  '/sys/block/loop0/size:0',
  '/sys/class/net/lo/address:00:00:00:00:00:00',
  '/sys/class/net/eth0/address:52:54:00:d9:19:af',
  '/sys/class/virtio-ports/vport0p1/name:org.bringup.shell',
  ...tables,
  'bringup-view-end',
].join('\n')

test('reads what Linux made of the hardware', () => {
  const { tables: _, ...view } = parseView(OUTPUT)
  expect(view).toMatchObject({
    by: 'Linux',
    firmware: 'bios',
    commandLine: 'console=ttyS0 quiet cryptomgr.notests panic=-1',
    cpus: [
      { apicId: 0, node: 0, socket: 0, core: 0, thread: 0, online: true },
      { apicId: 1, node: 1, socket: 0, core: 1, thread: 0, online: true },
      { apicId: null, node: null, online: false },
    ],
    nodes: [
      { node: 0, cpus: 1, bytes: 65438 * 4096 },
      // Pages of persistent memory are in a zone of their own.
      { node: 1, cpus: 1, bytes: 65503 * 4096 },
    ],
    omitsReserved: true,
    distances: [
      [10, 21],
      [21, 10],
    ],
    hmatOfNearest: [
      { initiator: 0, target: 1, hierarchy: 'memory', type: 'read-latency', value: 160_000 },
      { initiator: 0, target: 1, hierarchy: 'memory', type: 'read-bandwidth', value: 5 * 2 ** 30 },
    ],
    initiators: [{ target: 1, initiator: 0 }],
    caches: [
      { node: 0, level: 1, bytes: 67108864, associativity: 'direct', policy: 'write-through', line: 64 },
    ],
    disks: [
      { name: 'vda', serial: 'd0', bytes: 32768 * 512, isReadOnly: true },
      { name: 'nvme0n1', serial: 'n0', bytes: 16384 * 512, isReadOnly: false },
    ],
    nics: [{ name: 'eth0', mac: '52:54:00:d9:19:af' }],
    ports: ['org.bringup.shell'],
    serialPorts: [0],
    // The NFIT has one, for which Linux has no driver here.
    nvdimms: [],
    virtioPmems: [],
    ivshmems: [],
    cxl: { windows: [], memories: [] },
  })
  expect(view.pci?.map((f) => f.address)).toEqual(['00:00.0', '00:01.0', '00:1f.0', '00:1f.2', '00:1f.3'])
  expect(view.missing).toBeUndefined()
})

test('reads what the tables say apart from that', () => {
  expect(parseView(OUTPUT).tables).toMatchObject({
    cpus: [
      { apicId: 0, node: 0, online: true },
      { apicId: 1, node: 1, online: true },
      { apicId: 2, node: 0, online: false },
    ],
    nodes: [
      { node: 0, cpus: 1, bytes: 268042240 },
      { node: 1, cpus: 1, bytes: 268435456 },
    ],
    distances: [
      [10, 21],
      [21, 10],
    ],
    hmat: expect.arrayContaining([
      { initiator: 0, target: 1, hierarchy: 'memory', type: 'access-latency', value: 160000 },
    ]),
    initiators: [
      { target: 0, initiator: 0 },
      { target: 1, initiator: 1 },
    ],
    nvdimms: [{ handle: 1, bytes: 134217728, node: 1, persistenceDomain: 'cpu', isArmed: true }],
    cxl: {
      hostBridges: [{ uid: 32, version: 1 }],
      windows: [{ start: 4563402752, bytes: 268435456, targets: [32] }],
    },
  })
})

test('a kernel without NUMA has one node, which /proc/zoneinfo names; without tables there are none', () => {
  const view = parseView(
    OUTPUT.split('\n')
      .filter((line) => !/system.node|Node 1|65503|32768$|acpi/.test(line))
      .join('\n'),
  )
  expect(view.nodes).toEqual([{ node: 0, cpus: 2, bytes: 65438 * 4096 }])
  expect(view).toMatchObject({ distances: [], nvdimms: [] })
  expect(view.tables).toBeUndefined()
})

test('a CPU that was not started is idle, and none that can be plugged', () => {
  const view = parseView(
    OUTPUT.split('\n')
      .filter((line) => !/^\/proc\/cpuinfo.*1$/.test(line))
      .join('\n'),
  )
  expect(view.cpus?.map((c) => [c.online, c.isIdle])).toEqual([
    [true, undefined],
    [false, true],
    [false, undefined],
  ])
})

test.each([
  ['nothing', ''],
  ['half of it', OUTPUT.slice(0, OUTPUT.length / 2)],
  ['noise', '\0\x1b[6n/proc/cpuinfo\n/sys/devices/system/node/node9999999/distance:x y\n:::\n/a:b\n'],
])('a guest that printed %s has not reported everything', (_name, output) => {
  expect(parseView(output).missing).toContain('the end of what Linux prints of /sys and /proc')
})
