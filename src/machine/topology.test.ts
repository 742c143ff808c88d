import { expect, test } from 'vitest'
import { type MachineInput, parseMachine } from './machine.ts'
import { topologyOf } from './topology.ts'
import { topologySvg } from './topology-svg.ts'

const shape = (machine: MachineInput, name = 'm') => topologyOf(name, parseMachine(name, machine))

test('nodes hold their CPUs, memory and NVDIMMs; other devices belong to the machine', () => {
  const topology = shape({
    cpu: 4,
    memory: '1G',
    numa: { nodes: [{}, {}], distances: 17 },
    devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }, { kind: 'nic' }],
  })
  expect(topology.nodes).toEqual([
    { node: 0, cpus: [0, 1], bytes: 512 * 2 ** 20, devices: [] },
    { node: 1, cpus: [2, 3], bytes: 512 * 2 ** 20, devices: [{ kind: 'nvdimm', id: 'pm0', detail: '128M' }] },
  ])
  expect(topology.devices).toMatchObject([{ kind: 'nic', id: 'nic0', detail: 'virtio-net-pci' }])
  expect(topology.distances).toEqual([
    [10, 17],
    [17, 10],
  ])
})

test('a machine without NUMA has one entry with all CPUs, and its devices stand beside it', () => {
  const topology = shape({
    cpu: { count: 1, max: 2 },
    memory: '64M',
    devices: [{ kind: 'nvdimm', size: '16M' }],
  })
  expect(topology.nodes).toEqual([{ node: undefined, cpus: [0, 1], bytes: 64 * 2 ** 20, devices: [] }])
  expect(topology.devices).toMatchObject([{ kind: 'nvdimm', id: 'nvdimm0', detail: '16M' }])
})

test('shared memory stands beside the nodes, with the name that guests share it by', () => {
  const topology = shape({
    memory: '64M',
    devices: [
      { kind: 'ivshmem', size: '1M', vectors: 1 },
      { kind: 'ivshmem', memory: 'window', id: 'w' },
    ],
  })
  expect(topology.devices.map(({ id, detail }) => [id, detail])).toEqual([
    ['ivshmem0', '1M, 1 vector'],
    ['w', 'shared as window'],
  ])
  expect(topologySvg(topology)).toContain('ivshmem w shared as window')
})

test('a device on a missing node is drawn beside the nodes', () => {
  const { devices } = shape({
    numa: 2,
    cpu: 2,
    memory: '64M',
    devices: [{ kind: 'nvdimm', size: '16M', node: 7 }],
  })
  expect(devices).toMatchObject([{ kind: 'nvdimm' }])
})

test('the picture is well-formed and carries no markup from names', () => {
  const svg = topologySvg(
    shape({ cpu: 40, memory: '1G', numa: { nodes: 5, distances: 20 } }, `<a href="x">&'\u0007`),
  )
  expect(svg).not.toContain('<a ')
  expect(svg).toContain('&lt;a href=&quot;x&quot;&gt;&amp;&apos;\ufffd')
  expect(svg.match(/<g /g)?.length).toBe(svg.match(/<\/g>/g)?.length)
  expect(svg).toContain('node 4')
})
