/** What a guest must see of NUMA nodes. HMAT: `numa-hmat-seen.ts`. */
import { formatBytes } from '../../units.ts'
import type { Expectation, MachineView, NotCompared, RuleContext } from '../device.ts'
import type { HardwareView } from '../guest-view.ts'
import { HOLE_BYTES } from './memory-options.ts'
import { seenMemory } from './memory-seen.ts'
import { hmatExpectations } from './numa-hmat-seen.ts'
import { distancePairs, type NumaConfig } from './numa-options.ts'

/** Reason for what QEMU does on the host alone. */
export const HOST_SIDE = 'the guest cannot see what belongs to the host'

/** Nodes with CPUs or memory: an operating system has no others, tables may. */
export const inhabited = (nodes: NonNullable<HardwareView['nodes']>): number =>
  nodes.filter((node) => node.cpus > 0 || node.bytes > 0).length

export function mustSee(numa: NumaConfig, { machine }: RuleContext): readonly Expectation[] {
  const count = machine.nodes.filter((n) => n.bytes > 0 || cpusAtBoot(n.cpus, machine) > 0).length
  return [
    { device: 'numa', aspect: 'nodes', want: `${count}`, see: ({ nodes }) => nodes && `${inhabited(nodes)}` },
    ...machine.nodes.flatMap((_, n) => nodeExpectations(n, machine)),
    placement(machine),
    ...distanceExpectations(numa, machine),
    ...hmatExpectations(numa),
  ]
}

export function notCompared(numa: NumaConfig): readonly NotCompared[] {
  return numa.nodes.flatMap((node, n) =>
    node.hostNodes === undefined ? [] : [{ device: `node ${n}`, aspect: 'hostNodes', because: HOST_SIDE }],
  )
}

const cpusAtBoot = (cpus: readonly number[], machine: MachineView) =>
  cpus.filter((cpu) => cpu < machine.cpus.count).length

function nodeExpectations(n: number, machine: MachineView): readonly Expectation[] {
  const { bytes = 0, cpus = [] } = machine.nodes[n] ?? {}
  const holder = machine.nodes.findIndex((node) => node.bytes > 0)
  const wanted = bytes - (n === holder ? HOLE_BYTES : 0)
  const seen = (view: HardwareView) => view.nodes?.find((v) => v.node === n)
  const isEmpty = bytes === 0 && cpusAtBoot(cpus, machine) === 0
  return [
    {
      device: `node ${n}`,
      aspect: 'cpus',
      want: `${cpusAtBoot(cpus, machine)}`,
      see: (view) => view.nodes && (seen(view) || isEmpty ? `${seen(view)?.cpus ?? 0}` : null),
    },
    {
      device: `node ${n}`,
      aspect: 'memory',
      want: formatBytes(wanted),
      see: (view) =>
        view.nodes &&
        (seen(view) || bytes === 0 ? seenMemory(wanted, seen(view)?.bytes ?? 0, { view, machine }) : null),
    },
  ]
}

/** The node of every CPU that is there at boot; guests list CPUs by APIC id, which counts up like QEMU's index. */
function placement(machine: MachineView): Expectation {
  const nodes = new Map(machine.nodes.flatMap((node, n) => node.cpus.map((cpu) => [cpu, n] as const)))
  return {
    device: 'numa',
    aspect: 'node of each CPU',
    want: Array.from({ length: machine.cpus.count }, (_, cpu) => nodes.get(cpu) ?? 0).join(' '),
    see: (view) =>
      view.cpus
        ?.filter((c) => c.online)
        .map((c) => c.node ?? '-')
        .join(' '),
  }
}

/** The whole matrix as the guest will see it: local 10, the way back like the way there where only one is given. */
function distanceExpectations(numa: NumaConfig, machine: MachineView): readonly Expectation[] {
  const pairs = distancePairs(numa)
  if (pairs.length === 0) return []
  const given = new Map(pairs.map((p) => [`${p.from} ${p.to}`, p.value]))
  const wanted = (from: number, to: number) =>
    given.get(`${from} ${to}`) ?? (from === to ? 10 : (given.get(`${to} ${from}`) ?? 20))
  // An operating system has no node without CPUs and memory, and so no distances of it.
  const isEmpty = (n: number) =>
    machine.nodes[n]?.bytes === 0 && cpusAtBoot(machine.nodes[n]?.cpus ?? [], machine) === 0
  const show = (value: (from: number, to: number) => number | string) =>
    numa.nodes.map((_, from) => numa.nodes.map((_, to) => value(from, to)).join(' ')).join(' / ')
  return [
    {
      device: 'numa',
      aspect: 'distances',
      want: show(wanted),
      see: ({ distances }) => {
        if (!distances) return undefined
        if (distances.length === 0) return null
        return show(
          (from, to) => distances[from]?.[to] ?? (isEmpty(from) || isEmpty(to) ? wanted(from, to) : '-'),
        )
      },
    },
  ]
}
