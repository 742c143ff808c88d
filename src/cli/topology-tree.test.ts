import { createColors } from 'picocolors'
import { expect, test } from 'vitest'
import { parseMachine } from '../machine/machine.ts'
import { topologyOf } from '../machine/topology.ts'
import { topologyTree } from './topology-tree.ts'

test('a tree of nodes and devices', () => {
  const machine = parseMachine('m', {
    cpu: 4,
    memory: '512M',
    numa: 2,
    devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }, { kind: 'nic' }],
  })
  expect(topologyTree(topologyOf('m', machine), createColors(false))).toMatchInlineSnapshot(`
    "m q35
    ├─ node 0
    │  ├─ CPUs 0-1
    │  └─ memory 256M
    ├─ node 1
    │  ├─ CPUs 2-3
    │  ├─ memory 256M
    │  └─ nvdimm pm0 128M
    └─ nic nic0 virtio-net-pci"
  `)
})
