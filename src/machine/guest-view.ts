/**
 * What a guest saw of its hardware, in one shape whatever the guest is.
 * Profiles fill it (the probe kernel from its report, Linux from sysfs); devices compare it with the description.
 * A part that a guest cannot report is `undefined`; what would be compared with it is then listed as not compared.
 */
export interface GuestView extends HardwareView {
  /** Who reports it: `Linux`, `probe kernel`. Every row of the comparison names it. Default: the profile's name. */
  readonly by?: string
  /** Parts of the report that did not arrive or could not be read. Verification fails when there are any. */
  readonly missing?: readonly string[]
  /** The firmware's ACPI tables, where the guest hands them out beside its own view. Compared as rows of their own. */
  readonly tables?: HardwareView
}

/** The hardware as one witness describes it: an operating system, or the firmware's tables. */
export interface HardwareView {
  readonly commandLine?: string
  readonly firmware?: 'uefi' | 'bios'
  readonly cpuModel?: GuestCpuModel
  /** Whether the bytes of nodes leave out what the firmware keeps for itself. */
  readonly omitsReserved?: boolean
  /** Every CPU that the firmware names, by ascending APIC id. `node` is null without an SRAT. */
  readonly cpus?: readonly GuestCpu[]
  /** Proximity domains; `bytes` is memory that is there at boot, neither hot-pluggable nor persistent. */
  readonly nodes?: readonly { readonly node: number; readonly cpus: number; readonly bytes: number }[]
  /** SLIT: `distances[from][to]`. */
  readonly distances?: readonly (readonly number[])[]
  readonly hmat?: readonly GuestHmatEntry[]
  /** The same, where only the best initiators of each target are reported. */
  readonly hmatOfNearest?: readonly GuestHmatEntry[]
  /** The initiators of each target node that are closest to it; null where the table names none. */
  readonly initiators?: readonly { readonly target: number; readonly initiator: number | null }[]
  /** Memory-side caches. */
  readonly caches?: readonly GuestMemoryCache[]
  readonly nvdimms?: readonly GuestNvdimm[]
  /** Memory over virtio, in the order of the PCI addresses. */
  readonly virtioPmems?: readonly GuestVirtioPmem[]
  /** Memory shared with other guests, in the order of the PCI addresses. */
  readonly ivshmems?: readonly GuestIvshmem[]
  readonly cxl?: GuestCxl
  readonly pci?: readonly GuestPciFunction[]
  /** Shared folders: the tags of 9p devices that a driver has taken, and the paths that file systems of 9p or overlays are mounted at. */
  readonly folders?: { readonly tags: readonly string[]; readonly mounts: readonly string[] }
  /** Serial ports that answer, by number (COM1 is 0). */
  readonly serialPorts?: readonly number[]
  /** Names of virtio-serial ports. */
  readonly ports?: readonly string[]
  readonly disks?: readonly GuestDisk[]
  readonly nics?: readonly GuestNic[]
  /** RDMA devices, by name. */
  readonly rdmas?: readonly GuestRdmaDevice[]
}

/** What a CPU says of itself. */
export interface GuestCpuModel {
  readonly vendor: string
  readonly brand: string
  /** Names of features, as the guest writes them; undefined where it lists none. */
  readonly flags?: readonly string[]
}

export interface GuestMemoryCache {
  readonly node: number
  readonly level: number
  readonly bytes: number
  readonly associativity: string
  readonly policy: string
  readonly line: number
}

/** A disk that a driver of the guest serves. */
export interface GuestDisk {
  readonly name: string
  readonly serial: string
  readonly bytes: number
  readonly isReadOnly: boolean
}

/** A network card that a driver of the guest serves. */
export interface GuestNic {
  readonly name: string
  /** Lower case, with colons. */
  readonly mac: string
  /** Whether it has a carrier. */
  readonly link?: boolean
  /** Queues for receiving. */
  readonly queues?: number
  /** Cards that it exchanged messages with: what came of each is a call that it `heard`, or the answer to its own. */
  readonly peers?: readonly GuestNicPeer[]
}

/** An RDMA device of the guest, in software or hardware. */
export interface GuestRdmaDevice {
  /** `rxe0` */
  readonly name: string
  readonly ports: readonly GuestRdmaPort[]
}

export interface GuestRdmaPort {
  /** From 1 on. */
  readonly port: number
  /** `ACTIVE`, `DOWN`, `INIT`, `ARMED` */
  readonly state: string
  /** `LinkUp`, `Disabled`, `Polling` */
  readonly physicalState: string
  readonly linkLayer: 'Ethernet' | 'InfiniBand' | string
  /** The network device that it sends over; undefined where it has none. */
  readonly netdev?: string
  /** Those that are in use, by index. */
  readonly gids: readonly GuestGid[]
}

export interface GuestGid {
  readonly index: number
  /** As ibv_devinfo prints it: `::ffff:10.1.0.10`. */
  readonly gid: string
  /** `RoCE v2`, `IB/RoCE v1`; undefined where the kernel does not report it. */
  readonly type?: string
}

/** A message of another card that the probe kernel received (`frames-serve`, `frames-call`). */
export interface GuestNicPeer {
  readonly mac: string
  readonly what: 'heard' | 'answered'
  /** Number of the call. */
  readonly counter: number
}

export interface GuestCpu {
  /** Null where the guest does not know it, as of a CPU that it never started. */
  readonly apicId: number | null
  readonly node: number | null
  readonly socket?: number
  readonly core?: number
  readonly thread?: number
  readonly online: boolean
  /** There at boot, but not online. A CPU that is neither is one that can be plugged later. */
  readonly isIdle?: boolean
}

export interface GuestHmatEntry {
  readonly initiator: number
  readonly target: number
  readonly hierarchy: string
  readonly type: string
  /** Latency in picoseconds, bandwidth in bytes per second. */
  readonly value: number
}

export interface GuestNvdimm {
  /** NFIT device handle: the slot number plus one. */
  readonly handle: number
  readonly bytes: number
  readonly node: number | null
  readonly persistenceDomain: 'cpu' | 'mem-ctrl' | null
  readonly isArmed?: boolean
  /** Whether the guest can write namespace labels. */
  readonly hasLabels?: boolean
  readonly region?: GuestPmemRegion
  /** How often this store was booted, this boot included. */
  readonly boots?: number
  /** `new`: empty until now. `kept`: what the last boot wrote is there. `foreign`: data of another program, untouched. */
  readonly state?: 'new' | 'kept' | 'foreign' | 'bad' | 'readonly'
}

/** Compute Express Link, as the CEDT and the devices themselves tell it. */
export interface GuestCxl {
  /** Host bridges by their UID, which in QEMU is the number of their bus. */
  readonly hostBridges?: readonly { readonly uid: number; readonly version: number }[]
  /** Fixed memory windows; `targets` are UIDs of host bridges, several of them interleaved. */
  readonly windows?: readonly {
    readonly start: number
    readonly bytes: number
    readonly targets: readonly number[]
  }[]
  /** Type-3 devices, in the order of their PCI addresses. */
  readonly memories?: readonly GuestCxlMemory[]
}

export interface GuestCxlMemory {
  readonly address: string
  /** Capacity, persistent and volatile together; null when the guest could not read it. */
  readonly bytes: number | null
  /** How much of it is volatile; undefined when the guest cannot tell the two apart. */
  readonly volatileBytes?: number
}

export interface GuestVirtioPmem {
  readonly address: string
  /** Null when the guest could not read it. */
  readonly bytes: number | null
  readonly region?: GuestPmemRegion
}

/** Memory shared with other guests (QEMU, docs/specs/ivshmem-spec). */
export interface GuestIvshmem {
  readonly address: string
  /** Size of the memory, BAR 2. */
  readonly bytes: number
  /** Entries of its MSI-X table; 0 without interrupts. Undefined where the guest does not report it. */
  readonly vectors?: number
  /** Number of this guest among its peers. */
  readonly id?: number
}

/** What a guest's driver made of persistent memory: QEMU's NVDIMMs are a region each, interleaved with no other. */
export interface GuestPmemRegion {
  readonly name: string
  readonly bytes: number
  readonly node: number | null
  readonly isReadOnly: boolean
  readonly persistenceDomain: 'cpu' | 'mem-ctrl' | null
  /** By number. Modes as ndctl names them. */
  readonly namespaces: readonly {
    readonly name: string
    readonly mode: 'raw' | 'sector' | 'fsdax' | 'devdax'
    readonly bytes: number
    /** The disk or character device that a driver made of it: `pmem0`, `dax0.0`; null without a driver. */
    readonly deviceNode?: string | null
  }[]
}

export interface GuestPciFunction {
  /** `00:01.0` */
  readonly address: string
  /** Four lower-case hexadecimal digits each. */
  readonly vendor: string
  readonly device: string
  readonly class: string
}
