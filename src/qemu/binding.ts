/**
 * What the threads and the memory of a QEMU are really bound to, as this computer's kernel reports it. Sources:
 * proc(5), "/proc/pid/status", "/proc/pid/numa_maps"; numa(7).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { formatCpuList, parseCpuList } from '../cpu-list.ts'
import { defineDiagnostics } from '../diagnostics.ts'
import { type MachineConfig, viewOf } from '../machine/machine.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { Comparison } from '../plan/verify.ts'
import { affinityOf } from './pinning.ts'
import type { QmpClient } from './qmp.ts'

export const problems = defineDiagnostics({
  BINDING_DIFFERS: {
    title: 'Threads or memory of QEMU are not bound as the plan says.',
    why: 'a guest that runs elsewhere measures something else',
    remedy:
      'see that no other program (numad, irqbalance, a job scheduler) moves QEMU; `placement: false` omits the binding',
    source: 'proc(5), numa(7)',
  },
})

const BY = 'this computer'

type Bound = Pick<GuestPlan, 'pins' | 'placement' | 'name' | 'machine'>

/** One row for the pins, one for the other threads of a guest that was placed, one for each bound memory. */
export async function readBinding(
  plan: Bound,
  { qmp, pid }: { readonly qmp: QmpClient; readonly pid: number },
): Promise<readonly Comparison[]> {
  const { pins, placement } = plan
  const cpus = pins.length > 0 || placement ? await qmp.execute('query-cpus-fast') : []
  const threads = new Map(cpus.map((cpu) => [cpu['cpu-index'], cpu['thread-id']]))
  const wanted = boundMemory(plan)
  const regions = wanted.length > 0 ? await regionsOf(wanted, { qmp, pid }) : new Map<string, string>()
  return [
    ...(pins.length > 0 ? [pinRow(pins, threads)] : []),
    ...(placement ? [threadRow(placement.hostCpus, new Set(threads.values()), pid)] : []),
    ...wanted.map(({ device, id, want }) => {
      const got = regions.get(id) ?? null
      return { device, aspect: 'hostNodes', want, got, ok: got === want, by: BY }
    }),
  ]
}

function pinRow(pins: GuestPlan['pins'], threads: ReadonlyMap<number, number>): Comparison {
  const text = (hostCpusOf: (pin: GuestPlan['pins'][number]) => string) => {
    const groups = new Map<string, number[]>()
    for (const pin of pins.toSorted((a, b) => a.cpu - b.cpu))
      groups.set(hostCpusOf(pin), [...(groups.get(hostCpusOf(pin)) ?? []), pin.cpu])
    return [...groups].map(([host, cpus]) => `${formatCpuList(cpus)} on ${host}`).join(', ')
  }
  const want = text(({ hostCpus }) => formatCpuList(hostCpus))
  const got = text(({ cpu }) => affinityOf(threads.get(cpu) ?? 0) ?? 'nothing that can be read')
  return { device: 'cpu', aspect: 'pins', want, got, ok: got === want, by: BY }
}

/** All threads but those of CPUs. Some may run on fewer CPUs than the others, as QEMU itself decides, but on no others. */
function threadRow(hostCpus: readonly number[], vcpus: ReadonlySet<number>, pid: number): Comparison {
  const want = formatCpuList(hostCpus)
  const lists = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    vcpus.has(Number(thread)) ? [] : (affinityOf(Number(thread)) ?? []),
  )
  const got = lists.length === 0 ? null : formatCpuList(lists.flatMap(parseCpuList))
  return { device: 'QEMU', aspect: 'threads', want, got, ok: got === want, by: BY }
}

interface BoundMemory {
  readonly device: string
  /** Of the backend object. */
  readonly id: string
  readonly nodes: readonly number[]
  readonly policy: string
  readonly want: string
}

/** Backends of RAM whose description names nodes of this computer. */
function boundMemory({ name, machine }: Pick<Bound, 'name' | 'machine'>): readonly BoundMemory[] {
  const { memory } = machine
  const policy = memory.policy ?? 'bind'
  const one = (device: string, id: string, nodes: readonly number[] | undefined): readonly BoundMemory[] =>
    nodes === undefined ? [] : [{ device, id, nodes, policy, want: `${policy} ${formatCpuList(nodes)}` }]
  const views = viewOf(name, machine as MachineConfig).nodes
  if (views.length === 0) return one('memory', 'ram', memory.hostNodes)
  return views.flatMap(({ bytes, hostNodes }, node) =>
    bytes === 0 ? [] : one(`node ${node}`, `node${node}-ram`, hostNodes ?? memory.hostNodes),
  )
}

/** What the kernel says of each backend's mapping; those that are not found are absent. */
async function regionsOf(
  wanted: readonly BoundMemory[],
  { qmp, pid }: { readonly qmp: QmpClient; readonly pid: number },
): Promise<ReadonlyMap<string, string>> {
  const ask = (line: string) => qmp.execute('human-monitor-command', { 'command-line': line })
  const tree = await ask('info mtree -f')
  const maps = numaMaps(pid)
  const found = new Map<string, string>()
  for (const memory of wanted) {
    const start = guestAddressOf(memory.id, tree)
    const answer = start === undefined ? '' : await ask(`gpa2hva 0x${start}`)
    const address = /is 0x([0-9a-f]+)/.exec(answer)?.[1]
    const line = address === undefined ? undefined : maps.get(address)
    if (line !== undefined) found.set(memory.id, policyText(line, memory))
  }
  return found
}

/** Where the guest sees the first byte of a backend: `0000000000000000-000000000009ffff (prio 0, ram): node0-ram`. */
function guestAddressOf(id: string, tree: string): string | undefined {
  for (const line of tree.split(/\r?\n/)) {
    const [, start, name, offset] =
      /^\s+([0-9a-f]{16})-[0-9a-f]{16} \(prio -?\d+, \w+\): (\S+)(?: @([0-9a-f]+))?/.exec(line) ?? [
        '',
        '',
        '',
        '',
      ]
    if (name === id && /^0*$/.test(offset ?? '')) return start
  }
  return undefined
}

/** Lines of numa_maps by the address at which the mapping begins. */
function numaMaps(pid: number): ReadonlyMap<string, string> {
  try {
    const lines = readFileSync(`/proc/${pid}/numa_maps`, 'latin1').split('\n')
    return new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')).replace(/^0+/, ''), line]))
  } catch {
    return new Map()
  }
}

/** `bind 0`; with pages elsewhere `bind 0, 12 pages on node 1`. `prefer` and `prefer (many)` are both `preferred`. */
export function policyText(line: string, { nodes, policy }: Pick<BoundMemory, 'nodes' | 'policy'>): string {
  const [, name = '', list = ''] =
    /^\S+ (default|bind|interleave|local|prefer(?: \(many\))?)(?:=[^:\s]*)?(?::([\d,-]+))?/.exec(line) ?? []
  const kind = name.startsWith('prefer') ? 'preferred' : name
  const got = parseCpuList(list)
  // An older kernel prefers the first of several nodes.
  const isPreferred =
    kind === 'preferred' && policy === 'preferred' && got.every((node) => nodes.includes(node))
  const there = isPreferred ? nodes : got
  const strays = [...line.matchAll(/ N(\d+)=(\d+)/g)].filter(
    ([, node]) => policy !== 'preferred' && !nodes.includes(Number(node)),
  )
  const elsewhere = strays.map(([, node, pages]) => `, ${pages} pages on node ${node}`)
  return `${`${kind} ${formatCpuList(there)}`.trim()}${elsewhere.join('')}`
}
