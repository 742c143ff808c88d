/** How many guests fit on this computer, and what runs out first. Pure. */
import type { HostTopology } from '../machine/host-topology.ts'
import type { Demand } from './demand.ts'
import { HostState } from './host-state.ts'
import { placeGuests } from './placement.ts'
import { coresOf } from './shortage.ts'

/** What is counted no further. */
export const MOST = 200

export interface Fit {
  /** How many; `MOST` stands for that many or more. */
  readonly fits: number
  /** What the next one would lack; absent at `MOST`. */
  readonly limit?: Resource
}

type Resource = 'cores' | 'memory' | 'huge pages' | 'pins' | 'memory limit' | 'CPU quota'

export interface ResourceCount {
  readonly resource: Resource
  /** Cores and CPUs as numbers, memory in bytes. */
  readonly need: number
  readonly available: number
  readonly enoughFor: number
}

export interface Capacity {
  /** Each resource by itself, wherever it is. */
  readonly resources: readonly ResourceCount[]
  /** With cores of their own. */
  readonly exclusive: Fit
  readonly shared: Fit
}

/** @param demands what one of them needs: a machine, or all guests of a rack */
export function capacityOf(demands: readonly Demand[], topology: HostTopology): Capacity {
  const as = (cores: 'exclusive' | 'shared') => demands.map((demand) => withCores(demand, cores))
  return {
    resources: countResources(as('exclusive'), topology),
    exclusive: fitOf(as('exclusive'), topology),
    shared: fitOf(as('shared'), topology),
  }
}

function withCores(demand: Demand, cores: 'exclusive' | 'shared'): Demand {
  const { strategy = 'pack', threads = 'together', memory = 'bind', ...limits } = demand.placement ?? {}
  return { ...demand, placement: { ...limits, strategy, threads, memory, cores } }
}

/** As many as can be placed. More of them never fit where fewer do not. */
function fitOf(demands: readonly Demand[], topology: HostTopology): Fit {
  const lacks = (count: number) => lackingFor(demands, count, topology)
  let [fits, tooMany] = [0, 1]
  while (tooMany <= MOST && lacks(tooMany) === undefined) {
    fits = tooMany
    tooMany *= 2
  }
  tooMany = Math.min(tooMany, MOST + 1)
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2)
    if (lacks(middle) === undefined) fits = middle
    else tooMany = middle
  }
  const limit = fits >= MOST ? undefined : lacks(fits + 1)
  return { fits, ...(limit === undefined ? {} : { limit }) }
}

function lackingFor(demands: readonly Demand[], count: number, topology: HostTopology): Resource | undefined {
  const { memoryLimitBytes = Number.POSITIVE_INFINITY, cpuQuota = Number.POSITIVE_INFINITY } = topology
  if (bytesOf(demands) * count > memoryLimitBytes) return 'memory limit'
  const isAlone = demands.some(({ placement }) => placement?.cores === 'exclusive')
  if (isAlone && cpusOf(demands) * count > cpuQuota) return 'CPU quota'
  const copies = Array.from({ length: count }, (_, copy) =>
    demands.map((demand) => ({ ...demand, guest: `${demand.guest} ${copy}` })),
  )
  return placeGuests(copies.flat(), topology).shortages[0]?.resource
}

function countResources(demands: readonly Demand[], topology: HostTopology): readonly ResourceCount[] {
  const { nodes, memoryLimitBytes, cpuQuota } = topology
  const state = new HostState(topology)
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
  const count = (resource: Resource, need: number, available: number): readonly ResourceCount[] =>
    need === 0 ? [] : [{ resource, need, available, enoughFor: Math.floor(available / need) }]
  const cores = demands.map((demand) =>
    demand.placement
      ? coresOf(
          demand.parts.flatMap(({ cpus }) => cpus),
          { ...demand, placement: demand.placement },
          state,
        )
      : 0,
  )
  const paged = demands.filter(({ hugePageBytes }) => hugePageBytes !== undefined)
  const sizes = [...new Set(paged.map(({ hugePageBytes = 0 }) => hugePageBytes))]
  const pages = sum(nodes.flatMap(({ node }) => sizes.map((size) => state.bytesLeft(node, size))))
  const plain = demands.filter((demand) => !paged.includes(demand))
  return [
    ...count('cores', sum(cores), state.cores.length),
    ...count('memory', bytesOf(plain), sum(nodes.map(({ availableBytes }) => availableBytes))),
    ...count('huge pages', bytesOf(paged), pages),
    ...(memoryLimitBytes === undefined ? [] : count('memory limit', bytesOf(demands), memoryLimitBytes)),
    ...(cpuQuota === undefined ? [] : count('CPU quota', cpusOf(demands), cpuQuota)),
  ]
}

export const bytesOf = (demands: readonly Demand[]) =>
  demands.flatMap(({ parts }) => parts).reduce((sum, { bytes }) => sum + bytes, 0)

export const cpusOf = (demands: readonly Demand[]) =>
  demands.flatMap(({ parts }) => parts).reduce((sum, { cpus }) => sum + cpus.length, 0)
