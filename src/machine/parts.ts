/** A machine taken apart: the lines of the registry with the configuration that belongs to each, and the view of the whole. */
import type { Device, GuestPort, MachineView } from './device.ts'
import { firmwareOf } from './devices/boot.ts'
import { cpuCounts } from './devices/cpu.ts'
import { hasScreen } from './devices/display.ts'
import type { SharedMemory } from './devices/ivshmem-schema.ts'
import { nodeViews } from './devices/numa.ts'
import { ramBytesOf } from './devices/numa-split.ts'
import type { MachineConfig } from './machine-schema.ts'
import { devices, sections } from './registry.ts'

/**
 * One line of the registry together with the configuration that belongs to it. The types of the two match by
 * construction, which TypeScript cannot follow through a list: `never` makes every other pairing an error.
 */
export interface Part {
  readonly device: Device<string>
  readonly config: never
  /** Where it stands in the description: `cpu`, `devices[2]`. */
  readonly path: string
  readonly id: string
}

const SECTIONS = Object.entries(sections) as unknown as readonly (readonly [
  keyof typeof sections,
  Device<string>,
])[]
const BY_KIND = new Map<string, Device<string>>(devices.map((d) => [d.kind, d as unknown as Device<string>]))

const partsCache = new WeakMap<MachineConfig, readonly Part[]>()
const viewCache = new WeakMap<MachineConfig, MachineView>()

/** Every part of the machine in the order in which it is checked and compiled: sections first, then the devices. */
export function partsOf(machine: MachineConfig): readonly Part[] {
  const known = partsCache.get(machine)
  if (known) return known
  const parts = [...sectionParts(machine), ...deviceParts(machine)]
  partsCache.set(machine, parts)
  return parts
}

function sectionParts(machine: MachineConfig): readonly Part[] {
  return SECTIONS.flatMap(([key, device]) => {
    const config = machine[key]
    return config === undefined ? [] : [{ device, config: config as never, path: key, id: key }]
  })
}

/** Devices without an id are called by kind and number, counted per kind: `nvdimm0`. */
function deviceParts(machine: MachineConfig): readonly Part[] {
  const counts = new Map<string, number>()
  return machine.devices.map((config, index) => {
    const n = counts.get(config.kind) ?? 0
    counts.set(config.kind, n + 1)
    const device = BY_KIND.get(config.kind)
    if (!device) throw new Error(`no device of kind ${config.kind} in the registry`)
    const id = config.id ?? `${config.kind}${n}`
    return { device, config: { ...config, id } as never, path: `devices[${index}]`, id }
  })
}

/** What every device may know of the whole. */
export function viewOf(name: string, machine: MachineConfig): MachineView {
  const known = viewCache.get(machine)
  if (known?.name === name) return known
  const view = makeView(name, machine)
  viewCache.set(machine, view)
  return view
}

function makeView(name: string, machine: MachineConfig): MachineView {
  const parts = partsOf(machine)
  const dimms = parts.flatMap((p) => p.device.dimms?.(p.config) ?? [])
  const { size, hugePages, max } = machine.memory
  const ramBytes = ramBytesOf(size, {
    nodes: machine.numa?.nodes ?? [],
    dimmBytes: dimms.reduce((sum, dimm) => sum + dimm.bytes, 0),
    ...(hugePages === undefined ? {} : { hugePages }),
    ...(max === undefined ? {} : { max }),
  })
  const cpus = cpuCounts(machine.cpu, machine.numa)
  return {
    name,
    ...(machine.home === undefined ? {} : { home: machine.home }),
    type: machine.type,
    accel: machine.accel,
    ramBytes,
    memory: machine.memory,
    cpus,
    nodes: nodeViews(machine.numa, { ramBytes, pageBytes: machine.memory.hugePages, cpus }),
    dimms,
    firmware: firmwareOf(machine.boot),
    debugExit: machine.debugExit !== false,
    hasScreen: hasScreen(machine),
    ...physBitsOf(machine.cpu.features),
    qemuArgs: machine.qemuArgs,
    isConsoleVirtio: machine.console.type === 'virtio',
    nvdimmPersistence: machine.nvdimmPersistence,
    devices: parts
      .filter((p) => p.path.startsWith('devices['))
      .map((p) => ({ kind: p.device.kind, id: p.id, path: p.path, config: p.config })),
  }
}

function physBitsOf(features: readonly string[]): { readonly physBits?: number } {
  const said = features.findLast((feature) => feature.startsWith('phys-bits='))
  return said === undefined ? {} : { physBits: Number(said.slice('phys-bits='.length)) }
}

/** Ports of the guest that are reachable from this computer. */
export function forwardsOf(machine: MachineConfig): readonly GuestPort[] {
  return partsOf(machine).flatMap(({ device, config }) => device.forwards?.(config) ?? [])
}

/** Devices that join memory of the rack have its size and all that it says of itself. */
export function withMemories(
  machine: MachineConfig,
  memories: Readonly<Record<string, SharedMemory>> = {},
): MachineConfig {
  const joining = partsOf(machine).filter(({ device, config }) => device.memories?.(config).length)
  if (joining.length === 0) return machine
  return {
    ...machine,
    devices: machine.devices.map((config) => {
      const device = BY_KIND.get(config.kind)
      return (device?.withMemories?.(config as never, memories) as typeof config | undefined) ?? config
    }),
  }
}
