/**
 * What a device is to bringup: one file that holds its schema, its rules, the QEMU arguments that it becomes,
 * what the guest must see of it, and how to explain it. Everything here is pure: data in, data out.
 */
import type { z } from 'zod'
import type { Diagnostic, DiagnosticKind } from '../diagnostics.ts'
import type { SharedMemory } from './devices/ivshmem-schema.ts'
import type { MemoryConfig } from './devices/memory-options.ts'
import type { Facts, HostPort } from './facts.ts'
import type { GuestView } from './guest-view.ts'

/** One `-option key=value,…` of QEMU's command line. Built by `option()`; nothing else builds QEMU strings. */
export type Argument = readonly [flag: string, value?: string]

/** Memory beyond the RAM at boot, which counts against QEMU's `maxmem`. */
export interface DimmClaim {
  readonly bytes: number
  /** Whether it takes a DIMM slot: NVDIMMs do, memory over virtio does not. */
  readonly hasSlot: boolean
}

/** What every device may know of the whole machine. Made by `describe()` in `machine.ts`. */
export interface MachineView {
  readonly name: string
  /** Undefined while a machine is only described; set before it is checked against a host. */
  readonly home?: Home
  /** QEMU's machine type: `q35` or `pc`. */
  readonly type: string
  readonly accel: 'auto' | 'kvm' | 'tcg'
  readonly ramBytes: number
  /** What the RAM is made of on the host: NUMA nodes hold it in backends of their own. */
  readonly memory: MemoryConfig
  readonly cpus: {
    readonly count: number
    readonly max: number
    readonly sockets: number
    readonly dies: number
    readonly cores: number
    readonly threads: number
  }
  /** Address bits of the CPU, where the description gives them. */
  readonly physBits?: number
  /** One entry per NUMA node; empty when the machine has none. CPU numbers are QEMU's CPU indices. */
  readonly nodes: readonly NodeView[]
  /** All memory beyond the RAM at boot, in the order in which it is plugged: DIMMs in the order of their slots. */
  readonly dimms: readonly DimmClaim[]
  readonly firmware: 'direct' | 'bios' | 'uefi'
  readonly debugExit: boolean
  /** Whether the machine has a graphics card, of the description or of the user's own arguments. */
  readonly hasScreen: boolean
  /** The user's own arguments for QEMU, as words. */
  readonly qemuArgs: readonly string[]
  /** Whether the first console is a virtio console instead of COM1. */
  readonly isConsoleVirtio: boolean
  /** What the NFIT's platform capabilities say; undefined says nothing. */
  readonly nvdimmPersistence: 'cpu' | 'mem-ctrl' | undefined
  /** Every device of the list, defaults filled in, with its path in the description (`devices[2]`). */
  readonly devices: readonly {
    readonly kind: string
    readonly id: string
    readonly path: string
    readonly config: unknown
  }[]
}

export interface NodeView {
  readonly bytes: number
  /** CPU indices, hot-pluggable ones included. */
  readonly cpus: readonly number[]
  /** NUMA nodes of the host that its memory comes from, where the node says so itself. */
  readonly hostNodes?: readonly number[]
}

/** A file that must be there before QEMU starts. Nothing is made while planning. */
export interface FileAction {
  readonly kind: 'create-sparse'
  readonly path: string
  readonly bytes: number
  /** Image of that size that it begins as a copy of. */
  readonly from?: string
}

/** An advisory lock (`flock`) on a backing file, held by the QEMU process itself for as long as it lives. */
export interface FileLock {
  readonly path: string
  readonly mode: 'exclusive' | 'shared'
}

/** Content of a device that outlives the run, and is written down who used it. Sizes are bytes. */
export interface StoreClaim {
  readonly path: string
  /** The device's id. */
  readonly device: string
  /** What the guest can use, and the label area behind it; 0 for none. */
  readonly size: number
  readonly label: number
}

/** A two-way byte stream between bringup and QEMU: a socket pair that QEMU inherits, never a path. */
export interface Channel {
  /** QEMU's chardev id. */
  readonly id: string
  readonly purpose: 'console' | 'debug' | 'log' | 'shell' | 'bulk'
  /** What a person sees: `serial 1`. */
  readonly label: string
  /**
   * The device does not wait for its reader: what it says meanwhile is lost, or the guest stands still. `both` ways, or
   * `out` of the guest only.
   */
  readonly hasNoWait?: 'both' | 'out'
}

/** A port of an RDMA device of this computer, and how its messages get to guests. */
export interface RdmaPort {
  readonly device: string
  readonly port: number
  /** Network interface that the addresses of guests are mirrored onto. */
  readonly interface: string
  /** Socket of a multiplexer that runs already. */
  readonly socket?: string
  /** Program of the multiplexer, where none runs. */
  readonly program?: string
}

/** A resource of the run that a device is connected to: the run makes it once, however many devices join it. */
export interface Join {
  /** Names the descriptor that QEMU inherits: `{fd:ID}` in its arguments stands for the number. */
  readonly id: string
  readonly kind: 'network' | 'memory' | 'folder' | 'multiplexer'
  /** Id of the resource: a key of `networks` or `memory` of the rack, or `MACHINE/DEVICE` of what is the device's own. */
  readonly resource: string
  /** The device's id. */
  readonly device: string
  /** MAC address of a card. */
  readonly mac?: string
  /** What the memory is; the same for all that join it. */
  readonly memory?: SharedMemory
  /** Program and arguments that serve a folder on `{folder}/socket`. */
  readonly daemon?: readonly [string, ...string[]]
  /** Port of an RDMA device whose messages a multiplexer hands on. */
  readonly rdma?: RdmaPort
  /** IPv4 address that a card gets by DHCP. */
  readonly address?: string
  /** Queues of a card, where it has more than one: `{fd:ID}`, `{fd:ID.1}` and so on. */
  readonly queues?: number
  /** A DHCP server gives the card an address that the plan does not know. */
  readonly isServed?: boolean
}

/** What a device adds to the machine. */
export interface Compiled {
  /** Merged into the one `-machine` option. */
  readonly machineOptions?: Readonly<Record<string, string>>
  readonly args?: readonly Argument[]
  /** Those that must come after all others, the user's own included. */
  readonly lastArgs?: readonly Argument[]
  readonly files?: readonly FileAction[]
  readonly locks?: readonly FileLock[]
  /** Stores that the guest can write to. */
  readonly stores?: readonly StoreClaim[]
  /** Devices refer to a channel by `chardev=<id>`; the launcher connects it, a pasted command gets a null chardev. */
  readonly channels?: readonly Channel[]
  readonly joins?: readonly Join[]
}

/** A device that is added while the machine runs: QMP's `object-add` and `device_add`, with its files and locks. */
export interface Plug extends Pick<Compiled, 'files' | 'locks' | 'stores'> {
  readonly object: PlugPart
  readonly device: PlugPart
}

/** `type` is the object's or driver's; the rest are its properties. Undefined ones are left out. */
export type PlugPart = Readonly<Record<string, string | number | boolean | undefined>> & {
  readonly type: string
  readonly id: string
}

/** One thing that the guest must see, compared by `verify()`. */
export interface Expectation {
  /** The device's id: `nvdimm pm0`. */
  readonly device: string
  /** What about it: `size`, `node`. */
  readonly aspect: string
  readonly want: string
  /** The same, as the guest saw it; undefined when this guest cannot report it; null when it is not there. */
  readonly see: (view: GuestView) => string | null | undefined
}

/** A property of the machine that no comparison proves, and why. */
export interface NotCompared {
  /** The device's id: `watchdog wd0`; `--qemu-arg` for an argument of the user's own. */
  readonly device: string
  /** Which property: `action`. */
  readonly aspect: string
  /** The reason, as a clause: `takes effect only when the watchdog expires`. */
  readonly because: string
}

/** Whether what a guest writes is still there after an event, and why. */
export interface PersistenceVerdict {
  readonly device: string
  readonly event:
    | 'guest reboot'
    | 'guest crash'
    | 'QEMU killed'
    | 'host power loss'
    | 'visible to other machines'
  readonly answer: 'yes' | 'no' | 'not guaranteed'
  readonly because: string
}

/** One of the conditions under which writes survive a power loss of the host; all of them have to hold. */
export interface PersistenceCondition {
  readonly device: string
  readonly condition: string
  /** Undefined when it is unknown. */
  readonly isMet: boolean | undefined
  readonly because: string
  /** What to change where it does not hold. */
  readonly change?: string
}

/** What a rule is given. */
export interface RuleContext {
  readonly machine: MachineView
  readonly facts: Facts
  /** Path of this device in the description, the prefix of every diagnostic's path. */
  readonly path: string
}

/** A port of the guest. */
export interface GuestPort {
  readonly protocol: 'tcp' | 'udp'
  readonly guest: number
}

/** Where a machine lives: what relative paths and default stores are relative to. All absolute. */
export interface Home {
  readonly machine: string
  /** The project's folder. */
  readonly folder: string
  /** Runs and stores: `.bringup` of the project. */
  readonly stateFolder: string
}

/** A device in a picture of the machine. */
export interface TopologyPlace {
  /** NUMA node that the device belongs to. */
  readonly node?: number
  /** Size, model or bus, in a word: `128M`, `e1000`. */
  readonly detail: string
}

/** What a device needs of the QEMU binary. A shared rule reports what is lacking. */
export interface QemuNeeds {
  /** Device or object types. */
  readonly types?: readonly string[]
  readonly properties?: readonly (readonly [type: string, property: string])[]
  /** Older QEMUs have it, and are refused all the same. */
  readonly since?: { readonly version: readonly [major: number, minor: number]; readonly because: string }
}

/**
 * A device: the whole knowledge about one kind of hardware.
 * A rule or compiler is given the schema's output: defaults filled in, units in bytes and milliseconds.
 */
export interface Device<Kind extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly kind: Kind
  /** One line for lists and the guide. */
  readonly summary: string
  /** `z.lazy(() => z.strictObject({ … }))`: a run builds the schemas of those kinds only that its machine has. */
  readonly schema: Schema
  readonly diagnostics: Readonly<Record<string, DiagnosticKind>>
  /** Short form on the command line, such as `256M,node=1`: `first` is the key that the first bare value means. */
  readonly flag?: {
    readonly name: string
    readonly first: string
    readonly example: string
    readonly help: string
    /** Keys that the first bare value means, where it means more than one. */
    readonly readFirst?: (text: string) => Readonly<Record<string, string>>
    /** Bare words and the keys that they stand for: `rw` for `access=rw`. */
    readonly words?: Readonly<Record<string, Readonly<Record<string, string>>>>
  }
  /** The one machine type that it can be part of. */
  readonly machineType?: string
  /** Makes relative paths absolute and chooses those left open. Done once, before anything else looks at the machine. */
  place?(config: z.output<Schema>, home: Home): z.output<Schema>
  /** Paths whose facts the rules need. A default path depends on the machine's name. */
  paths?(config: z.output<Schema>, machine: MachineView): readonly string[]
  /** The rules need to know the RDMA devices of this computer. */
  readonly usesRdma?: true
  /** Ports of this computer that QEMU would listen on. */
  ports?(config: z.output<Schema>): readonly HostPort[]
  /** Ports of the guest that are reachable from this computer. */
  forwards?(config: z.output<Schema>): readonly GuestPort[]
  /** What the guest writes that outlives the run, in words: `disk root.qcow2`. */
  keeps?(config: z.output<Schema>): string | undefined
  /** Place in the order in which firmware tries to boot. */
  bootindex?(config: z.output<Schema>): number | undefined
  /** Memory of the rack that it joins, by name. */
  memories?(config: z.output<Schema>): readonly string[]
  /** The device with what the rack says of that memory. */
  withMemories?(config: z.output<Schema>, memories: Readonly<Record<string, SharedMemory>>): z.output<Schema>
  dimms?(config: z.output<Schema>): readonly DimmClaim[]
  needs?(config: z.output<Schema>): QemuNeeds
  /** All problems, not the first. */
  check?(config: z.output<Schema>, context: RuleContext): readonly Diagnostic[]
  /** Total: compiles also what `check` refuses, so that QEMU's own answer can be compared. */
  compile(config: z.output<Schema>, context: RuleContext): Compiled
  /** Devices that can be added while the machine runs. */
  plug?(config: z.output<Schema>, context: RuleContext): Plug
  mustSee?(config: z.output<Schema>, context: RuleContext): readonly Expectation[]
  /** Properties that no guest can show. `--verify` lists them, so that a pass is not taken for their proof. */
  notCompared?(config: z.output<Schema>, context: RuleContext): readonly NotCompared[]
  /** Where the device stands in a picture of the machine. Default: on no node, without detail. */
  topology?(config: z.output<Schema>): TopologyPlace
  /**
   * Whether guests with it can be saved and restored, or why not, as a clause. Machines with a device that lacks this
   * cannot be saved.
   */
  savedState?(config: z.output<Schema>): true | string
  persistence?(config: z.output<Schema>, context: RuleContext): readonly PersistenceVerdict[]
  persistenceConditions?(config: z.output<Schema>, context: RuleContext): readonly PersistenceCondition[]
}

/** Declares a device; exists for the types. */
export function defineDevice<const Kind extends string, Schema extends z.ZodType>(
  device: Device<Kind, Schema>,
): Device<Kind, Schema> {
  return device
}

type OptionValue = string | number | boolean | undefined | readonly (string | number)[]

/**
 * Builds one QEMU option: `option('-device', 'nvdimm', { id, memdev })`. Undefined values are left out, booleans
 * become `on`/`off`, a list repeats its key (`cpus=0-1,cpus=4`), and commas in values are doubled as QEMU's option parser wants it (qemu-options: "use two commas").
 */
export function option(
  flag: string,
  head: string | undefined,
  values: Readonly<Record<string, OptionValue>> = {},
): Argument {
  // Built up in place: this runs some dozens of times for every machine that is compiled.
  let text = head ?? ''
  const add = (key: string, item: string | number) => {
    const value = typeof item === 'string' && item.includes(',') ? item.replaceAll(',', ',,') : item
    text += text === '' ? `${key}=${value}` : `,${key}=${value}`
  }
  for (const key in values) {
    const value = values[key]
    if (value === undefined) continue
    if (typeof value === 'object') for (const item of value) add(key, item)
    else add(key, typeof value === 'boolean' ? (value ? 'on' : 'off') : value)
  }
  return [flag, text]
}
