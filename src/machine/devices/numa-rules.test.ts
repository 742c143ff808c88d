import { expect, test } from 'vitest'
import type { QemuCapabilities } from '../facts.ts'
import { checkMachine, parseMachine } from '../machine.ts'

const facts = (version: QemuCapabilities['version']) => ({
  files: new Map(),
  hostNodes: [0],
  hugePages: [],
  hostBytes: Number.MAX_SAFE_INTEGER,
  accelerators: [],
  qemu: {
    path: '/usr/bin/qemu-system-x86_64',
    sha256: '',
    version,
    packageName: '',
    arch: 'x86_64' as const,
    machines: [],
    cpuModels: [],
    accelerators: [],
    types: [],
    properties: {},
    hasLibpmem: false,
    netdevs: [],
    pciTypes: [],
    cpuProperties: [],
    hasTcgX2apic: true,
    features: [],
    firmware: {},
  },
})

function codesWith(version: QemuCapabilities['version'], initiator?: number): readonly string[] {
  const machine = parseMachine('guest', {
    memory: '64M',
    numa: {
      nodes: [{ cpus: [0], ...(initiator === undefined ? {} : { initiator }) }],
      hmat: [{ initiator: 0, target: 0, latency: 4, bandwidth: '16G' }],
    },
  })
  return checkMachine(machine, facts(version), 'guest').map(({ code }) => code)
}

test('QEMU before 6.0 wants an initiator of each node', () => {
  expect(codesWith([5, 2, 0])).toContain('NUMA_HMAT_QEMU_TOO_OLD')
  expect(codesWith([5, 2, 0], 0)).not.toContain('NUMA_HMAT_QEMU_TOO_OLD')
  expect(codesWith([7, 2, 0])).not.toContain('NUMA_HMAT_QEMU_TOO_OLD')
})
