/**
 * What can be wrong with a region of RAM that is to become persistent memory by `memmap=size!start`. Every rule was
 * seen to matter on a real kernel (`test/pmem/regions.test.ts` forces the wrong ones in guests). Pure.
 */
import type { Diagnostic } from '../diagnostics.ts'
import { formatBytes, GiB, KiB, MiB } from '../units.ts'
import { kernelPlacement, MAX_AVOIDED } from './kernel-place.ts'
import {
  formatSpan,
  intersect,
  type MemoryMap,
  nodesOf,
  overlap,
  type PmemRegion,
  type Span,
  spanOf,
  spansOfNode,
  subtract,
  totalBytes,
} from './memory-map.ts'
import { memmapWord } from './parse-parameters.ts'
import { problems } from './region-problems.ts'
import { ramOf, userMap } from './user-map.ts'

/** Regions have to be multiples of it: `memremap_compat_align()` of x86-64. */
export const ALIGNMENT = 2 * MiB
/** Below are the real-mode trampoline, the BIOS, ISA’s hole and ISA’s DMA. */
export const LOW_MEMORY = 16 * MiB
export const MIN_RAM_LEFT = 512 * MiB
/** Where a kernel that does not choose its place lies, and how much of it is assumed where its place is not reported. */
const DEFAULT_KERNEL: Span = { start: 16 * MiB, end: 96 * MiB }
const STRUCT_PAGE = 64 / (4 * KiB)

/** @param node The node that was asked for. */
export interface WantedRegion extends PmemRegion {
  readonly node?: number
}

/** Everything that is wrong with a choice of regions. Pure. */
export function checkRegions(regions: readonly WantedRegion[], map: MemoryMap): readonly Diagnostic[] {
  return [
    ...regions.flatMap((region, index) =>
      checkRegion(region, map, regions.length > 1 ? `regions[${index}]` : ''),
    ),
    ...overlaps(regions),
    ...ramLeft(regions, map),
    ...commandLine(regions, map),
  ]
}

/** What is wrong with one region, whatever the others are. Pure. */
export function checkRegion(region: WantedRegion, map: MemoryMap, path = ''): readonly Diagnostic[] {
  const found = [alignment, place, content, nodes, kernel, sections].flatMap((rule) => rule(region, map))
  return found.map((d) => ({ ...d, path }))
}

const nameOf = (region: PmemRegion) => `${memmapWord(region)} ${formatSpan(spanOf(region))}`

function alignment(region: WantedRegion): readonly Diagnostic[] {
  const { start, bytes } = region
  if (bytes > 0 && start % ALIGNMENT === 0 && bytes % ALIGNMENT === 0) return []
  return [problems.PMEM_UNALIGNED.at('', `${nameOf(region)} does not begin and end at multiples of 2 MiB`)]
}

function place(region: WantedRegion): readonly Diagnostic[] {
  return region.start < LOW_MEMORY
    ? [problems.PMEM_LOW_MEMORY.at('', `${nameOf(region)} takes memory below 16 MiB`)]
    : []
}

/** What the firmware and the command line say of the region’s memory. */
function content(region: WantedRegion, map: MemoryMap): readonly Diagnostic[] {
  const span = spanOf(region)
  const inside = map.ranges.flatMap((range) => {
    const shared = overlap(range, span)
    return shared ? [{ ...shared, kind: range.kind }] : []
  })
  const lines = (kinds: (kind: string) => boolean) =>
    inside.filter((r) => kinds(r.kind)).map((r) => `${formatSpan(r)} ${r.kind}`)
  const isPmem = (kind: string) => kind === 'persistent' || kind === 'emulated'
  const reserved = lines((kind) => kind !== 'ram' && !isPmem(kind))
  const words = map.parameters.memmaps.filter((m) => m.kind !== 'ram' && m.span && overlap(m.span, span))
  const onCommandLine = (found: typeof words) => found.map((m) => `${m.word} on the command line`)
  const taken = [...lines(isPmem), ...onCommandLine(words.filter((m) => isPmem(m.kind)))]
  const claimed = words.filter((m) => !isPmem(m.kind))
  const missing = subtract([span], inside).map(formatSpan)
  return [
    ...(missing.length > 0
      ? [
          problems.PMEM_NOT_RAM.at('', `${nameOf(region)} has no memory in ${several(missing)}`, {
            evidence: missing.map((m) => `${m} nothing`),
          }),
        ]
      : []),
    ...(reserved.length > 0
      ? [
          problems.PMEM_RESERVED.at('', `${nameOf(region)} covers what the firmware keeps`, {
            evidence: reserved,
          }),
        ]
      : []),
    ...(taken.length > 0
      ? [problems.PMEM_TAKEN.at('', `${nameOf(region)} covers persistent memory`, { evidence: taken })]
      : []),
    ...claimed.map((m) =>
      problems.PMEM_CLAIMED.at('', `${nameOf(region)} covers what ${m.word} keeps from the kernel`, {
        evidence: onCommandLine([m]),
        remedy: `omit --at, so that bringup chooses the address; or take ${m.word} off the command line and reboot`,
      }),
    ),
  ]
}

function several(spans: readonly string[]): string {
  return spans.length > 2 ? `${spans[0]} and ${spans.length - 1} other places` : spans.join(', ')
}

function nodes(region: WantedRegion, map: MemoryMap): readonly Diagnostic[] {
  const known = nodesOf(map)
  if (region.node !== undefined && !known.includes(region.node)) {
    const what = `there is no node ${region.node} with memory; there ${known.length === 1 ? 'is node' : 'are nodes'} ${known.join(', ')}`
    return [problems.PMEM_NODE_UNKNOWN.at('', what)]
  }
  const on = known.filter((node) => intersect([spanOf(region)], spansOfNode(map, node)).length > 0)
  if (on.length > 1)
    return [
      problems.PMEM_STRADDLES_NODES.at('', `${nameOf(region)} lies on nodes ${on.join(', ')}`, {
        evidence: on.flatMap((node) =>
          intersect([spanOf(region)], spansOfNode(map, node)).map((s) => `node ${node}: ${formatSpan(s)}`),
        ),
      }),
    ]
  const [only] = on
  return region.node === undefined || only === undefined || only === region.node
    ? []
    : [problems.PMEM_WRONG_NODE.at('', `${nameOf(region)} is on node ${only}, not on node ${region.node}`)]
}

/** What the kernel, the crash kernel and the boot loader want of the same memory. */
function kernel(region: WantedRegion, map: MemoryMap): readonly Diagnostic[] {
  const span = spanOf(region)
  const { crashKernel } = map.parameters
  const fixed = crashKernelPlace(map)
  return [
    ...underKernel(region, map),
    ...(fixed && overlap(fixed, span)
      ? [problems.PMEM_CRASH_KERNEL.at('', `${nameOf(region)} covers crashkernel=${crashKernel ?? ''}`)]
      : []),
    ...(map.initrd && overlap(map.initrd, span)
      ? [
          problems.PMEM_INITRD.at('', `${nameOf(region)} covers the initramfs`, {
            evidence: [`RAMDISK: ${formatSpan(map.initrd)}`],
          }),
        ]
      : []),
  ]
}

function underKernel(region: WantedRegion, map: MemoryMap): readonly Diagnostic[] {
  const placement = kernelPlacement(map, DEFAULT_KERNEL.start)
  if (placement === 'anywhere') {
    const what = `${nameOf(region)}: Linux ${map.version ?? ''}, started by UEFI, may put itself into it`
    return [problems.PMEM_EFI_KASLR.at('', what)]
  }
  const own = placement === 'lowest' ? DEFAULT_KERNEL : (map.kernel ?? DEFAULT_KERNEL)
  if (placement === 'clear' || !overlap(own, spanOf(region))) return []
  const reasons = {
    lowest: 'UEFI: memmap= turns the random placement off, and the kernel takes the lowest free memory',
    fixed: map.parameters.hasKaslr ? 'it lies at the default place' : 'nokaslr on the command line',
  }
  const what = `${nameOf(region)} covers the kernel at ${formatSpan(own)}`
  return [problems.PMEM_UNDER_KERNEL.at('', what, { evidence: [reasons[placement]] })]
}

/** Only `crashkernel=size@start` has a place of its own; else the kernel looks for one that is free. */
function crashKernelPlace({ parameters, crashKernel }: MemoryMap): Span | undefined {
  return parameters.crashKernel?.includes('@') ? crashKernel[0] : undefined
}

function sections(region: WantedRegion, map: MemoryMap): readonly Diagnostic[] {
  const { start, bytes } = region
  const isWhole = start % map.sectionBytes === 0 && bytes % map.sectionBytes === 0
  if (isWhole || start % ALIGNMENT !== 0 || bytes % ALIGNMENT !== 0) return []
  const size = formatBytes(map.sectionBytes)
  return [problems.PMEM_PARTIAL_SECTION.at('', `${nameOf(region)} is not made of whole sections of ${size}`)]
}

function overlaps(regions: readonly WantedRegion[]): readonly Diagnostic[] {
  return regions.flatMap((region, index) =>
    regions
      .slice(index + 1)
      .filter((other) => overlap(spanOf(region), spanOf(other)))
      .map((other) =>
        problems.PMEM_OVERLAP.at(`regions[${index}]`, `${nameOf(region)} and ${nameOf(other)} overlap`),
      ),
  )
}

/** RAM that is left for everything else, less what describes the pages of the regions. */
export function ramAfter(regions: readonly PmemRegion[], map: MemoryMap): readonly Span[] {
  return subtract(ramOf(map), regions.map(spanOf))
}

function ramLeft(regions: readonly WantedRegion[], map: MemoryMap): readonly Diagnostic[] {
  const before = totalBytes(ramOf(map))
  const left = ramAfter(regions, map)
  const pages = Math.ceil(regions.reduce((sum, r) => sum + r.bytes, 0) * STRUCT_PAGE)
  const bytes = totalBytes(left) - pages
  const words = `${inGiB(Math.max(0, bytes))} of ${inGiB(before)} RAM would be left`
  if (bytes < MIN_RAM_LEFT)
    return [
      problems.PMEM_TOO_LITTLE_RAM.at('', `${words}; bringup wants ${formatBytes(MIN_RAM_LEFT)} at least`),
    ]
  const emptied = nodesOf(map).filter((node) => {
    const spans = spansOfNode(map, node)
    return intersect(ramOf(map), spans).length > 0 && totalBytes(intersect(left, spans)) < ALIGNMENT
  })
  return [
    ...(bytes < before / 4 ? [problems.PMEM_LITTLE_RAM.at('', words)] : []),
    ...emptied.map((node) => problems.PMEM_LITTLE_RAM.at('', `node ${node} would have no RAM left`)),
  ]
}

function commandLine(regions: readonly WantedRegion[], map: MemoryMap): readonly Diagnostic[] {
  const { memmaps, avoided } = map.parameters
  const isExact = memmaps.some((m) => m.kind === 'exact')
  return [
    ...(isExact ? [problems.PMEM_EXACT_MAP.at('', 'memmap=exactmap is on the command line')] : []),
    ...(userMap(map.ranges, memmaps)
      ? []
      : [problems.PMEM_MAP_INVALID.at('', memmaps.map((m) => m.word).join(' '))]),
    ...(kernelPlacement(map, DEFAULT_KERNEL.start) === 'clear' ? tooMany(regions, avoided) : []),
  ]
}

/** Every region is a parameter of its own, behind those that are there. */
function tooMany(
  regions: readonly WantedRegion[],
  avoided: MemoryMap['parameters']['avoided'],
): readonly Diagnostic[] {
  if (avoided === 'given-up') return []
  const unseen = regions.slice(Math.max(0, MAX_AVOIDED - avoided))
  return unseen.length === 0
    ? []
    : [
        problems.PMEM_KASLR_LIMIT.at(
          '',
          `there would be ${avoided + regions.length} memmap= with an address; the kernel may put itself into ${unseen.map(memmapWord).join(', ')}`,
        ),
      ]
}

/** For people: 23.4 GiB. */
export function inGiB(bytes: number): string {
  return bytes < GiB ? `${Math.floor(bytes / MiB)} MiB` : `${(bytes / GiB).toFixed(1)} GiB`
}
