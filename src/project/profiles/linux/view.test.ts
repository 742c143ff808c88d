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
  ...tables,
].join('\n')

test('reads what a guest with two nodes and an NVDIMM printed', () => {
  expect(parseView(OUTPUT)).toMatchInlineSnapshot(`
    {
      "commandLine": "console=ttyS0 quiet cryptomgr.notests panic=-1",
      "cpus": [
        {
          "apicId": 0,
          "core": 0,
          "node": 0,
          "online": true,
          "socket": 0,
          "thread": 0,
        },
        {
          "apicId": 1,
          "core": 1,
          "node": 1,
          "online": true,
          "socket": 0,
          "thread": 0,
        },
        {
          "apicId": 2,
          "node": 0,
          "online": false,
        },
      ],
      "cxl": {
        "hostBridges": [
          {
            "uid": 32,
            "version": 1,
          },
        ],
        "memories": [],
        "windows": [
          {
            "bytes": 268435456,
            "start": 4563402752,
            "targets": [
              32,
            ],
          },
        ],
      },
      "distances": [
        [
          10,
          21,
        ],
        [
          21,
          10,
        ],
      ],
      "hmat": [
        {
          "hierarchy": "memory",
          "initiator": 0,
          "target": 0,
          "type": "access-latency",
          "value": 80000,
        },
        {
          "hierarchy": "memory",
          "initiator": 0,
          "target": 1,
          "type": "access-latency",
          "value": 160000,
        },
        {
          "hierarchy": "memory",
          "initiator": 0,
          "target": 0,
          "type": "access-bandwidth",
          "value": 10737418240,
        },
        {
          "hierarchy": "memory",
          "initiator": 0,
          "target": 1,
          "type": "access-bandwidth",
          "value": 5368709120,
        },
      ],
      "nodes": [
        {
          "bytes": 268042240,
          "cpus": 1,
          "node": 0,
        },
        {
          "bytes": 268435456,
          "cpus": 1,
          "node": 1,
        },
      ],
      "nvdimms": [
        {
          "bytes": 134217728,
          "handle": 1,
          "isArmed": true,
          "node": 1,
          "persistenceDomain": "cpu",
        },
      ],
      "pci": [
        {
          "address": "00:00.0",
          "class": "0600",
          "device": "29c0",
          "vendor": "8086",
        },
        {
          "address": "00:01.0",
          "class": "0780",
          "device": "1003",
          "vendor": "1af4",
        },
        {
          "address": "00:1f.0",
          "class": "0601",
          "device": "2918",
          "vendor": "8086",
        },
        {
          "address": "00:1f.2",
          "class": "0106",
          "device": "2922",
          "vendor": "8086",
        },
        {
          "address": "00:1f.3",
          "class": "0c05",
          "device": "2930",
          "vendor": "8086",
        },
      ],
      "serialPorts": [
        0,
      ],
      "virtioPmems": [],
    }
  `)
})

test('a guest without NUMA has no nodes to compare, and distances and NVDIMMs that are known to be none', () => {
  const view = parseView(
    OUTPUT.split('\n')
      .filter((line) => !/SRAT|SLIT|HMAT|NFIT/.test(line))
      .join('\n'),
  )
  expect(view).toMatchObject({ distances: [], hmat: [], nvdimms: [] })
  expect(view.nodes).toBeUndefined()
  expect(view.cpus?.map((c) => [c.apicId, c.node, c.online])).toEqual([
    [0, null, true],
    [1, null, true],
    [2, null, false],
  ])
})
