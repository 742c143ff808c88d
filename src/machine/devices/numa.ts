/** NUMA nodes: CPUs, memory, distances, and (in `numa-hmat.ts`) latency and bandwidth. */
import { type Argument, type Compiled, defineDevice, option, type RuleContext } from '../device.ts'
import { memoryBackend } from './memory-options.ts'
import { hmatArgs } from './numa-hmat.ts'
import { distancePairs, type NumaConfig, numaSchema, usesHmat } from './numa-options.ts'
import { check, problems } from './numa-rules.ts'
import { mustSee, notCompared } from './numa-seen.ts'
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

/** NUMA nodes. A bare number in a description is that many even nodes. */
export const numa = defineDevice({
  kind: 'numa',
  summary: 'NUMA nodes: CPUs, memory, distances, HMAT',
  schema: numaSchema,
  diagnostics: problems,
  savedState: () => true,
  check,
  compile,
  mustSee,
  notCompared,
})
