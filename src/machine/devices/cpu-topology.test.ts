import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apicIdLimit, cpuCounts } from './cpu-topology.ts'
import { splitCpus } from './numa-split.ts'

const short = ({ count, max, sockets, dies, cores, threads }: ReturnType<typeof cpuCounts>) => [
  count,
  max,
  `${sockets}×${dies}×${cores}×${threads}`,
]

describe('cpuCounts', () => {
  it.each([
    [{}, 0, [1, 1, '1×1×1×1']],
    [{ count: 4 }, 0, [4, 4, '1×1×4×1']],
    [{ count: 4, max: 8 }, 0, [4, 8, '1×1×8×1']],
    [{ count: 8, sockets: 2, threads: 2 }, 0, [8, 8, '2×1×2×2']],
    [{ sockets: 2, cores: 2, threads: 2 }, 0, [8, 8, '2×1×2×2']],
    [{ count: 3, threads: 2 }, 0, [3, 4, '1×1×2×2']],
    [{ max: 4 }, 0, [4, 4, '1×1×4×1']],
    [{}, 2, [2, 2, '2×1×1×1']],
    [{ count: 4 }, 2, [4, 4, '2×1×2×1']],
    [{ count: 5 }, 2, [5, 5, '5×1×1×1']],
    [{ count: 6 }, 2, [6, 6, '2×1×3×1']],
    [{ count: 2, max: 4 }, 2, [2, 4, '4×1×1×1']],
    [{ count: 12, threads: 2 }, 4, [12, 12, '6×1×1×2']],
    [{ threads: 2 }, 2, [4, 4, '2×1×1×2']],
    [{ cores: 2 }, 2, [4, 4, '2×1×2×1']],
  ])('%j on %i nodes', (cpu, nodes, want) => {
    const numa = nodes === 0 ? undefined : { nodes: Array.from({ length: nodes }, () => ({})) }
    expect(short(cpuCounts(cpu, numa))).toEqual(want)
  })

  it('counts what the nodes name', () => {
    expect(short(cpuCounts({}, { nodes: [{ cpus: [0, 3] }, { cpus: [1, 2] }] }))).toEqual([4, 4, '4×1×1×1'])
    expect(short(cpuCounts({}, { nodes: [{ cpus: 2 }, { cpus: 2 }] }))).toEqual([4, 4, '2×1×2×1'])
  })

  it('multiplies out to max when only count, threads and nodes are said', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom(1, 2, 4),
        fc.nat(9),
        (count, threads, nodes) => {
          const counts = cpuCounts({ count, threads }, { nodes: Array.from({ length: nodes }, () => ({})) })
          expect(counts.sockets * counts.dies * counts.cores * counts.threads).toBe(counts.max)
          expect(counts.count).toBe(count)
          expect(counts.max - count).toBeLessThan(threads)
        },
      ),
    )
  })
})

it('lays no socket across two nodes unless the description does', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.nat(64),
      fc.integer({ min: 2, max: 9 }),
      fc.constantFrom(1, 2, 4),
      fc.constantFrom(1, 2),
      (count, more, many, threads, dies) => {
        const nodes = Array.from({ length: many }, () => ({}))
        const cpus = cpuCounts({ count, max: count + more, threads, dies }, { nodes })
        const unit = cpus.dies * cpus.cores * cpus.threads
        if (cpus.sockets * unit !== cpus.max || cpus.sockets < many) return
        const nodeOf = new Map(
          splitCpus(nodes, cpus).flatMap((list, n) => list.map((cpu) => [cpu, n] as const)),
        )
        const isWhole = (cpu: number) => nodeOf.get(cpu) === nodeOf.get(cpu - (cpu % unit))
        const apart = Array.from({ length: cpus.max }, (_, cpu) => cpu).filter((cpu) => !isWhole(cpu))
        // CPUs at boot that are no whole cores cannot be divided in whole ones.
        if (count % threads === 0 && (count + more) % (dies * threads) === 0 && dies === 1)
          expect(apart).toEqual([])
      },
    ),
  )
})

it('rounds every level of an APIC id up to whole bits', () => {
  expect(apicIdLimit({ count: 1, max: 255, sockets: 255, dies: 1, cores: 1, threads: 1 })).toBe(255)
  expect(apicIdLimit({ count: 1, max: 6, sockets: 2, dies: 1, cores: 3, threads: 1 })).toBe(7)
})
