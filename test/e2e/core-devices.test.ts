/** CPUs, memory, NUMA and HMAT as real guests see them, beyond the machines of `machines.test.ts`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { expect, test } from '../support/guests.ts'

const folder = mkdtempSync(join(tmpdir(), 'core: devices, '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the guest sees', () => {
  const machines = {
    'asymmetric distances': {
      numa: {
        nodes: 3,
        distances: [
          [10, 11, 254],
          [21, 10, 31],
          [22, 32, 10],
        ],
      },
    },
    'one distance for all': { numa: { nodes: 4, distances: 30 } },
    'HMAT of every kind': {
      cpu: 2,
      numa: {
        nodes: [{}, {}, { cpus: 0, initiator: 1 }],
        hmat: [
          { initiator: 0, target: 0, latency: 5, bandwidth: '20G' },
          {
            initiator: 1,
            target: 2,
            readLatency: 7,
            writeLatency: '70ns',
            readBandwidth: '3M',
            writeBandwidth: '65534M',
          },
          { initiator: 1, target: 1, hierarchy: 'first-level', latency: 1, bandwidth: '1G' },
        ],
        caches: [{ node: 0, size: '1M' }],
      },
    },
    'CPUs scattered over nodes': { cpu: 6, numa: { nodes: [{ cpus: '0,3' }, { cpus: [1, 5] }, {}] } },
    'hot-pluggable CPUs over nodes, with threads': { cpu: { count: 4, max: 12, threads: 2 }, numa: 3 },
    'CPUs whose APIC ids have gaps': { cpu: { count: 9, sockets: 3, cores: 3 } },
    'node 0 without memory': { cpu: 2, memory: '64M', numa: { nodes: [{ memory: 0 }, {}] } },
    'memory from a folder’s file, shared': { memory: { size: '64M', path: folder, share: true }, numa: 2 },
    'memory from a memfd, bound': {
      memory: { size: '64M', backend: 'memfd', hostNodes: [0], prealloc: true },
    },
    'small memory, odd nodes': { memory: '15M', numa: 4, cpu: 3 },
    '5000M over three nodes, and room for DIMMs': { memory: { size: '5000M', slots: 4, max: '9G' }, numa: 3 },
    'another CPU model': { cpu: { model: 'qemu64', features: ['+rdrand'], count: 2 } },
    // Without the rule of `acpi-loader.ts` the firmware installs none of the ACPI tables.
    'distances, HMAT, an NVDIMM and CXL': {
      numa: {
        nodes: 2,
        distances: 20,
        hmat: [{ initiator: 0, target: 0, latency: 5, bandwidth: '1G' }],
      },
      devices: [
        { kind: 'nvdimm', size: '16M' },
        { kind: 'cxl', size: '256M' },
      ],
    },
    'distances, an initiator, an NVDIMM and CXL': {
      memory: {},
      numa: {
        nodes: [{ memory: '32M' }, { cpus: 0, memory: '32M', initiator: 0 }],
        distances: 20,
      },
      devices: [
        { kind: 'nvdimm', size: '16M' },
        { kind: 'cxl', size: '256M' },
      ],
    },
    'SeaBIOS asked for': { boot: { rom: 'seabios' }, cpu: 2, numa: 2 },
  }
  for (const [name, machine] of Object.entries(machines)) {
    test(name, async ({ launch }) => {
      const guest = await launch(machine as object)
      await expect(guest).toEnd('passed')
      await expect(guest).toSeeItsMachine()
    })
  }
})
