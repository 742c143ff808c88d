/** Choices over the memory maps of real computers, and what must hold of every choice. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isClean } from '../diagnostics.ts'
import { GiB, MiB } from '../units.ts'
import { choosePmemRegions } from './choose-regions.ts'
import {
  intersect,
  joinRanges,
  type MemoryMap,
  nodesOf,
  overlap,
  spanOf,
  spansOfNode,
  totalBytes,
} from './memory-map.ts'
import { memmapWord } from './parse-parameters.ts'
import { drawMaps } from './picture.ts'
import { mapOfLog } from './read-map.ts'
import { ALIGNMENT, MIN_RAM_LEFT, ramAfter } from './region-rules.ts'
import { ramOf } from './user-map.ts'

const folder = new URL('../../test/pmem/maps/', import.meta.url)
const names = readdirSync(folder).sort()
const mapOf = (name: string) => mapOfLog(readFileSync(new URL(name, folder), 'utf8'))

describe('over the maps of real computers', () => {
  const requests = [
    { bytes: 256 * MiB },
    { bytes: 16 * GiB },
    { bytes: 1 * GiB, count: 2 },
    { bytes: 1 * GiB, node: 1 },
  ]
  test.each(names)('%s', async (name) => {
    const map = mapOf(name)
    const lines = requests.flatMap((request) => {
      const { regions, diagnostics } = choosePmemRegions(request, map)
      const asked = `${request.bytes / MiB}M${request.count ? ` x ${request.count}` : ''}${request.node === undefined ? '' : ` on node ${request.node}`}`
      return [
        `== ${asked}: ${regions.map(memmapWord).join(' ') || 'none'}`,
        ...diagnostics.map((d) => `${d.severity} ${d.code}: ${d.what}`),
        ...diagnostics.flatMap((d) => d.evidence ?? []).map((line) => `  | ${line}`),
        ...(isClean(diagnostics) ? [drawMaps(map, regions)] : []),
      ]
    })
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      `../../test/pmem/chosen/${name.replace('.log', '.txt')}`,
    )
  })
})

/** Any memory map: ranges of all kinds and holes, one to four nodes, a kernel somewhere. */
const arbitraryMap: fc.Arbitrary<MemoryMap> = fc
  .record({
    pieces: fc.array(
      fc.record({
        bytes: fc.integer({ min: 1, max: 3000 }).map((n) => n * 0x3_7000),
        kind: fc.constantFrom('ram', 'ram', 'ram', 'reserved', 'acpi-nvs', 'persistent', 'hole'),
      }),
      { minLength: 1, maxLength: 30 },
    ),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
    kernelAt: fc.double({ min: 0, max: 1, noNaN: true }),
    hasKaslr: fc.boolean(),
    sectionBytes: fc.constantFrom(128 * MiB, 512 * MiB),
  })
  .map(({ pieces, cuts, kernelAt, hasKaslr, sectionBytes }) => {
    let end = 0
    const all = pieces.map(({ bytes, kind }) => {
      const start = end
      end += bytes
      return { start, end, kind }
    })
    const borders = [0, ...cuts.map((c) => Math.floor((c * end) / 4096) * 4096).sort((a, b) => a - b), end]
    const nodes = borders
      .slice(1)
      .map((to, node) => ({ node, start: borders[node] ?? 0, end: to }))
      .filter((n) => n.start < n.end)
    const place = Math.floor(kernelAt * end)
    return {
      ranges: joinRanges(
        all.flatMap(({ kind, ...span }) => (kind === 'hole' ? [] : [{ ...span, kind: kind as 'ram' }])),
      ),
      nodes: nodes.length > 1 ? nodes : [],
      kernel: { start: place, end: place + 40 * MiB },
      crashKernel: [],
      parameters: { memmaps: [], fakeMemory: [], hasKaslr, avoided: 0 },
      sectionBytes,
    }
  })

describe('whatever the memory map', () => {
  const arbitraryRequest = fc.record({
    bytes: fc.integer({ min: 1, max: 400 }).map((n) => n * ALIGNMENT),
    count: fc.integer({ min: 1, max: 5 }),
    node: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
  })

  test('what is chosen is aligned, in RAM alone, on one node, clear of the kernel and of each other', () => {
    let chosenAtAll = 0
    fc.assert(
      fc.property(arbitraryMap, arbitraryRequest, (map, { node, ...request }) => {
        const { regions } = choosePmemRegions({ ...request, ...(node === undefined ? {} : { node }) }, map)
        chosenAtAll += regions.length
        for (const [index, region] of regions.entries()) {
          const span = spanOf(region)
          expect([span.start % ALIGNMENT, span.end % ALIGNMENT]).toEqual([0, 0])
          expect(totalBytes(intersect(ramOf(map), [span]))).toBe(request.bytes)
          const on = nodesOf(map).filter((n) => intersect([span], spansOfNode(map, n)).length > 0)
          expect(on).toEqual([node ?? region.node])
          expect(map.kernel && overlap(map.kernel, span)).toBeUndefined()
          expect(regions.slice(index + 1).filter((other) => overlap(span, spanOf(other)))).toEqual([])
        }
      }),
      { numRuns: 500 },
    )
    expect(chosenAtAll).toBeGreaterThan(100)
  })

  test('a choice is called good only when all regions are there and enough RAM is left', () => {
    fc.assert(
      fc.property(arbitraryMap, arbitraryRequest, (map, { node, ...request }) => {
        const { regions, diagnostics } = choosePmemRegions(
          { ...request, ...(node === undefined ? {} : { node }) },
          map,
        )
        if (!isClean(diagnostics)) return
        expect(regions).toHaveLength(request.count)
        expect(totalBytes(ramAfter(regions, map))).toBeGreaterThanOrEqual(MIN_RAM_LEFT)
      }),
      { numRuns: 500 },
    )
  })

  test('a refusal for want of room is true: no aligned place in RAM would do', () => {
    fc.assert(
      fc.property(arbitraryMap, fc.integer({ min: 1, max: 600 }), (map, units) => {
        const bytes = units * ALIGNMENT
        const { diagnostics } = choosePmemRegions({ bytes }, map)
        if (!diagnostics.some((d) => d.code === 'PMEM_NO_ROOM')) return
        const end = Math.max(...map.ranges.map((r) => r.end))
        for (let start = 256 * MiB; start + bytes <= end; start += ALIGNMENT) {
          const span = { start, end: start + bytes }
          const inRam = totalBytes(intersect(ramOf(map), [span])) === bytes
          const nodes = nodesOf(map).filter((n) => intersect([span], spansOfNode(map, n)).length > 0)
          // A place on both sides of 4 GiB is left out: no map has RAM there.
          const isBelowOrAbove = span.end <= 4 * GiB || span.start >= 4 * GiB
          const isFree =
            inRam && nodes.length === 1 && isBelowOrAbove && !(map.kernel && overlap(map.kernel, span))
          expect(isFree).toBe(false)
        }
      }),
      { numRuns: 200 },
    )
  })
})
