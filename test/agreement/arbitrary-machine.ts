/** Random machines that are meant to be right. Small, so that a boot takes a fraction of a second. */
import fc from 'fast-check'
import type { MachineInput } from '../../src/machine/machine.ts'
import { KiB, MiB } from '../../src/units.ts'
import { arbitraryDevices } from './arbitrary-devices.ts'

type Cpu = Extract<MachineInput['cpu'], object>
type Memory = Extract<MachineInput['memory'], { readonly size?: unknown }>
type Numa = Extract<MachineInput['numa'], object>
type Node = Extract<Numa['nodes'], readonly unknown[]>[number]

/** CPUs at boot, and all that there may ever be. */
interface Counts {
  readonly count: number
  readonly max: number
}

const topology = fc
  .record({
    sockets: fc.integer({ min: 1, max: 2 }),
    dies: fc.constantFrom(1, 1, 1, 2),
    cores: fc.integer({ min: 1, max: 3 }),
    threads: fc.integer({ min: 1, max: 2 }),
  })
  .filter(({ sockets, dies, cores, threads }) => sockets * dies * cores * threads <= 8)
  .chain((shape) => {
    const max = shape.sockets * shape.dies * shape.cores * shape.threads
    return fc.integer({ min: 1, max }).map((count): Cpu => ({ ...shape, count, max }))
  })

const cpus: fc.Arbitrary<Cpu> = fc.oneof(
  fc.integer({ min: 1, max: 6 }).map((count): Cpu => ({ count })),
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
    .map(([count, more]): Cpu => ({ count, max: count + more })),
  topology,
)

const countsOf = ({ count = 1, max = count }: Cpu): Counts => ({ count, max })

const ramBytes = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 16, max: 256 }).map((n) => n * MiB) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 1000 }).map((n) => 16 * MiB + n * 8 * KiB),
  },
)

const backend: fc.Arbitrary<Partial<Memory>> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        backend: fc.constantFrom('ram', 'memfd'),
        share: fc.boolean(),
        prealloc: fc.boolean(),
      },
      { requiredKeys: ['backend'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ path: fc.constantFrom('folder'), share: fc.boolean() }),
  },
)

/** Slots and maximum beyond what the devices need. */
const room: fc.Arbitrary<Partial<Memory>> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ slots: fc.integer({ min: 4, max: 16 }), max: fc.constant('4G') }) },
  { weight: 1, arbitrary: fc.record({ slots: fc.integer({ min: 4, max: 16 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      hotplug: fc.record({ size: fc.constantFrom('64M', '256M'), slots: fc.integer({ min: 1, max: 4 }) }),
    }),
  },
)

/** Every CPU on some node, memory in whole MiB; nodes without CPUs and nodes without memory come up. */
function explicitNodes({ max }: Counts): fc.Arbitrary<readonly Node[]> {
  return fc
    .integer({ min: 1, max: 4 })
    .chain((n) =>
      fc.record({
        places: fc.array(fc.integer({ min: 0, max: n - 1 }), { minLength: max, maxLength: max }),
        sizes: fc.array(fc.constantFrom(0, 16, 24, 32, 48, 64), { minLength: n, maxLength: n }),
      }),
    )
    .filter(({ sizes }) => sizes.some((size) => size > 0))
    .map(({ places, sizes }) =>
      sizes.map((size, node) => ({
        cpus: places.flatMap((place, cpu) => (place === node ? [cpu] : [])),
        memory: `${size}M`,
      })),
    )
}

/** Counts and sizes left open here and there. */
function looseNodes({ count }: Counts): fc.Arbitrary<readonly Node[]> {
  return fc
    .integer({ min: 1, max: Math.min(4, count) })
    .chain((n) => fc.array(fc.constantFrom<Node>({}, { cpus: 1 }), { minLength: n, maxLength: n }))
    .map((nodes) => [...nodes, {}])
}

const remote = fc.integer({ min: 11, max: 254 })

function distances(n: number): fc.Arbitrary<Numa['distances']> {
  const cell = (from: number, to: number) => (from === to ? fc.constant(10) : remote)
  const rows = Array.from({ length: n }, (_, from) =>
    fc.tuple(...Array.from({ length: n }, (_, to) => cell(from, to))),
  )
  const pairs = Array.from({ length: n }, (_, to) => Array.from({ length: to }, (_, from) => ({ from, to })))
  const oneWay = pairs
    .flat()
    .map((pair) => fc.tuple(remote, fc.boolean()).map(([value, isBack]) => turned(pair, value, isBack)))
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    remote,
    fc.tuple(...rows),
    ...(oneWay.length > 0 ? [fc.tuple(...oneWay)] : []),
  )
}

function turned({ from, to }: { from: number; to: number }, value: number, isBack: boolean) {
  return isBack ? { from: to, to: from, value } : { from, to, value }
}

/** Latency and bandwidth between nodes with CPUs and nodes with memory, with small numbers that share a base. */
function hmat(nodes: readonly Node[]): fc.Arbitrary<Partial<Numa>> {
  const initiators = nodes.flatMap((n, i) => (Array.isArray(n.cpus) && n.cpus.length > 0 ? [i] : []))
  const targets = nodes.flatMap((n, i) => (n.memory === '0M' ? [] : [i]))
  if (initiators.length === 0 || targets.length === 0) return fc.constant({})
  const pairs = initiators.flatMap((initiator) => targets.map((target) => ({ initiator, target })))
  const entries = pairs.map((pair) =>
    fc
      .tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 64 }))
      .map(([latency, bandwidth]) => ({ ...pair, latency, bandwidth: `${bandwidth}G` })),
  )
  const caches = fc.constantFrom(
    [],
    targets.slice(0, 1).map((node) => ({ node, level: 1 as const, size: '1M' })),
  )
  return fc.tuple(fc.tuple(...entries), caches).map(([hmat, caches]) => ({ hmat, caches }))
}

function numa(counts: Counts): fc.Arbitrary<Numa | number | undefined> {
  const list = fc
    .oneof(explicitNodes(counts), looseNodes(counts))
    .chain((nodes) =>
      fc
        .tuple(
          distances(nodes.length),
          fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: hmat(nodes) }),
        )
        .map(([distances, table]): Numa => ({ nodes: [...nodes] as never, distances, ...table })),
    )
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
    { weight: 4, arbitrary: list },
  )
}

const nodeCount = (numa: Numa | number | undefined) =>
  numa === undefined
    ? 0
    : typeof numa === 'number'
      ? numa
      : typeof numa.nodes === 'number'
        ? numa.nodes
        : numa.nodes.length

/** Nodes that say their memory say the machine's. */
function sizeOf(numa: Numa | number | undefined): boolean {
  return (
    typeof numa === 'object' &&
    typeof numa.nodes === 'object' &&
    numa.nodes.some((n) => n.memory !== undefined)
  )
}

/** UEFI takes seconds under TCG, so it comes up seldom. */
const boot: fc.Arbitrary<MachineInput['boot']> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record(
      {
        rom: fc.constantFrom('auto', 'seabios', 'qboot'),
        append: fc.constantFrom('x=1', 'x=1,2 y', 'quiet'),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: fc.constant({ firmware: 'uefi' as const }) },
)

/** Arguments of the user's own that change nothing of what is described. */
const qemuArgs: fc.Arbitrary<MachineInput['qemuArgs']> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ['-name', 'guest'],
      ['-rtc', 'base=utc'],
      ['-device', 'virtio-rng-pci'],
      ['-object', 'rng-random,id=own-rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=own-rng'],
      ['-device', 'vmgenid'],
      ['-device', "{'driver':'virtio-rng-pci'}"],
      ['-usb', '-device', 'usb-tablet', '-device', 'usb-kbd'],
      ['-device', '{"driver":"usb-kbd"}', '-device', 'qemu-xhci'],
    ),
  },
)

/** A machine that bringup should accept, and QEMU too. */
export const arbitraryMachine: fc.Arbitrary<MachineInput> = fc
  .tuple(cpus, fc.constantFrom('q35' as const, 'q35' as const, 'pc' as const))
  .chain(([cpu, type]) =>
    numa(countsOf(cpu)).chain((numa) =>
      fc
        .record({
          type: fc.constant(type),
          cpu: fc.constant(cpu),
          memory: fc
            .tuple(ramBytes, backend, room)
            .map(([size, backend, room]) => ({ ...(sizeOf(numa) ? {} : { size }), ...backend, ...room })),
          numa: fc.constant(numa),
          boot,
          console: fc.oneof(
            { weight: 12, arbitrary: fc.constant(undefined) },
            { weight: 1, arbitrary: fc.constantFrom('virtio' as const, { type: 'serial' as const }) },
          ),
          nvdimmPersistence: fc.constantFrom(undefined, 'cpu', 'mem-ctrl'),
          devices: arbitraryDevices(nodeCount(numa), type),
          pins: fc.constantFrom(undefined, undefined, [{ cpu: 0, hostCpus: [0] }]),
          qemuArgs,
        })
        .map(
          (machine): MachineInput => withoutUndefined({ accel: 'tcg', ...withRoom(machine) } as MachineInput),
        ),
    ),
  )

/** UEFI wants more RAM than the other machines have; it is drawn for those that have no nodes to share it out to. */
function withRoom<T extends Pick<MachineInput, 'boot' | 'memory' | 'numa'>>(machine: T): T {
  if (machine.boot?.firmware !== 'uefi') return machine
  if (sizeOf(machine.numa as Numa | number | undefined)) return { ...machine, boot: {} }
  return { ...machine, memory: { ...(machine.memory as Memory), size: '128M' } }
}

/** So that a printed description is one that can be pasted. */
export function withoutUndefined(machine: MachineInput): MachineInput {
  return JSON.parse(JSON.stringify(machine))
}
