/** NUMA nodes: CPUs, memory, distances, and (in `numa-hmat.ts`) latency and bandwidth. */
import { formatBytes } from '../../units.ts'
import {
  type Argument,
  type Compiled,
  defineDevice,
  type Expectation,
  type MachineView,
  option,
  type RuleContext,
} from '../device.ts'
import { HOLE_BYTES, memoryBackend } from './memory-options.ts'
import { hmatArgs, hmatExpectations } from './numa-hmat.ts'
import { distancePairs, type NumaConfig, numaSchema, usesHmat } from './numa-options.ts'
import { check, problems } from './numa-rules.ts'
import { cpuRanges } from './numa-split.ts'

export { nodeViews } from './numa-split.ts'

function compile(numa: NumaConfig, { machine }: RuleContext): Compiled {
  const perNode = numa.nodes.flatMap((node, nodeid): readonly Argument[] => {
    const { bytes = 0, cpus = [] } = machine.nodes[nodeid] ?? {}
    const memdev = bytes > 0 ? `node${nodeid}-ram` : undefined
    const args = option('-numa', 'node', { nodeid, cpus: cpuRanges(cpus), memdev, initiator: node.initiator })
    return memdev === undefined
      ? [args]
      : [memoryBackend(memdev, bytes, machine.memory, { hostNodes: node.hostNodes }), args]
  })
  const distances = distancePairs(numa).map(({ from, to, value }) =>
    option('-numa', 'dist', { src: from, dst: to, val: value }),
  )
  return {
    machineOptions: usesHmat(numa) ? { hmat: 'on' } : {},
    args: [...perNode, ...distances, ...hmatArgs(numa)],
  }
}

function mustSee(numa: NumaConfig, { machine }: RuleContext): readonly Expectation[] {
  const holder = machine.nodes.findIndex((n) => n.bytes > 0)
  const nodes = machine.nodes.flatMap(({ bytes, cpus }, n): readonly Expectation[] => {
    const seen = (view: Parameters<Expectation['see']>[0]) => view.nodes?.find((v) => v.node === n)
    const isEmpty = bytes === 0 && cpus.length === 0
    return [
      {
        device: `node ${n}`,
        aspect: 'cpus',
        want: `${cpus.filter((cpu) => cpu < machine.cpus.count).length}`,
        see: (view) => view.nodes && (seen(view) || isEmpty ? `${seen(view)?.cpus ?? 0}` : null),
      },
      {
        device: `node ${n}`,
        aspect: 'memory',
        want: formatBytes(bytes - (n === holder ? HOLE_BYTES : 0)),
        see: (view) => view.nodes && (seen(view) || bytes === 0 ? formatBytes(seen(view)?.bytes ?? 0) : null),
      },
    ]
  })
  return [...nodes, placement(machine), ...distanceExpectations(numa), ...hmatExpectations(numa)]
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
function distanceExpectations(numa: NumaConfig): readonly Expectation[] {
  const pairs = distancePairs(numa)
  if (pairs.length === 0) return []
  const given = new Map(pairs.map((p) => [`${p.from} ${p.to}`, p.value]))
  const rows = numa.nodes.map((_, from) =>
    numa.nodes.map(
      (_, to) => given.get(`${from} ${to}`) ?? (from === to ? 10 : (given.get(`${to} ${from}`) ?? 20)),
    ),
  )
  const show = (matrix: readonly (readonly number[])[]) => matrix.map((row) => row.join(' ')).join(' / ')
  return [
    {
      device: 'numa',
      aspect: 'distances',
      want: show(rows),
      see: (view) => view.distances && (view.distances.length > 0 ? show(view.distances) : null),
    },
  ]
}

/** NUMA nodes. A bare number in a description is that many even nodes. */
export const numa = defineDevice({
  kind: 'numa',
  summary: 'NUMA nodes: CPUs, memory, distances, HMAT',
  schema: numaSchema,
  diagnostics: problems,
  check,
  compile,
  mustSee,
})
