/**
 * Defaults that give way: what a profile takes for granted never contradicts what follows from the user's words. Pure.
 */
import { parseBytes } from '../units.ts'
import type { Device } from './device.ts'
import { namesCard } from './devices/display.ts'
import { defaultRamBytes } from './devices/numa-split.ts'
import { mergeMachine, normalSection } from './flags.ts'
import type { MachineInput } from './machine-schema.ts'
import { devices } from './registry.ts'

type DeviceInput = NonNullable<MachineInput['devices']>[number]
type Section = Readonly<Record<string, unknown>>

/**
 * The defaults without what the user's words decide otherwise. Both are descriptions as written; the wanted one has
 * met the schema.
 */
export function settleDefaults(defaults: MachineInput, wanted: MachineInput): MachineInput {
  const settled: Record<string, unknown> = { ...defaults }
  const set = (key: string, value: unknown) => {
    if (value === undefined) delete settled[key]
    else settled[key] = value
  }
  for (const [key, settle] of Object.entries(RULES))
    if (defaults[key as keyof MachineInput] !== undefined) set(key, settle(defaults, wanted))
  return settled as MachineInput
}

type Rule = (defaults: MachineInput, wanted: MachineInput) => unknown

const RULES: Readonly<Record<string, Rule>> = {
  type: ({ type }, wanted) => ((wanted.devices ?? []).some(needsAnother(type)) ? undefined : type),
  memory: settleMemory,
  cpu: settleCpu,
  numa: settleNuma,
  display: ({ display }, { qemuArgs = [] }) => (namesCard(qemuArgs) ? undefined : display),
  boot: settleBoot,
  devices: settleDevices,
}

/** Kinds that this machine type has no place for. */
const needsAnother =
  (type: string | undefined) =>
  ({ kind }: DeviceInput): boolean =>
    (devices as readonly Device[]).some(
      (device) => device.kind === kind && device.machineType !== undefined && device.machineType !== type,
    )

const sectionOf = (machine: MachineInput, key: 'cpu' | 'memory' | 'numa' | 'boot'): Section =>
  (normalSection(key, machine[key]) ?? {}) as Section

const isSaid = (section: Section, keys: readonly string[]) => keys.some((key) => section[key] !== undefined)

const without = (section: Section, keys: readonly string[]): Section =>
  Object.fromEntries(Object.entries(section).filter(([key]) => !keys.includes(key)))

const bytesOf = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : typeof value === 'string' ? parseBytes(value) : undefined

/** The nodes that are described one by one; none where a number of even ones is said. */
function nodesOf(numa: Section): readonly Section[] {
  return Array.isArray(numa.nodes) ? (numa.nodes as readonly Section[]) : []
}

/** RAM follows from the nodes, from the page size, and from the maximum. */
function settleMemory(defaults: MachineInput, wanted: MachineInput): Section {
  const [own, said] = [sectionOf(defaults, 'memory'), sectionOf(wanted, 'memory')]
  const size = bytesOf(own.size)
  if (size === undefined || said.size !== undefined) return own
  const nodes = nodesOf(sectionOf(wanted, 'numa')).map((node) => {
    const memory = bytesOf(node.memory)
    return memory === undefined ? {} : { memory }
  })
  const hugePages = bytesOf(said.hugePages)
  const max = bytesOf(said.max)
  const ramBytes = defaultRamBytes(size, {
    nodes,
    ...(hugePages === undefined ? {} : { hugePages }),
    ...(max === undefined ? {} : { max }),
    dimmBytes: dimmBytesOf(mergeMachine(defaults, wanted)),
  })
  return ramBytes === size ? own : { ...own, size: ramBytes }
}

/** What the devices claim of the maximum, by their sizes as written. */
function dimmBytesOf({ devices: list = [] }: MachineInput): number {
  const claiming = devices.filter((device) => 'dimms' in device).map((device) => device.kind as string)
  return list.reduce(
    (sum, device) =>
      claiming.includes(device.kind) ? sum + (bytesOf((device as { size?: unknown }).size) ?? 0) : sum,
    0,
  )
}

const TOPOLOGY = ['count', 'max', 'sockets', 'dies', 'cores', 'threads']

function settleCpu(defaults: MachineInput, wanted: MachineInput): Section {
  const [own, said] = [sectionOf(defaults, 'cpu'), sectionOf(wanted, 'cpu')]
  const isCounted =
    isSaid(said, TOPOLOGY) || nodesOf(sectionOf(wanted, 'numa')).some((node) => node.cpus !== undefined)
  const counts = isCounted ? without(own, TOPOLOGY) : own
  return counts.model === 'host' && wanted.accel === 'tcg' ? without(counts, ['model']) : counts
}

/** Other nodes have other distances; another size or number of CPUs is divided anew. */
function settleNuma(defaults: MachineInput, wanted: MachineInput): unknown {
  const own = sectionOf(defaults, 'numa')
  if (sectionOf(wanted, 'numa').nodes !== undefined)
    return without(own, ['nodes', 'distances', 'hmat', 'caches'])
  const isSized = sectionOf(wanted, 'memory').size !== undefined
  const isCounted = isSaid(sectionOf(wanted, 'cpu'), TOPOLOGY)
  const shares = [...(isSized ? ['memory'] : []), ...(isCounted ? ['cpus'] : [])]
  const nodes = nodesOf(own)
  return nodes.length === 0 ? own : { ...own, nodes: nodes.map((node) => without(node, shares)) }
}

/** What the user boots decides how it starts, and replaces what the profile would boot. */
function settleBoot(defaults: MachineInput, wanted: MachineInput): Section {
  const [own, said] = [sectionOf(defaults, 'boot'), sectionOf(wanted, 'boot')]
  const isEfi = isSaid(said, ['esp', 'code', 'variables'])
  const isStarted = said.firmware === undefined && (said.kernel !== undefined || isEfi)
  // "bios" with a disk boots that disk.
  const isFromDisk =
    said.firmware === 'bios' &&
    said.kernel === undefined &&
    (wanted.devices ?? []).some((device) => (device as { bootindex?: number }).bootindex !== undefined)
  const gone = [
    ...(isStarted ? ['firmware'] : []),
    ...(said.kernel !== undefined ? ['esp'] : []),
    ...(isFromDisk || (said.esp !== undefined && said.kernel === undefined)
      ? ['kernel', 'initrd', 'append']
      : []),
  ]
  return without(own, gone)
}

/** A default device gives up its node where that node does not exist, and its place in the order of boot where that is taken. */
function settleDevices(defaults: MachineInput, wanted: MachineInput): readonly DeviceInput[] {
  const nodes = sectionOf(wanted, 'numa').nodes
  const count = Array.isArray(nodes) ? nodes.length : typeof nodes === 'number' ? nodes : undefined
  const said = wanted.devices ?? []
  const taken = new Set(said.map((device) => (device as { bootindex?: number }).bootindex))
  return (defaults.devices ?? []).map((device) => {
    const { node, bootindex } = device as { node?: number; bootindex?: number }
    const isNodeless = node !== undefined && count !== undefined && node >= count
    const isSaid = said.some((other) => other.id !== undefined && other.id === device.id)
    const placed = isNodeless ? without(device as unknown as Section, ['node']) : device
    if (bootindex === undefined || isSaid || !taken.has(bootindex)) return placed as DeviceInput
    return { ...placed, bootindex: firstFree(taken, bootindex) } as DeviceInput
  })
}

function firstFree(taken: ReadonlySet<number | undefined>, from: number): number {
  return taken.has(from) ? firstFree(taken, from + 1) : from
}
