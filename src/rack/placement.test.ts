import { describe, expect, test } from 'vitest'
import type { HostTopology } from '../machine/host-topology.ts'
import { machineSchema } from '../machine/machine-schema.ts'
import { numbersFrom } from '../seeded-numbers.ts'
import type { Demand } from './demand.ts'
import { inPlace, type Place, placeGuests } from './placement.ts'
import { checkPlaces } from './placement-rules.ts'
import { placementOf, placementSchema } from './placement-schema.ts'
import { type RackInput, rackSchema } from './rack-schema.ts'

const GiB = 2 ** 30

/** `cores` of `threads` CPUs on each node, numbered as Linux does on x86: first threads of all cores first. */
function host({ nodes = 1, cores = 4, threads = 1, gib = 16, pages = 0 } = {}): HostTopology {
  const all = nodes * cores
  return {
    hasNuma: true,
    nodes: Array.from({ length: nodes }, (_, node) => ({
      node,
      cores: Array.from({ length: cores }, (_, core) =>
        Array.from({ length: threads }, (_, thread) => node * cores + core + thread * all),
      ),
      totalBytes: gib * GiB,
      availableBytes: gib * GiB,
      hugePages: [{ bytes: 2 ** 21, total: pages, free: pages }],
      distances: Object.fromEntries(
        Array.from({ length: nodes }, (_, other) => [
          other,
          other === node ? 10 : 20 + Math.abs(node - other),
        ]),
      ),
    })),
  }
}

type Options = NonNullable<RackInput['placement']>

/** A guest without NUMA nodes, or with the CPUs and memory of each. */
function guest(
  name: string,
  cpus: number,
  placement: Options | false,
  more: Partial<Demand> & { readonly gib?: number; readonly nodes?: number } = {},
): Demand {
  const { gib = 1, nodes = 0, ...rest } = more
  const each = nodes === 0 ? cpus : cpus / nodes
  return {
    guest: name,
    placement: placementOf(undefined, placement === false ? false : placementSchema.parse(placement)),
    threads: 1,
    pins: [],
    parts: Array.from({ length: Math.max(1, nodes) }, (_, node) => ({
      ...(nodes === 0 ? {} : { node }),
      cpus: Array.from({ length: each }, (_, cpu) => node * each + cpu),
      bytes: (gib * GiB) / Math.max(1, nodes),
    })),
    ...rest,
  }
}

const seats = (demands: readonly Demand[], topology: HostTopology) => {
  const { places, shortages } = placeGuests(demands, topology)
  const text = ({ pins, placement }: Place) =>
    `${pins.map(({ hostCpus }) => hostCpus.join('+')).join(' ')} on ${placement.parts
      .map(({ onNodes, memoryNodes = ['any'] }) => `${onNodes.join('+')}/${memoryNodes.join('+')}`)
      .join(' ')}`
  return {
    ...Object.fromEntries([...places].map(([name, place]) => [name, text(place)])),
    ...Object.fromEntries(shortages.map(({ guest: name, need, left }) => [name, `${need}, ${left}`])),
  }
}

describe('strategies', () => {
  test('`pack` fills one node after the other', () => {
    const demands = ['a', 'b', 'c'].map((name) => guest(name, 2, 'pack'))
    expect(seats(demands, host({ nodes: 2 }))).toEqual({
      a: '0 1 on 0/0',
      b: '2 3 on 0/0',
      c: '4 5 on 1/1',
    })
  })

  test('`interleave` takes the nodes in turn, guest by guest', () => {
    const demands = ['a', 'b', 'c'].map((name) => guest(name, 2, 'interleave'))
    expect(seats(demands, host({ nodes: 2 }))).toEqual({
      a: '0 1 on 0/0',
      b: '4 5 on 1/1',
      c: '2 3 on 0/0',
    })
  })

  test('each NUMA node of a guest goes with its memory', () => {
    expect(seats([guest('a', 4, 'interleave', { nodes: 2 })], host({ nodes: 2 }))).toEqual({
      a: '0 1 4 5 on 0/0 1/1',
    })
    expect(seats([guest('a', 4, 'pack', { nodes: 2 })], host({ nodes: 2 }))).toEqual({
      a: '0 1 2 3 on 0/0 0/0',
    })
  })

  test('a guest that is wider than a node takes as few nodes as will do', () => {
    expect(seats([guest('a', 6, 'pack')], host({ nodes: 3 }))).toEqual({ a: '0 1 2 3 4 5 on 0+1/0+1' })
    expect(seats([guest('a', 6, 'interleave')], host({ nodes: 3 }))).toEqual({
      a: '0 4 1 5 2 6 on 0+1/0+1',
    })
  })

  test('a node that lacks memory is passed over', () => {
    const demands = [guest('a', 1, 'pack', { gib: 12 }), guest('b', 1, 'pack', { gib: 8 })]
    expect(seats(demands, host({ nodes: 2 }))).toEqual({ a: '0 on 0/0', b: '4 on 1/1' })
  })

  test('huge pages are counted by node', () => {
    const demands = [1, 2].map((n) => guest(`g${n}`, 1, 'pack', { hugePageBytes: 2 ** 21 }))
    expect(seats(demands, host({ nodes: 2, pages: 600 }))).toEqual({ g1: '0 on 0/0', g2: '4 on 1/1' })
    expect(seats(demands, host({ nodes: 1, pages: 600 }))).toEqual({
      g1: '0 on 0/0',
      g2: '1G, left: 176M in pages of 2M on node 0',
    })
  })
})

describe('threads', () => {
  const smt = host({ cores: 4, threads: 2 })

  test('`together` fills the threads of a core, `apart` leaves them idle', () => {
    expect(seats([guest('a', 3, 'pack'), guest('b', 1, 'pack')], smt)).toEqual({
      a: '0 4 1 on 0/0',
      b: '2 on 0/0',
    })
    expect(seats([guest('a', 3, { threads: 'apart' })], smt)).toEqual({ a: '0 1 2 on 0/0' })
  })

  test('of a core of the guest stay on one core', () => {
    expect(seats([guest('a', 4, { threads: 'apart' }, { threads: 2 })], smt)).toEqual({
      a: '0 4 1 5 on 0/0',
    })
    // Cores of several widths, as on hybrid processors, and in cpusets that split a core.
    const [room] = smt.nodes
    const mixed = { ...smt, nodes: [{ ...room, cores: [[0], [1, 5], [2], [3, 7]] }] } as HostTopology
    expect(seats([guest('a', 4, 'pack', { threads: 2 })], mixed)).toEqual({ a: '1 5 3 7 on 0/0' })
  })

  test('that stay idle belong to the guest all the same', () => {
    const { places } = placeGuests([guest('a', 1, { threads: 'apart' })], smt)
    expect(places.get('a')?.placement.hostCpus).toEqual([0, 4])
  })
})

describe('what machines say themselves', () => {
  test('pins stay, and their cores are the guest’s', () => {
    const pinned = guest('a', 2, 'pack', { pins: [{ cpu: 0, hostCpus: [1] }] })
    const { places } = placeGuests([guest('b', 2, 'pack'), pinned], host({ nodes: 2 }))
    expect(places.get('a')?.pins).toEqual([{ cpu: 1, hostCpus: [0] }])
    expect(places.get('a')?.placement).toMatchObject({ hostCpus: [0, 1], parts: [{ memoryNodes: [0] }] })
    expect(places.get('b')?.placement.hostCpus).toEqual([2, 3])
  })

  test('bound memory says which cores', () => {
    const parts = [{ cpus: [0], bytes: GiB, hostNodes: [1] as const }]
    expect(seats([guest('b', 1, 'pack'), guest('a', 1, 'pack', { parts })], host({ nodes: 2 }))).toEqual({
      a: '4 on 1/1',
      b: '0 on 0/0',
    })
  })

  test('memory of a node without cores goes with the nearest cores, and the other way round', () => {
    const topology = host({ nodes: 3 })
    const [first, second, third] = topology.nodes
    const memoryOnly = { ...topology, nodes: [first, second, { ...third, cores: [] }] } as HostTopology
    const parts = [{ cpus: [0], bytes: GiB, hostNodes: [2] as const }]
    expect(seats([guest('a', 1, 'pack', { parts })], memoryOnly)).toEqual({ a: '4 on 1/2' })
    const coresOnly = {
      ...topology,
      nodes: [{ ...first, totalBytes: 0, availableBytes: 0 }, second, third],
    } as HostTopology
    expect(seats([guest('a', 1, 'pack')], coresOnly)).toEqual({ a: '0 on 0/1' })
  })

  test('pins on a core that another guest has alone are refused', () => {
    const pins = [{ cpu: 0, hostCpus: [4] }]
    const demands = [guest('a', 1, 'pack', { pins }), guest('b', 1, false, { pins })]
    expect(seats(demands, host({ threads: 2 }))).toEqual({
      a: ' on 0/0',
      b: 'a pin to CPU 0 or 4, guest "a" has that core alone',
    })
  })

  test('the rest of the machine stays as it is', () => {
    const machine = machineSchema.parse({
      cpu: 4,
      memory: '1G',
      numa: { nodes: [{ hostNodes: [1] }, {}] },
      pins: [{ cpu: 3, hostCpus: [5] }],
    })
    const place: Place = {
      placement: {
        strategy: 'pack',
        cores: 'exclusive',
        hostCpus: [0, 1, 2, 5],
        parts: [0, 1].map((node) => ({
          node,
          cpus: [],
          hostCpus: [],
          onNodes: [0],
          memoryNodes: [0],
          bytes: 1,
        })),
      },
      pins: [{ cpu: 0, hostCpus: [0] }],
    }
    expect(inPlace(machine, place)).toMatchObject({
      pins: [
        { cpu: 3, hostCpus: [5] },
        { cpu: 0, hostCpus: [0] },
      ],
      numa: { nodes: [{ hostNodes: [1] }, { hostNodes: [0] }] },
    })
  })
})

describe('shared cores', () => {
  test('are those that no guest has alone', () => {
    const demands = [guest('a', 8, { cores: 'shared' }), guest('b', 1, 'pack')]
    expect(seats(demands, host({ cores: 3 }))).toEqual({
      b: '0 on 0/0',
      a: `${Array.from({ length: 8 }, () => '1+2').join(' ')} on 0/0`,
    })
  })

  test('are taken where there are fewest CPUs of guests', () => {
    const demands = ['a', 'b', 'c'].map((name) => guest(name, 3, { cores: 'shared' }))
    expect(seats(demands, host({ nodes: 2, cores: 4 }))).toMatchObject({
      a: expect.stringContaining('on 0/0'),
      b: expect.stringContaining('on 1/1'),
      c: expect.stringContaining('on 0/0'),
    })
  })

  test('are refused where none is left', () => {
    const demands = [guest('a', 2, { cores: 'shared' }), guest('b', 4, 'pack')]
    expect(seats(demands, host())).toMatchObject({ a: '2 cores, none is left' })
  })
})

describe('limits', () => {
  test('of the rack keep guests on nodes and CPUs', () => {
    const on = (more: Options) => seats([guest('a', 2, more)], host({ nodes: 2, threads: 2 }))
    expect(on({ hostNodes: [1] })).toEqual({ a: '4 12 on 1/1' })
    expect(on({ hostCpus: '1-3' })).toEqual({ a: '1 2 on 0/0' })
  })

  test('`memory: "any"` neither binds nor counts', () => {
    const demands = [guest('a', 1, { memory: 'any' }, { gib: 900 })]
    expect(seats(demands, host())).toEqual({ a: '0 on 0/any' })
  })
})

describe('findings', () => {
  const found = (demands: readonly Demand[], topology: HostTopology) =>
    checkPlaces(demands, placeGuests(demands, topology), topology, ['racks', 'r'])

  test('say what is needed, what there is, and which guest got what', () => {
    const demands = ['a', 'b', 'c'].map((name) => guest(name, 4, 'pack'))
    expect(found(demands, host({ nodes: 2 }))).toMatchObject([
      {
        code: 'PLACEMENT_CORES_SHORT',
        path: 'racks.r.placement',
        what: 'the guests need 12 cores and bringup may use 8 of this computer: c needs 4 cores, none is left',
        evidence: [
          'node 0: 4 cores (CPUs 0-3), 16G of 16G available',
          'node 1: 4 cores (CPUs 4-7), 16G of 16G available',
          'a: CPUs 0-3 on node 0',
          'b: CPUs 4-7 on node 1',
          'c: needs 4 cores, none is left',
        ],
      },
    ])
  })

  test('name memory where cores are left', () => {
    const demands = [guest('a', 1, 'pack', { gib: 12 }), guest('b', 1, 'pack', { gib: 12 })]
    expect(found(demands, host())).toMatchObject([
      { code: 'PLACEMENT_MEMORY_SHORT', what: 'b needs 12G, left: 4G on node 0' },
    ])
  })

  test('name the limit of the control group', () => {
    const demands = [guest('a', 1, 'pack', { gib: 2 }), guest('b', 1, 'pack', { gib: 3 })]
    expect(found(demands, { ...host(), memoryLimitBytes: 4 * GiB })).toMatchObject([
      { code: 'PLACEMENT_MEMORY_LIMIT', what: 'the guests have 5G of memory, and the limit is 4G' },
    ])
  })
})

describe('in a rack', () => {
  test('what a guest says goes over what the rack says', () => {
    const rack = rackSchema.parse({
      placement: { strategy: 'interleave', threads: 'apart' },
      guests: {
        a: {},
        b: { placement: { cores: 'shared' } },
        c: { placement: false },
        d: { placement: 'pack' },
      },
    })
    const of = (name: string) => placementOf(rack.placement, rack.guests[name]?.placement)
    expect(of('a')).toEqual({ strategy: 'interleave', cores: 'exclusive', threads: 'apart', memory: 'bind' })
    expect(of('b')).toMatchObject({ strategy: 'interleave', cores: 'shared', threads: 'apart' })
    expect(of('c')).toBeUndefined()
    expect(of('d')).toMatchObject({ strategy: 'pack', threads: 'apart' })
  })

  test.each([
    [{ strategy: 'spread' }, 'strategy'],
    ['spread', 'Invalid'],
    [{ core: 'shared' }, 'core'],
    [{ hostCpus: '3-' }, 'list of CPUs'],
    [{ hostNodes: [] }, 'hostNodes'],
  ])('%j is refused', (placement, word) => {
    const { error } = rackSchema.safeParse({ placement, guests: { a: {} } })
    expect(JSON.stringify(error?.issues)).toContain(word)
  })
})

/** Any computer and any guests: what must hold whatever they are. */
describe('of four hundred random racks on random computers', () => {
  const cases = Array.from({ length: 400 }, (_, seed) => {
    const random = numbersFrom(seed)
    const pick = <T>(...items: readonly T[]) => items[Math.floor(random() * items.length)] as T
    const topology = host({
      nodes: pick(1, 1, 2, 3, 4, 8),
      cores: pick(1, 2, 3, 4, 8),
      threads: pick(1, 2, 2, 4),
      gib: pick(1, 4, 16),
    })
    const demands = Array.from({ length: pick(1, 2, 3, 5, 9) }, (_, index) => {
      const threads = pick(1, 1, 2)
      const nodes = pick(0, 0, 1, 2)
      return guest(
        `g${index}`,
        threads * Math.max(1, nodes) * pick(1, 2, 3, 5),
        {
          strategy: pick('pack', 'interleave'),
          cores: pick('exclusive', 'exclusive', 'shared'),
          threads: pick('together', 'apart'),
          memory: pick('bind', 'bind', 'any'),
        },
        { threads, nodes, gib: pick(0.25, 1, 3) },
      )
    })
    return { seed, topology, demands, ...placeGuests(demands, topology) }
  })
  const coreOf = (topology: HostTopology, cpu: number) =>
    topology.nodes.flatMap(({ cores }) => cores).find((core) => core.includes(cpu)) ?? []

  test('each guest has a place or a reason', () => {
    for (const { demands, places, shortages } of cases)
      for (const { guest: name } of demands)
        expect([places.has(name), shortages.some((one) => one.guest === name)].filter(Boolean)).toHaveLength(
          1,
        )
    expect(cases.filter(({ shortages }) => shortages.length > 0).length).toBeGreaterThan(50)
    expect(cases.filter(({ shortages }) => shortages.length === 0).length).toBeGreaterThan(50)
  })

  test('no core of a guest’s own is given twice', () => {
    for (const { seed, topology, places } of cases) {
      const owner = new Map<number, string>()
      const sorted = [...places].sort(([, a]) => (a.placement.cores === 'exclusive' ? -1 : 1))
      for (const [name, { placement }] of sorted)
        for (const cpu of placement.hostCpus.flatMap((one) => coreOf(topology, one))) {
          expect([name, undefined], `seed ${seed}, CPU ${cpu}`).toContain(owner.get(cpu))
          if (placement.cores === 'exclusive') owner.set(cpu, name)
        }
      const cpus = [...places.values()]
        .filter(({ placement }) => placement.cores === 'exclusive')
        .flatMap(({ pins }) => pins.flatMap(({ hostCpus }) => hostCpus))
      expect(new Set(cpus).size, `seed ${seed}`).toBe(cpus.length)
    }
  })

  test('every CPU of a placed guest is pinned once, to CPUs of its part', () => {
    for (const { demands, places } of cases)
      for (const { guest: name, parts } of demands) {
        const place = places.get(name)
        if (!place) continue
        expect(place.pins.map(({ cpu }) => cpu).toSorted((a, b) => a - b)).toEqual(
          parts.flatMap(({ cpus }) => cpus),
        )
        for (const { cpus, hostCpus } of place.placement.parts)
          for (const cpu of cpus)
            expect(hostCpus).toEqual(
              expect.arrayContaining([...(place.pins.find((pin) => pin.cpu === cpu)?.hostCpus ?? [-1])]),
            )
      }
  })

  test('threads of a core of the guest are on one core', () => {
    for (const { seed, topology, demands, places } of cases)
      for (const { guest: name, threads, placement } of demands) {
        const pins = places.get(name)?.pins ?? []
        const width = Math.max(...topology.nodes.flatMap(({ cores }) => cores.map((core) => core.length)))
        if (threads === 1 || threads > width || placement?.cores === 'shared') continue
        for (const { cpu, hostCpus } of pins) {
          const twin = pins.find((pin) => pin.cpu === (cpu ^ 1))?.hostCpus ?? []
          expect(coreOf(topology, hostCpus[0] ?? -1), `seed ${seed}`).toContain(twin[0])
        }
      }
  })

  test('memory fits on its nodes, which are those of the cores', () => {
    for (const { seed, topology, places } of cases) {
      const parts = [...places.values()].flatMap(({ placement }) => placement.parts)
      for (const { node, totalBytes } of topology.nodes) {
        const alone = parts.filter(({ memoryNodes }) => memoryNodes?.length === 1 && memoryNodes[0] === node)
        expect(
          alone.reduce((sum, { bytes }) => sum + bytes, 0),
          `seed ${seed}`,
        ).toBeLessThanOrEqual(totalBytes)
      }
      for (const { memoryNodes, onNodes } of parts)
        if (memoryNodes) expect(memoryNodes).toEqual(expect.arrayContaining([...onNodes]))
    }
  })
})
