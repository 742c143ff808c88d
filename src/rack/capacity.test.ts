import { describe, expect, test } from 'vitest'
import type { HostTopology } from '../machine/host-topology.ts'
import { capacityOf, MOST } from './capacity.ts'
import type { Demand } from './demand.ts'

const GiB = 2 ** 30
const room = (node: number, gib: number, pages = 0): HostTopology['nodes'][number] => ({
  node,
  cores: [0, 1, 2, 3].map((core) => [node * 4 + core, 8 + node * 4 + core]),
  totalBytes: gib * GiB,
  availableBytes: gib * GiB,
  hugePages: [{ bytes: 2 ** 21, total: pages, free: pages }],
  distances: { 0: 10, 1: 10 },
})
/** Two nodes with four cores of two threads each. */
const host: HostTopology = { hasNuma: true, nodes: [room(0, 6), room(1, 3)] }

const needs = (cpus: number, gib: number, more: Partial<Demand> = {}): readonly Demand[] => [
  {
    guest: 'g',
    placement: undefined,
    threads: 1,
    pins: [],
    parts: [{ cpus: Array.from({ length: cpus }, (_, cpu) => cpu), bytes: gib * GiB }],
    ...more,
  },
]

describe('what fits', () => {
  test('is limited by cores where guests have their own, and by memory where they share', () => {
    expect(capacityOf(needs(4, 1), host)).toEqual({
      resources: [
        { resource: 'cores', need: 2, available: 8, enoughFor: 4 },
        { resource: 'memory', need: GiB, available: 9 * GiB, enoughFor: 9 },
      ],
      exclusive: { fits: 4, limit: 'cores' },
      shared: { fits: 9, limit: 'memory' },
    })
  })

  test('counts memory node by node: what is left on two nodes is no place for one guest', () => {
    expect(capacityOf(needs(1, 4), host)).toMatchObject({
      exclusive: { fits: 2, limit: 'memory' },
      shared: { fits: 2, limit: 'memory' },
    })
    expect(capacityOf(needs(1, 2), host).shared).toEqual({ fits: 4, limit: 'memory' })
    expect(capacityOf(needs(1, 20), host).shared).toEqual({ fits: 0, limit: 'memory' })
  })

  test('counts huge pages and limits of the control group', () => {
    const paged = { ...host, nodes: [room(0, 6, 1024), room(1, 3, 512)] }
    expect(capacityOf(needs(1, 1, { hugePageBytes: 2 ** 21 }), paged)).toMatchObject({
      resources: [{ resource: 'cores' }, { resource: 'huge pages', available: 3 * GiB, enoughFor: 3 }],
      shared: { fits: 3, limit: 'huge pages' },
    })
    expect(capacityOf(needs(1, 1), { ...host, memoryLimitBytes: 2 * GiB }).shared).toEqual({
      fits: 2,
      limit: 'memory limit',
    })
    expect(capacityOf(needs(1, 1), { ...host, cpuQuota: 1.5 })).toMatchObject({
      exclusive: { fits: 1, limit: 'CPU quota' },
      shared: { fits: 9, limit: 'memory' },
    })
  })

  test('of a rack counts all of its guests', () => {
    const rack = [...needs(4, 1), ...needs(2, 0.5, { guest: 'h' })]
    expect(capacityOf(rack, host)).toMatchObject({
      resources: [{ resource: 'cores', need: 3, enoughFor: 2 }, { need: 1.5 * GiB }],
      exclusive: { fits: 2, limit: 'cores' },
    })
  })

  test('of machines with pins is one, and of tiny ones is not counted forever', () => {
    const pinned = needs(1, 1, { pins: [{ cpu: 0, hostCpus: [3] }] })
    expect(capacityOf(pinned, host).exclusive).toEqual({ fits: 1, limit: 'pins' })
    expect(capacityOf(needs(1, 0.001), host).shared).toEqual({ fits: MOST })
  })
})
