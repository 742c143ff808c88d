/** Why a guest finds no place on this computer: what it needs, and what is left. Pure. */
import { plural } from '../plural.ts'
import { formatBytes, formatRoundBytes } from '../units.ts'
import type { DemandedPart, Placed } from './demand.ts'
import type { Core, HostState } from './host-state.ts'
import { coresNeeded, guestCores } from './seat-cpus.ts'

/** Why a guest found no place. */
export interface Shortage {
  readonly guest: string
  readonly resource: 'cores' | 'memory' | 'huge pages' | 'pins'
  /** `2 cores`. */
  readonly need: string
  /** `1 core is left`. */
  readonly left: string
}

export function shortageOf(
  { bytes, node }: DemandedPart,
  {
    free,
    demand,
    candidates,
    usable,
    isShortOf,
    state,
  }: {
    readonly free: readonly number[]
    readonly demand: Placed
    readonly candidates: readonly number[]
    readonly usable: readonly Core[]
    readonly isShortOf: 'cores' | 'memory'
    readonly state: HostState
  },
): Shortage {
  const { guest, hugePageBytes } = demand
  const of = node === undefined ? '' : ` for its node ${node}`
  const mine = (at: number) => usable.filter((core) => core.node === at).length
  if (isShortOf === 'cores') {
    const left = candidates.map((at) => `${mine(at)} on node ${at}`).join(', ')
    const need = `${plural(coresOf(free, demand, state), 'core')}${of}`
    return { guest, resource: 'cores', need, left: left === '' ? 'none is left' : `left: ${left}` }
  }
  const left = state.memoryNodesOf(candidates).map((at) => {
    const what = hugePageBytes === undefined ? '' : ` in pages of ${formatBytes(hugePageBytes)}`
    return `${mebibytes(state.bytesLeft(at, hugePageBytes))}${what} on node ${at}`
  })
  const resource = hugePageBytes === undefined ? 'memory' : 'huge pages'
  return { guest, resource, need: `${mebibytes(bytes)}${of}`, left: `left: ${left.join(', ') || 'none'}` }
}

/** How many cores of this computer the CPUs take. */
export function coresOf(
  cpus: readonly number[],
  { placement, threads }: Placed,
  { cores }: Pick<HostState, 'cores'>,
): number {
  const width = Math.max(1, ...cores.map((core) => core.cpus.length))
  return coresNeeded(guestCores(cpus, threads), width, placement.threads === 'apart')
}

const mebibytes = (bytes: number) => formatRoundBytes(Math.floor(bytes / 2 ** 20) * 2 ** 20)
