/**
 * The machine description: its schema, and what is derived from it.
 * Pure: everything here turns data into data.
 */
import { z } from 'zod'
import { zBytes, zDuration } from '../units.ts'
import type { DimmClaim, MachineView } from './device.ts'
import { cpuCounts } from './devices/cpu.ts'
import { nodeViews } from './devices/numa.ts'
import { devices, sections } from './registry.ts'

const deviceSchema = z.discriminatedUnion('kind', devices.map((d) => d.schema) as unknown as DeviceSchemas)
type DeviceSchemas = MutableTuple<{ [I in keyof typeof devices]: (typeof devices)[I]['schema'] }>
type MutableTuple<T extends readonly unknown[]> = { -readonly [I in keyof T]: T[I] }

/** The description of one machine, as a person writes it. Unknown keys are refused. */
export const machineSchema = z.strictObject({
  extends: z.string().optional().describe('Name of the machine that this one starts from.'),
  summary: z.string().optional().describe('One line for `bringup machines`.'),
  profile: z.string().optional().describe('Operating system profile to boot: `probe`, `linux`, or one of your own.'),
  arch: z.string().default('x86_64').describe('Guest architecture. Only `x86_64` works today.'),
  type: z.enum(['q35', 'pc']).default('q35').describe('QEMU machine type.'),
  accel: z.enum(['auto', 'kvm', 'tcg']).default('auto').describe('Accelerator. `auto`: KVM if a throw-away guest ran on it, else TCG.'),
  qemu: z.string().optional().describe('Path of the QEMU binary; the default is searched in PATH.'),
  cpu: sections.cpu.schema.prefault({}),
  memory: sections.memory.schema.prefault({}),
  numa: sections.numa.schema.optional(),
  boot: sections.boot.schema.prefault({}),
  console: sections.console.schema.prefault({}),
  debugExit: sections.debugExit.schema.prefault(false),
  nvdimmPersistence: z
    .enum(['cpu', 'mem-ctrl'])
    .optional()
    .describe('What the platform flushes on power loss, told to the guest in the NFIT: CPU caches, or the memory controller only.'),
  devices: z.array(deviceSchema).default([]),
  pins: z.array(z.strictObject({ cpu: z.int().nonnegative(), hostCpus: z.array(z.int().nonnegative()).nonempty() })).default([])
    .describe('Guest CPU index to host CPUs, set while the machine is still paused.'),
  qemuArgs: z.array(z.string()).default([]).describe('Arguments passed to QEMU as they are, after a conflict check.'),
  timeout: zDuration.default(60_000).describe('From power-on to the end of the run.'),
})

export { zBytes }

/** A machine as it is written: every key optional, sizes as text. */
export type MachineInput = z.input<typeof machineSchema>
/** A machine with all defaults filled in; bytes and milliseconds. */
export type MachineConfig = z.output<typeof machineSchema>
export type DeviceConfig = MachineConfig['devices'][number]

/** One line of the registry together with the configuration that belongs to it. */
export interface Part {
  readonly device: (typeof devices)[number] | (typeof sections)[keyof typeof sections]
  readonly config: never
  readonly path: string
  readonly id: string
}

/** Every part of the machine in the order in which it is checked and compiled: sections first, then the devices. */
export function partsOf(machine: MachineConfig): readonly Part[] {
  const fixed = Object.entries(sections).flatMap(([key, device]) => {
    const config = machine[key as keyof typeof sections]
    return config === undefined ? [] : [{ device, config: config as never, path: key, id: key }]
  })
  const counts = new Map<string, number>()
  const listed = machine.devices.map((config, index) => {
    const n = counts.get(config.kind) ?? 0
    counts.set(config.kind, n + 1)
    const device = devices.find((d) => d.kind === config.kind)
    if (!device) throw new Error(`no device of kind ${config.kind} in the registry`)
    return { device, config: { ...config, id: config.id ?? `${config.kind}${n}` } as never, path: `devices[${index}]`, id: config.id ?? `${config.kind}${n}` }
  })
  return [...fixed, ...listed]
}

/** What every device may know of the whole. */
export function viewOf(name: string, machine: MachineConfig): MachineView {
  const parts = partsOf(machine)
  const dimms: DimmClaim[] = parts.flatMap((p) => p.device.dimms?.(p.config) ?? [])
  const cpus = cpuCounts(machine.cpu, machine.numa)
  return {
    name,
    type: machine.type,
    accel: machine.accel,
    ramBytes: machine.memory.size,
    cpus,
    nodes: nodeViews(machine.numa, { ramBytes: machine.memory.size, cpus }),
    dimms,
    firmware: machine.boot.firmware,
    debugExit: machine.debugExit !== false,
    nvdimmPersistence: machine.nvdimmPersistence,
    devices: parts.filter((p) => p.path.startsWith('devices[')).map((p) => ({ kind: p.device.kind, id: p.id, path: p.path, config: p.config })),
  }
}
