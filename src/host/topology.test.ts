import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTopology } from './topology.ts'

const root = mkdtempSync(join(tmpdir(), 'bringup-topology-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), `${text}\n`)
  }
}

/** Two nodes with two cores of two threads, and a node of memory alone. */
beforeAll(() => {
  const node = (n: number, cpus: string, kB: number) => ({
    [`sys/devices/system/node/node${n}/cpulist`]: cpus,
    [`sys/devices/system/node/node${n}/distance`]: ['10 21 17', '21 10 28', '17 28 10'][n] ?? '',
    [`sys/devices/system/node/node${n}/meminfo`]: [
      `Node ${n} MemTotal:       ${kB} kB`,
      `Node ${n} MemFree:        ${kB / 4} kB`,
      `Node ${n} Active(anon):   1000 kB`,
      `Node ${n} Active(file):   100 kB`,
      `Node ${n} Inactive(file): 200 kB`,
      `Node ${n} SReclaimable:   300 kB`,
    ].join('\n'),
    [`sys/devices/system/node/node${n}/hugepages/hugepages-2048kB/nr_hugepages`]: '8',
    [`sys/devices/system/node/node${n}/hugepages/hugepages-2048kB/free_hugepages`]: `${8 - n}`,
  })
  write({
    'sys/devices/system/cpu/online': '0-7',
    'sys/devices/system/node/online': '0-2',
    ...node(0, '0-1,4-5', 4_000_000),
    ...node(1, '2-3,6-7', 8_000_000),
    ...node(2, '', 16_000_000),
    ...Object.fromEntries(
      Array.from({ length: 8 }, (_, cpu) => [
        // Linux before 5.3 has the older name only.
        `sys/devices/system/cpu/cpu${cpu}/topology/${cpu % 4 < 2 ? 'core_cpus_list' : 'thread_siblings_list'}`,
        `${cpu % 4},${(cpu % 4) + 4}`,
      ]),
    ),
    'proc/cpuinfo': 'model name\t: A CPU',
    'proc/self/cgroup': '0::/job',
    'sys/fs/cgroup/cgroup.controllers': 'cpu memory',
    'sys/fs/cgroup/job/memory.max': '1073741824',
    'sys/fs/cgroup/job/cpu.max': '150000 100000',
  })
})

const mayUse = (cpus: string, nodes: string) =>
  write({ 'proc/self/status': `Cpus_allowed_list:\t${cpus}\nMems_allowed_list:\t${nodes}` })

describe('the topology', () => {
  test('has cores by node, memory that is free or can be, huge pages and limits', () => {
    mayUse('0-7', '0-2')
    const { nodes, ...rest } = readTopology(root)
    expect(rest).toEqual({ hasNuma: true, memoryLimitBytes: 2 ** 30, cpuQuota: 1.5 })
    expect(nodes.map(({ node, cores }) => [node, cores])).toEqual([
      [
        0,
        [
          [0, 4],
          [1, 5],
        ],
      ],
      [
        1,
        [
          [2, 6],
          [3, 7],
        ],
      ],
      [2, []],
    ])
    expect(nodes[1]).toMatchObject({
      totalBytes: 8_000_000 * 1024,
      availableBytes: 2_000_600 * 1024,
      hugePages: [{ bytes: 2 ** 21, total: 8, free: 7 }],
      distances: { 0: 21, 1: 10, 2: 28 },
    })
  })

  test('stays within the cpuset, which may split a core', () => {
    mayUse('1,4,6-7', '1')
    const { nodes } = readTopology(root)
    expect(nodes.map(({ cores }) => cores)).toEqual([[[1], [4]], [[6], [7]], []])
    expect(nodes.map(({ totalBytes, availableBytes }) => totalBytes > 0 && availableBytes > 0)).toEqual([
      false,
      true,
      false,
    ])
  })

  test('of a kernel without NUMA is one node', () => {
    mayUse('0-7', '0')
    rmSync(join(root, 'sys/devices/system/node'), { recursive: true })
    write({ 'proc/meminfo': 'MemTotal:  1000 kB\nMemAvailable:  600 kB' })
    expect(readTopology(root)).toMatchObject({
      hasNuma: false,
      nodes: [
        {
          node: 0,
          cores: [
            [0, 4],
            [1, 5],
            [2, 6],
            [3, 7],
          ],
          totalBytes: 1_024_000,
          availableBytes: 614_400,
        },
      ],
    })
  })

  test('of this computer has this process’s CPUs, each once', () => {
    const cpus = readTopology().nodes.flatMap(({ cores }) => cores.flat())
    expect(cpus.length).toBeGreaterThan(0)
    expect(new Set(cpus).size).toBe(cpus.length)
  })
})
