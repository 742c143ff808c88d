/** The shape of a machine as a tree for a terminal. */
import { formatCpuList } from '../cpu-list.ts'
import type { Topology, TopologyDevice } from '../machine/topology.ts'
import { formatBytes } from '../units.ts'
import type { Colors } from './output.ts'
import { type Branch, leaf, linesOf } from './tree.ts'

/** One line a node, device and node's memory, joined by lines as `tree` draws them. */
export function topologyTree(topology: Topology, colors: Colors): string {
  const device = ({ kind, id, detail }: TopologyDevice) =>
    leaf([kind, colors.bold(id), colors.dim(detail)].filter((word) => word !== '').join(' '))
  const nodes = topology.nodes.flatMap(({ node, cpus, bytes, devices }): readonly Branch[] => {
    const own = [
      leaf(cpus.length === 0 ? colors.dim('no CPUs') : cpuLabel(cpus, topology.bootCpus)),
      leaf(bytes === 0 ? colors.dim('no memory') : `memory ${formatBytes(bytes)}`),
      ...devices.map(device),
    ]
    return node === undefined ? own : [{ label: colors.bold(`node ${node}`), below: own }]
  })
  const all = [...nodes, ...topology.devices.map(device)]
  return [`${colors.bold(topology.name)} ${colors.dim(topology.type)}`, ...linesOf(all)].join('\n')
}

function cpuLabel(cpus: readonly number[], bootCpus: number): string {
  const later = cpus.filter((cpu) => cpu >= bootCpus).length
  return `${cpus.length === 1 ? 'CPU' : 'CPUs'} ${formatCpuList(cpus)}${later === 0 ? '' : ` (${later} hot-pluggable)`}`
}
