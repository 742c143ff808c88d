import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GiB, MiB } from '../../units.ts'
import {
  cpuRanges,
  evenSplit,
  nodeViews,
  type RamLimits,
  ramBytesOf,
  splitCpus,
  splitMemory,
} from './numa-split.ts'

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)

describe('evenSplit', () => {
  it('adds up, and no two parts differ by more than a unit and what is left over', () => {
    fc.assert(
      fc.property(
        fc.nat(1e12),
        fc.integer({ min: 1, max: 128 }),
        fc.constantFrom(1, 4096, MiB),
        (total, parts, unit) => {
          const shares = evenSplit(total, parts, unit)
          expect(sum(shares)).toBe(total)
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(2 * unit)
        },
      ),
    )
  })
})

describe('splitMemory', () => {
  it('splits what QEMU refused nrk’s run.py: 1000M over three nodes', () => {
    expect(splitMemory([{}, {}, {}], 1000 * MiB)).toEqual([334 * MiB, 333 * MiB, 333 * MiB])
  })

  it('gives silent nodes what the others leave', () => {
    expect(splitMemory([{ memory: 100 * MiB }, {}, { memory: 0 }, {}], 300 * MiB)).toEqual([
      100 * MiB,
      100 * MiB,
      0,
      100 * MiB,
    ])
  })

  it('always adds up when a node is silent and the others leave something', () => {
    const node = fc.record({ memory: fc.option(fc.nat(1e9), { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(node, { maxLength: 20 }), fc.nat(1e10), (others, rest) => {
        const said = sum(others.map((n) => n.memory ?? 0))
        expect(sum(splitMemory([...others, {}], said + rest))).toBe(said + rest)
      }),
    )
  })

  it('keeps to whole huge pages', () => {
    expect(splitMemory([{}, {}], 6 * MiB, 2 * MiB)).toEqual([4 * MiB, 2 * MiB])
  })
})

describe('splitCpus', () => {
  it('splits five CPUs over two nodes, and one over two', () => {
    expect(splitCpus([{}, {}], { count: 5, max: 5, threads: 1 })).toEqual([
      [0, 1, 2],
      [3, 4],
    ])
    expect(splitCpus([{}, {}], { count: 1, max: 1, threads: 1 })).toEqual([[0], []])
  })

  it('gives each node online CPUs before hot-pluggable ones, in whole cores', () => {
    expect(splitCpus([{}, {}], { count: 4, max: 8, threads: 2 })).toEqual([
      [0, 1, 4, 5],
      [2, 3, 6, 7],
    ])
  })

  it('evens out what is plugged later', () => {
    const nodes = splitCpus([{}, {}, {}], { count: 4, max: 12, threads: 2 })
    expect(nodes).toEqual([
      [0, 1, 4, 5],
      [2, 3, 6, 7],
      [8, 9, 10, 11],
    ])
  })

  it('takes lists and counts, and gives the rest to the silent', () => {
    expect(splitCpus([{ cpus: [1, 3] }, { cpus: 1 }, {}], { count: 6, max: 6, threads: 1 })).toEqual([
      [1, 3],
      [0],
      [2, 4, 5],
    ])
  })

  it('places every CPU exactly once when a node is silent', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.nat(64),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 2, 4),
        (count, more, nodes, threads) => {
          const max = count + more
          const lists = splitCpus(
            Array.from({ length: nodes }, () => ({})),
            { count, max, threads },
          )
          expect(lists.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: max }, (_, i) => i))
        },
      ),
    )
  })
})

it('takes the RAM from the nodes when nothing else says it', () => {
  const of = (limits: Partial<RamLimits>) => ramBytesOf(undefined, { dimmBytes: 0, ...limits })
  expect(of({ nodes: [{ memory: 64 * MiB }, { memory: 32 * MiB }] })).toBe(96 * MiB)
  expect(of({ nodes: [{}, {}] })).toBe(256 * MiB)
  expect(of({ nodes: [{ memory: 64 * MiB }, {}] })).toBe(256 * MiB)
  expect(of({ nodes: [{ memory: 512 * MiB }, {}] })).toBe(512 * MiB)
  expect(ramBytesOf(MiB, { nodes: [{ memory: 64 * MiB }], dimmBytes: 0 })).toBe(MiB)
})

it('takes RAM in whole huge pages, and below the maximum', () => {
  const of = (limits: Partial<RamLimits>) => ramBytesOf(undefined, { dimmBytes: 0, ...limits })
  expect(of({ hugePages: GiB })).toBe(GiB)
  expect(of({ hugePages: GiB, nodes: [{}, {}] })).toBe(2 * GiB)
  expect(of({ hugePages: 2 * MiB })).toBe(256 * MiB)
  expect(of({ max: 200 * MiB })).toBe(100 * MiB)
  expect(of({ max: 256 * MiB, dimmBytes: 128 * MiB })).toBe(128 * MiB)
  expect(of({ max: 384 * MiB, dimmBytes: 128 * MiB })).toBe(256 * MiB)
})

it('has no nodes without NUMA', () => {
  expect(nodeViews(undefined, { ramBytes: MiB, cpus: { count: 1, max: 1, threads: 1 } })).toEqual([])
})

it('writes CPUs as QEMU’s ranges', () => {
  expect(cpuRanges([0, 1, 2, 5, 7, 8])).toEqual(['0-2', '5', '7-8'])
})
