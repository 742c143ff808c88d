/** A memory map as text, before and after. Pure. */
import {
  formatSpan,
  intersect,
  type MemoryMap,
  type MemoryRange,
  nodesOf,
  overlap,
  type PmemRegion,
  type Span,
  spanOf,
  spansOfNode,
  totalBytes,
} from './memory-map.ts'
import { inGiB, ramAfter } from './region-rules.ts'
import { ramOf, userMap } from './user-map.ts'

const CELLS = 64

/** Signs by what a cell shows first when several things lie in it. */
const SIGNS = { pmem: 'P', ram: '#', reserved: '-', nothing: ' ' } as const

/** Two bars over all addresses, what the signs mean, the regions, and the RAM of each node. */
export function drawMaps(map: MemoryMap, regions: readonly PmemRegion[]): string {
  const top = Math.max(
    ...map.ranges.filter((r) => r.kind === 'ram' || r.kind === 'persistent').map((r) => r.end),
    0,
  )
  const pmem = pmemOf(map)
  const after = [...pmem, ...regions.map(spanOf)]
  return [
    `          0${inGiB(top).padStart(CELLS)}`,
    `  before  |${bar(map, ramOf(map), pmem, top)}|`,
    `  after   |${bar(map, ramAfter(regions, map), after, top)}|`,
    `          ${SIGNS.ram} RAM  ${SIGNS.pmem} persistent memory  ${SIGNS.reserved} kept by the firmware or the command line`,
    ...regions.map(
      (region) =>
        `  region  ${formatSpan(spanOf(region))}  ${inGiB(region.bytes)}, ${nodeWords(map, region)}`,
    ),
    ...nodesOf(map).map((node) => ramLine(map, regions, node)),
  ].join('\n')
}

/** What is persistent memory already: to the firmware, or by the running kernel’s command line. */
export function pmemOf(map: MemoryMap): readonly Span[] {
  return [
    ...map.ranges.filter(isPersistent),
    ...(userMap(map.ranges, map.parameters.memmaps) ?? []).filter(isPersistent),
  ]
}

const isPersistent = ({ kind }: MemoryRange) => kind === 'persistent' || kind === 'emulated'

function bar(map: MemoryMap, ram: readonly Span[], pmem: readonly Span[], top: number): string {
  const size = top / CELLS
  return Array.from({ length: CELLS }, (_, index) => {
    const cell = { start: Math.floor(index * size), end: Math.ceil((index + 1) * size) }
    const touches = (spans: readonly Span[]) => spans.some((span) => overlap(span, cell))
    if (touches(pmem)) return SIGNS.pmem
    if (touches(ram)) return SIGNS.ram
    return touches(map.ranges) ? SIGNS.reserved : SIGNS.nothing
  }).join('')
}

function nodeWords(map: MemoryMap, region: PmemRegion): string {
  const on = nodesOf(map).filter((node) => intersect([spanOf(region)], spansOfNode(map, node)).length > 0)
  return on.length === 1 ? `node ${on[0]}` : `nodes ${on.join(', ')}`
}

function ramLine(map: MemoryMap, regions: readonly PmemRegion[], node: number): string {
  const ram = (spans: readonly Span[]) => inGiB(totalBytes(intersect(spans, spansOfNode(map, node))))
  return `  node ${node}  RAM ${ram(ramOf(map))} before, ${ram(ramAfter(regions, map))} after`
}
