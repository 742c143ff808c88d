/** What a guest must see of the HMAT: latency and bandwidth, memory-side caches, the initiators closest to a node. */
import { formatBytes } from '../../units.ts'
import type { Expectation } from '../device.ts'
import type { GuestHmatEntry, HardwareView } from '../guest-view.ts'
import { type Value, valuesOf } from './numa-hmat.ts'
import type { NumaConfig } from './numa-options.ts'

export function hmatExpectations({ hmat, caches, nodes }: NumaConfig): readonly Expectation[] {
  return [
    ...valuesOf(hmat).map(valueExpectation),
    ...caches.map(cacheExpectation),
    ...nodes.flatMap(({ initiator }, target) =>
      initiator === undefined ? [] : [initiatorExpectation(target, initiator)],
    ),
  ]
}

function valueExpectation({ initiator, target, hierarchy, type, value }: Value): Expectation {
  const isLatency = type.endsWith('latency')
  // QEMU takes nanoseconds; the guest sees picoseconds.
  const show = (n: number) => (isLatency ? `${n / 1000} ns` : `${formatBytes(n)}/s`)
  const find = (entries: readonly GuestHmatEntry[], wanted: string) =>
    entries.find(
      (e) =>
        e.initiator === initiator && e.target === target && e.hierarchy === hierarchy && e.type === wanted,
    )
  return {
    device: 'numa',
    aspect: `HMAT ${hierarchy} ${type} ${initiator} → ${target}`,
    want: show(isLatency ? value * 1000 : value),
    see: ({ hmat, hmatOfNearest, initiators }) => {
      if (hmat) {
        const entry = find(hmat, type)
        return entry ? show(entry.value) : null
      }
      if (!hmatOfNearest) return undefined
      const ofTarget = hmatOfNearest.filter((e) => e.target === target)
      // Of an initiator that is not among the nearest, nothing is reported.
      const isFar = initiators?.some((i) => i.target === target && i.initiator !== initiator)
      if (ofTarget.length === 0) return isFar ? undefined : null
      // Reads and writes are reported apart, and for the best initiators only.
      const parts = type.startsWith('access-')
        ? ['read', 'write'].map((kind) => find(ofTarget, type.replace('access', kind)))
        : [find(ofTarget, type)]
      const seen = [...new Set(parts.flatMap((part) => (part ? [show(part.value)] : [])))]
      return seen.length > 0 ? seen.join(' and ') : undefined
    },
  }
}

function cacheExpectation(cache: NumaConfig['caches'][number]): Expectation {
  const { node, level, size, associativity, policy, line } = cache
  const show = (of: Omit<typeof cache, 'node' | 'level'>) =>
    `${formatBytes(of.size)}, ${of.associativity}, ${of.policy}, line ${of.line}`
  return {
    device: `node ${node}`,
    aspect: `memory-side cache ${level}`,
    want: show({ size, associativity, policy, line }),
    see: ({ caches }) => {
      if (!caches) return undefined
      const seen = caches.find((c) => c.node === node && c.level === level)
      return seen
        ? show({ ...(seen as Pick<typeof cache, 'associativity' | 'policy' | 'line'>), size: seen.bytes })
        : null
    },
  }
}

function initiatorExpectation(target: number, initiator: number): Expectation {
  return {
    device: `node ${target}`,
    aspect: 'initiator',
    want: `${initiator}`,
    see: ({ initiators }: HardwareView) => {
      if (!initiators) return undefined
      const seen = initiators.flatMap((i) =>
        i.target === target && i.initiator !== null ? [i.initiator] : [],
      )
      if (seen.length === 0) return null
      return seen.includes(initiator) ? `${initiator}` : seen.join(', ')
    },
  }
}
