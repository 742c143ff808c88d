/** A machine view around a few devices, for testing device files without the machine room. */
import type { Diagnostic } from '../../src/diagnostics.ts'
import type { Argument, Device, MachineView, RuleContext } from '../../src/machine/device.ts'
import type { Facts, FileFact } from '../../src/machine/facts.ts'
import { MiB } from '../../src/units.ts'

/** Erases the schema's type: tests hand in plain descriptions. */
type AnyDevice = Pick<Device, 'kind' | 'schema' | 'check' | 'compile' | 'mustSee' | 'persistence' | 'paths'>

export type Description = readonly [device: AnyDevice, description: Readonly<Record<string, unknown>>]

export interface World {
  readonly machine?: Partial<MachineView>
  readonly files?: readonly FileFact[]
  readonly facts?: Partial<Facts>
}

/** A plain, existing file that fits, on a plain disk. */
export function fileFact(path: string, fact: Partial<FileFact> = {}): FileFact {
  return {
    path,
    kind: 'file',
    bytes: 0,
    isReadable: true,
    isWritable: true,
    freeBytes: 1024 ** 4,
    hasParent: true,
    fileSystem: 'ext4',
    mountOptions: ['rw'],
    ...fact,
  }
}

/** The devices of one machine, ids filled in as the machine room does it. */
export function machineWith(descriptions: readonly Description[], world: World = {}) {
  const counts = new Map<string, number>()
  const parts = descriptions.map(([device, description], index) => {
    const n = counts.get(device.kind) ?? 0
    counts.set(device.kind, n + 1)
    const parsed = device.schema.parse({ kind: device.kind, ...description }) as Record<string, unknown>
    const id = String(parsed.id ?? `${device.kind}${n}`)
    return { device, config: { ...parsed, id }, id, path: `devices[${index}]` }
  })
  const machine: MachineView = {
    name: 'tiny',
    qemuArgs: [],
    type: 'q35',
    accel: 'tcg',
    ramBytes: 64 * MiB,
    memory: { prealloc: false, share: false },
    cpus: { count: 1, max: 1, sockets: 1, dies: 1, cores: 1, threads: 1 },
    nodes: [],
    dimms: [],
    firmware: 'direct',
    debugExit: false,
    hasScreen: false,
    isConsoleVirtio: false,
    nvdimmPersistence: undefined,
    devices: parts.map(({ device, config, id, path }) => ({ kind: device.kind, id, path, config })),
    ...world.machine,
  }
  const facts: Facts = {
    files: new Map((world.files ?? []).map((f) => [f.path, f])),
    hostNodes: [0],
    hugePages: [],
    hostBytes: 1024 ** 3,
    accelerators: [],
    ...world.facts,
  }
  return parts.map(({ device, config, path }) => {
    const context: RuleContext = { machine, facts, path }
    return {
      config,
      context,
      codes: () => (device.check?.(config, context) ?? []).map((d) => d.code),
      check: (): readonly Diagnostic[] => device.check?.(config, context) ?? [],
      compile: () => device.compile(config, context),
      mustSee: () => device.mustSee?.(config, context) ?? [],
      persistence: () => device.persistence?.(config, context) ?? [],
      paths: () => device.paths?.(config, machine) ?? [],
    }
  })
}

/** The first device of `machineWith`. */
export function one(device: AnyDevice, description: Readonly<Record<string, unknown>>, world?: World) {
  const [first] = machineWith([[device, description]], world)
  if (!first) throw new Error('no device')
  return first
}

export function flat(args: readonly Argument[] | undefined): readonly string[] {
  return (args ?? []).flatMap(([flag, value]) => (value === undefined ? [flag] : [flag, value]))
}
