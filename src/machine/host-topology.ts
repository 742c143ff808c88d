/** Where guests can be placed: the cores and memory of this computer, as far as this process may use them. */

export interface HostTopology {
  /** Online nodes, by number. A kernel without NUMA has one node, 0. */
  readonly nodes: readonly HostRoom[]
  /** False where the kernel has no NUMA: memory cannot be bound then. */
  readonly hasNuma: boolean
  /** Least memory limit of the control groups; absent without one. */
  readonly memoryLimitBytes?: number
  /** CPU time by quota of the control groups, in CPUs; absent without one. */
  readonly cpuQuota?: number
}

/** One node of this computer. */
export interface HostRoom {
  readonly node: number
  /** The CPUs of each core (SMT siblings), those only that this process may use. */
  readonly cores: readonly (readonly number[])[]
  /** 0 where this process may not use its memory. */
  readonly totalBytes: number
  readonly availableBytes: number
  /** By page size in bytes, smallest first. */
  readonly hugePages: readonly { readonly bytes: number; readonly total: number; readonly free: number }[]
  /** Relative distances to the nodes, by their numbers; 10 is local. */
  readonly distances: Readonly<Record<number, number>>
}
