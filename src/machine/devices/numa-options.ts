/** The numa section's schema, and the distances that it gives. */
import * as z from 'zod'
import { zBytes } from '../../units.ts'
import { cacheSchema, hmatEntrySchema } from './numa-hmat.ts'

const CPU_LIST = /^\s*\d+(-\d+)?(\s*,\s*\d+(-\d+)?)*\s*$/

/** Beyond any machine's last CPU. */
const cpuNumber = () => z.int().nonnegative().max(65_535)

const zCpus = z.lazy(() =>
  z
    .union([cpuNumber(), z.string(), z.array(cpuNumber())])
    .transform((value, context): number | readonly number[] => {
      if (typeof value !== 'string') return value
      if (CPU_LIST.test(value)) {
        const listed = value.split(',').flatMap((part) => {
          const [from = 0, to = from] = part.split('-').map(Number)
          return to < from || to - from > 4096
            ? []
            : [Array.from({ length: to - from + 1 }, (_, i) => from + i)]
        })
        if (listed.length === value.split(',').length) return listed.flat()
      }
      context.addIssue({
        code: 'custom',
        message: `"${value}" is no list of CPUs; write a number of CPUs, or indices such as "0-3,8"`,
      })
      return z.NEVER
    }),
)

const node = z.lazy(() =>
  z.strictObject({
    cpus: zCpus
      .optional()
      .describe(
        'Number of CPUs, or their indices: `2`, `"0-1,4"`, `[0, 1, 4]`. 0 makes a memory-only node. Default: an even share of what the others leave.',
      ),
    memory: zBytes
      .optional()
      .describe(
        'Memory of the node; 0 makes a CPU-only node. Default: an even share of what the others leave.',
      ),
    initiator: z
      .int()
      .nonnegative()
      .optional()
      .describe('For a memory-only node: the node whose CPUs are closest to it (HMAT).'),
    hostNodes: z
      .array(z.int().nonnegative())
      .nonempty()
      .optional()
      .describe('NUMA nodes of the host that this node’s memory comes from.'),
  }),
)

const distance = z.lazy(() =>
  z.strictObject({ from: z.int().nonnegative(), to: z.int().nonnegative(), value: z.int() }),
)

const object = z.lazy(() =>
  z.strictObject({
    nodes: z
      .union([
        z
          .int()
          .positive()
          .max(4096)
          .transform((n) => Array.from({ length: n }, () => node.parse({}))),
        z.array(node).nonempty(),
      ])
      .describe('The nodes, or how many even ones.'),
    distances: z
      .union([z.int(), z.array(z.array(z.int())), z.array(distance)])
      .optional()
      .describe(
        'SLIT: one number for every remote pair, a matrix `[from][to]`, or single pairs (the way back is the same unless it is given). 10 is local.',
      ),
    hmat: z.array(hmatEntrySchema).default([]).describe('HMAT: latency and bandwidth between nodes.'),
    caches: z.array(cacheSchema).default([]).describe('HMAT: memory-side caches.'),
  }),
)

export const numaSchema = z.lazy(() =>
  z.union([
    z
      .int()
      .positive()
      .max(4096)
      .transform((nodes) => object.parse({ nodes })),
    object,
  ]),
)

export type NumaConfig = z.output<typeof numaSchema>

type Distance = Readonly<z.output<typeof distance>>

type MachineDistances = number | readonly (readonly number[])[] | readonly Distance[] | undefined

/** Whether QEMU has to make an HMAT. An initiator of a node is told by it too. */
export const usesHmat = (numa: NumaConfig) =>
  numa.hmat.length > 0 || numa.caches.length > 0 || numa.nodes.some((n) => n.initiator !== undefined)

/** The pairs that are given, as QEMU is told them. */
export function distancePairs(numa: {
  readonly nodes: readonly unknown[]
  readonly distances?: MachineDistances
}): readonly Distance[] {
  const { distances } = numa
  if (distances === undefined) return []
  if (typeof distances === 'number') {
    return numa.nodes.flatMap((_, from) =>
      numa.nodes.flatMap((_, to) => (from === to ? [] : [{ from, to, value: distances }])),
    )
  }
  return distances.flatMap((row, from) =>
    Array.isArray(row) ? row.map((value: number, to) => ({ from, to, value })) : [row as Distance],
  )
}
