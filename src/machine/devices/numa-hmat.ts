/** HMAT: how fast each initiator node reaches each memory node, and the caches in front of memory. */
import * as z from 'zod'
import { parseBytes, zBytes } from '../../units.ts'
import { type Argument, option } from '../device.ts'

const zLatency = z.lazy(() =>
  z
    .union([
      z.int().positive(),
      z
        .string()
        .regex(
          /^[1-9]\d*\s*(ns|us|\u00b5s|ms)?$/,
          'write nanoseconds, or a number with ns, us or ms, such as "80ns"',
        ),
    ])
    .transform((value) => {
      if (typeof value === 'number') return value
      return (
        Number.parseInt(value, 10) *
        (value.includes('ms') ? 1_000_000 : value.endsWith('us') || value.endsWith('µs') ? 1000 : 1)
      )
    }),
)

const zBandwidth = z.lazy(() =>
  z.union([z.int().positive(), z.string()]).transform((value, context) => {
    const bytes = typeof value === 'number' ? value : parseBytes(value.replace(/\/s$/, ''))
    if (bytes) return bytes
    context.addIssue({
      code: 'custom',
      message: `"${value}" is not a bandwidth; write bytes per second, or a number with M or G, such as "10G"`,
    })
    return z.NEVER
  }),
)

const node = z.lazy(() => z.int().nonnegative())
const latency = (what: string) => zLatency.optional().describe(`${what} in nanoseconds, or "80ns".`)
const bandwidth = (what: string) =>
  zBandwidth.optional().describe(`${what} in bytes per second, or "10G"; a multiple of 1M.`)

export const hmatEntrySchema = z.lazy(() =>
  z.strictObject({
    initiator: node.describe('Node whose CPUs access the memory.'),
    target: node.describe('Node whose memory is accessed.'),
    hierarchy: z
      .enum(['memory', 'first-level', 'second-level', 'third-level'])
      .default('memory')
      .describe('Memory itself, or the memory-side cache of that level.'),
    latency: latency('Access latency'),
    readLatency: latency('Read latency'),
    writeLatency: latency('Write latency'),
    bandwidth: bandwidth('Access bandwidth'),
    readBandwidth: bandwidth('Read bandwidth'),
    writeBandwidth: bandwidth('Write bandwidth'),
  }),
)

export const cacheSchema = z.lazy(() =>
  z.strictObject({
    node: node.describe('Node whose memory the cache is in front of.'),
    level: z.int().min(1).max(3).default(1),
    size: zBytes,
    associativity: z.enum(['none', 'direct', 'complex']).default('direct'),
    policy: z.enum(['none', 'write-back', 'write-through']).default('write-back'),
    line: z.int().min(0).max(65535).default(64).describe('Bytes of a cache line.'),
  }),
)

export type HmatEntry = z.output<typeof hmatEntrySchema>
type Cache = z.output<typeof cacheSchema>
export interface Hmat {
  readonly hmat: readonly HmatEntry[]
  readonly caches: readonly Cache[]
}

/** The values of an entry, and what QEMU calls them. */
export const KINDS = [
  ['latency', 'access-latency'],
  ['readLatency', 'read-latency'],
  ['writeLatency', 'write-latency'],
  ['bandwidth', 'access-bandwidth'],
  ['readBandwidth', 'read-bandwidth'],
  ['writeBandwidth', 'write-bandwidth'],
] as const

/** One place of the table. */
export interface Value {
  readonly entry: number
  readonly key: (typeof KINDS)[number][0]
  readonly initiator: number
  readonly target: number
  readonly hierarchy: string
  readonly type: (typeof KINDS)[number][1]
  readonly value: number
}

export function valuesOf(hmat: readonly HmatEntry[]): readonly Value[] {
  return hmat.flatMap(({ initiator, target, hierarchy, ...given }, entry) =>
    KINDS.flatMap(([key, type]) => {
      const value = given[key]
      return value === undefined ? [] : [{ entry, key, initiator, target, hierarchy, type, value }]
    }),
  )
}

const byLevel = (caches: readonly Cache[]) => caches.toSorted((a, b) => a.node - b.node || a.level - b.level)

export function hmatArgs({ hmat, caches }: Hmat): readonly Argument[] {
  return [
    ...valuesOf(hmat).map(({ initiator, target, hierarchy, type, value }) =>
      option('-numa', 'hmat-lb', {
        initiator,
        target,
        hierarchy,
        'data-type': type,
        [type.endsWith('latency') ? 'latency' : 'bandwidth']: value,
      }),
    ),
    ...byLevel(caches).map(({ node, size, level, associativity, policy, line }) =>
      option('-numa', 'hmat-cache', { 'node-id': node, size, level, associativity, policy, line }),
    ),
  ]
}
