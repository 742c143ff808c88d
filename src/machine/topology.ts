/** The shape of a machine for a picture or a tree: nodes with their CPUs, memory and devices. Pure. */
import { distancePairs } from './devices/numa-options.ts'
import { type MachineConfig, partsOf, viewOf } from './machine.ts'

export interface TopologyDevice {
  readonly kind: string
  readonly id: string
  /** Size, model or bus: `128M`, `e1000`. Empty where the kind says it all. */
  readonly detail: string
}

export interface TopologyNode {
  /** Node number; undefined for a machine without NUMA, which has one entry. */
  readonly node: number | undefined
  /** QEMU's CPU indices, hot-pluggable ones included. */
  readonly cpus: readonly number[]
  readonly bytes: number
  /** Devices whose description names this node. */
  readonly devices: readonly TopologyDevice[]
}

/**
 * The shape of one machine.
 *
 * @example
 * const { nodes } = topologyOf('default', parseMachine('default', { numa: 2, cpu: 2, memory: '512M' }))
 * nodes.map((n) => n.bytes) // [268435456, 268435456]
 */
export interface Topology {
  readonly name: string
  readonly type: string
  readonly nodes: readonly TopologyNode[]
  /** CPUs at boot; more may be plugged. */
  readonly bootCpus: number
  /** Devices that belong to no node. */
  readonly devices: readonly TopologyDevice[]
  /** SLIT by `[from][to]`; empty where the machine has no distances of its own. */
  readonly distances: readonly (readonly number[])[]
}

/** Distance of a node to itself and the default to every other (ACPI 6.5, 5.2.17 SLIT; Linux `numa.h`). */
const LOCAL = 10
const REMOTE = 20

/** Reads the shape from a parsed description. Where a device belongs comes from its `topology` hook. */
export function topologyOf(name: string, machine: MachineConfig): Topology {
  const view = viewOf(name, machine)
  const drawn = partsOf(machine)
    .filter((part) => part.path.startsWith('devices['))
    .map((part) => ({
      kind: part.device.kind,
      id: part.id,
      node: undefined,
      ...(part.device.topology?.(part.config) ?? { detail: '' }),
    }))
  const on = (node: number | undefined) =>
    drawn.filter((d) => d.node === node).map(({ kind, id, detail }) => ({ kind, id, detail }))
  const hasNodes = view.nodes.length > 0
  return {
    name,
    type: view.type,
    bootCpus: view.cpus.count,
    nodes: hasNodes
      ? view.nodes.map(({ cpus, bytes }, node) => ({ node, cpus, bytes, devices: on(node) }))
      : [{ node: undefined, cpus: range(view.cpus.max), bytes: view.ramBytes, devices: [] }],
    devices: hasNodes
      ? drawn.filter((d) => d.node === undefined || d.node >= view.nodes.length)
      : drawn.map(({ kind, id, detail }) => ({ kind, id, detail })),
    distances: distanceMatrix(machine, view.nodes.length),
  }
}

function distanceMatrix(machine: MachineConfig, count: number): readonly (readonly number[])[] {
  const pairs = machine.numa ? distancePairs(machine.numa) : []
  if (pairs.length === 0) return []
  const given = new Map(pairs.map(({ from, to, value }) => [`${from},${to}`, value]))
  return range(count).map((from) =>
    range(count).map(
      (to) => given.get(`${from},${to}`) ?? (from === to ? LOCAL : (given.get(`${to},${from}`) ?? REMOTE)),
    ),
  )
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)
