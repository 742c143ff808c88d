/** Chooses regions of RAM that may become persistent memory. Pure. */
import { type Diagnostic, defineDiagnostics, isClean } from '../diagnostics.ts'
import { GiB, MiB } from '../units.ts'
import {
  intersect,
  type MemoryMap,
  nodesOf,
  type PmemRegion,
  type Span,
  spanOf,
  spansOfNode,
  subtract,
} from './memory-map.ts'
import { ALIGNMENT, checkRegion, checkRegions, inGiB, type WantedRegion } from './region-rules.ts'
import { ramOf } from './user-map.ts'

export const problems = defineDiagnostics({
  PMEM_NO_ROOM: {
    title: 'No free range of RAM is large enough for the region.',
    why: 'a region is contiguous, on one node, above 256 MiB, and overlaps neither the kernel nor memory of the firmware',
    remedy: 'choose a smaller size, or several regions with --count',
  },
})

export interface PmemRequest {
  /** Of each region. */
  readonly bytes: number
  /** How many. Default: 1, or as many as there are addresses. */
  readonly count?: number
  /** On which node they lie. Default: with one region any, with several each on the next node in turn. */
  readonly node?: number
  /** Addresses that the user names; they are checked, never moved. */
  readonly at?: readonly number[]
}

export interface ChosenRegions {
  /** Empty, or fewer than asked for, where there is no room. */
  readonly regions: readonly WantedRegion[]
  readonly diagnostics: readonly Diagnostic[]
}

/** From here on nothing that a kernel needs early is expected: its own default place, initramfs, DMA buffers. */
const LOWEST = 256 * MiB
const FOUR_GIB = 4 * GiB

export function choosePmemRegions(request: PmemRequest, map: MemoryMap): ChosenRegions {
  const { bytes, at = [], count = Math.max(1, at.length), node } = request
  const onNode = node === undefined ? {} : { node }
  const unknown = checkRegion({ start: FOUR_GIB, bytes, ...onNode }, map).filter(isAboutNode)
  if (unknown.length > 0) return { regions: [], diagnostics: unknown }
  const chosen: WantedRegion[] = at.map((start) => ({ start, bytes, ...onNode }))
  while (chosen.length < count) {
    const region = chooseOne(request, map, chosen)
    if (!region) break
    chosen.push(region)
  }
  const findings = chosen.length > 0 ? checkRegions(chosen, map) : []
  return chosen.length >= count
    ? { regions: chosen, diagnostics: findings }
    : {
        regions: chosen,
        diagnostics: [noRoom(request, map, chosen), ...findings.filter((d) => !isClean([d]))],
      }
}

const isAboutNode = ({ code }: Diagnostic) => code === 'PMEM_NODE_UNKNOWN'

function chooseOne(
  { bytes, node, count = 1 }: PmemRequest,
  map: MemoryMap,
  others: readonly PmemRegion[],
): WantedRegion | undefined {
  const all = nodesOf(map)
  const turn = others.length % all.length
  const inTurn = count > 1 ? [...all.slice(turn), ...all.slice(0, turn)] : all
  const nodes = node === undefined ? inTurn : all.filter((n) => n === node)
  for (const candidate of nodes) {
    const start = firstFit(bytes, freeOn(candidate, map, others), map.sectionBytes)
    if (start !== undefined) return { start, bytes, node: candidate }
  }
  return undefined
}

/** RAM of a node that nothing wants, with what is above 4 GiB first: nothing there is needed early or by old devices. */
function freeOn(node: number, map: MemoryMap, others: readonly PmemRegion[]): readonly Span[] {
  const wanted = [
    ...others.map(spanOf),
    ...(map.kernel ? [map.kernel] : []),
    ...(map.initrd ? [map.initrd] : []),
    ...map.crashKernel,
  ]
  const free = subtract(intersect(ramOf(map), spansOfNode(map, node)), wanted)
  const high = intersect(free, [{ start: FOUR_GIB, end: Number.MAX_SAFE_INTEGER }])
  const low = intersect(free, [{ start: LOWEST, end: FOUR_GIB }])
  return [...high, ...intersect(low, [{ start: GiB, end: FOUR_GIB }]), ...low]
}

/** The lowest address with the best alignment that there is room for: 1 GiB, so that pages of 1 GiB can map it; a section; 2 MiB. */
function firstFit(bytes: number, free: readonly Span[], sectionBytes: number): number | undefined {
  const alignments = [...(bytes >= GiB ? [Math.max(GiB, sectionBytes)] : []), sectionBytes, ALIGNMENT]
  for (const alignment of alignments) {
    for (const span of free) {
      const start = Math.ceil(span.start / alignment) * alignment
      if (start + bytes <= span.end) return start
    }
  }
  return undefined
}

function noRoom(request: PmemRequest, map: MemoryMap, chosen: readonly PmemRegion[]): Diagnostic {
  const nodes = request.node === undefined ? nodesOf(map) : [request.node]
  const evidence = nodes.map((node) => {
    const sizes = freeOn(node, map, chosen).map(usableBytes)
    return `node ${node}: at most ${inGiB(Math.max(0, ...sizes))} in one piece`
  })
  const which =
    request.count !== undefined && request.count > 1
      ? `region ${chosen.length + 1} of ${request.count}`
      : 'a region'
  const where = request.node === undefined ? '' : ` on node ${request.node}`
  return problems.PMEM_NO_ROOM.at('', `there is no room for ${which} of ${inGiB(request.bytes)}${where}`, {
    evidence,
  })
}

function usableBytes({ start, end }: Span): number {
  const from = Math.ceil(start / ALIGNMENT) * ALIGNMENT
  return Math.max(0, Math.floor((end - from) / ALIGNMENT) * ALIGNMENT)
}
