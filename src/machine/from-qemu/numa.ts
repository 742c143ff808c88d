/** NUMA nodes, distances and HMAT of a command. */
import type { QemuOption } from '../qemu-args.ts'
import { type BackendKeys, backendKeys } from './backends.ts'
import { bandwidthOf, compact, listOf, numberOf, numbersIn, ramSizeOf, sizeOf, sizeText } from './fields.ts'
import { byId, type Command, type Keys, lost, named, type Remark, textOf } from './finding.ts'

export interface ReadNuma {
  readonly uses: readonly QemuOption[]
  readonly numa: Keys
  /** What the memory of all nodes is made of. */
  readonly memory: BackendKeys['keys']
  readonly saysMemory: boolean
  readonly remarks: readonly Remark[]
}

/** Undefined without nodes. */
export function readNuma(command: Command): ReadNuma | undefined {
  const all = named(command, 'numa')
  const of = (kind: string) => all.filter((o) => o.head === kind)
  const nodes = of('node').toSorted((a, b) => idOf(a, 0) - idOf(b, 0))
  if (nodes.length === 0) return undefined
  const read = nodes.map((node) => readNode(command, node))
  const backends = read.flatMap(({ backend }) => (backend === undefined ? [] : [backend]))
  const { hostNodes: _, ...memory } = backends[0]?.keys ?? {}
  const distances = of('dist').map((o) => ({
    from: numberOf(o.keys.get('src')),
    to: numberOf(o.keys.get('dst')),
    value: numberOf(o.keys.get('val')),
  }))
  const others = all.filter((o) => !['node', 'dist', 'hmat-lb', 'hmat-cache'].includes(o.head ?? ''))
  const [hmat, caches] = [entriesOf(of('hmat-lb')), of('hmat-cache').map(cacheOf)]
  return {
    uses: [...all, ...read.flatMap(({ object }) => (object === undefined ? [] : [object]))],
    numa: {
      nodes: read.map(({ node }) => node),
      ...(distances.length > 0 ? { distances } : {}),
      ...(hmat.length > 0 ? { hmat } : {}),
      ...(caches.length > 0 ? { caches } : {}),
    },
    memory,
    saysMemory: read.every(({ node }) => node.memory !== undefined),
    remarks: [
      ...backends.flatMap(({ remarks }) => remarks),
      ...others.map((o) => lost(textOf(o), 'CPUs are placed on nodes by their numbers: numa.nodes[].cpus')),
    ],
  }
}

const idOf = ({ keys }: QemuOption, otherwise: number) => numberOf(keys.get('nodeid')) ?? otherwise

function readNode(command: Command, option: QemuOption) {
  const object = byId(command, ['object'], option.keys.get('memdev'))
  const backend = object && backendKeys(object)
  const bytes = backend?.bytes ?? ramSizeOf(option.keys.get('mem'))
  const cpus = numbersIn(listOf(option, 'cpus')) ?? []
  const node = compact({
    cpus: cpus.length === 0 ? 0 : listOf(option, 'cpus').join(','),
    memory: sizeText(bytes ?? 0),
    initiator: numberOf(option.keys.get('initiator')),
    hostNodes: backend?.keys.hostNodes,
  })
  return { node, object, backend }
}

const KINDS: Readonly<Record<string, string>> = {
  'access-latency': 'latency',
  'read-latency': 'readLatency',
  'write-latency': 'writeLatency',
  'access-bandwidth': 'bandwidth',
  'read-bandwidth': 'readBandwidth',
  'write-bandwidth': 'writeBandwidth',
}

/** Values of one pair that follow one another are one entry. */
function entriesOf(options: readonly QemuOption[]): readonly Keys[] {
  const entries: Record<string, unknown>[] = []
  const order = Object.values(KINDS)
  for (const { keys } of options) {
    const kind = KINDS[keys.get('data-type') ?? ''] ?? 'latency'
    const pair = {
      initiator: numberOf(keys.get('initiator')),
      target: numberOf(keys.get('target')),
      hierarchy: keys.get('hierarchy') ?? 'memory',
    }
    const value = kind.toLowerCase().endsWith('latency')
      ? numberOf(keys.get('latency'))
      : bandwidthOf(keys.get('bandwidth'))
    const last = entries.at(-1)
    const isSame =
      last !== undefined &&
      Object.entries(pair).every(([key, of]) => last[key] === of) &&
      order.every((key, i) => last[key] === undefined || i < order.indexOf(kind))
    if (isSame) last[kind] = value
    else entries.push({ ...pair, [kind]: value })
  }
  return entries
}

function cacheOf({ keys }: QemuOption): Keys {
  const size = sizeOf(keys.get('size'))
  return compact({
    node: numberOf(keys.get('node-id')),
    level: numberOf(keys.get('level')),
    size: size === undefined ? undefined : sizeText(size),
    associativity: keys.get('associativity'),
    policy: keys.get('policy'),
    line: numberOf(keys.get('line')),
  })
}
