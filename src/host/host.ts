/** Everything that `bringup doctor` says about this computer. Plain data; reads only. */
import { type CgroupFact, readCgroup } from './cgroup.ts'
import { readContainer } from './container.ts'
import { type CpusFact, readCpus } from './cpus.ts'
import { type DistributionFact, readDistribution } from './distribution.ts'
import { type KernelFact, readKernel } from './kernel.ts'
import { type KvmFact, readKvm } from './kvm.ts'
import { type MemoryFact, readMemory } from './memory.ts'
import { type HostNodeFact, readHostNodes } from './numa.ts'

export interface HostFact {
  readonly distribution: DistributionFact
  readonly kernel: KernelFact
  readonly cpus: CpusFact
  readonly memory: MemoryFact
  readonly nodes: readonly HostNodeFact[]
  readonly kvm: KvmFact
  /** What runs the container, when this is one. */
  readonly container?: string
  readonly cgroup: CgroupFact
}

/** Reads files only. */
export function readHost(): HostFact {
  const container = readContainer()
  return {
    distribution: readDistribution(),
    kernel: readKernel(),
    cpus: readCpus(),
    memory: readMemory(),
    nodes: readHostNodes(),
    kvm: readKvm(),
    ...(container === undefined ? {} : { container }),
    cgroup: readCgroup(),
  }
}
