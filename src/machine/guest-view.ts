/**
 * What a guest saw of its hardware, in one shape whatever the guest is.
 * Profiles fill it (the probe kernel from its report, Linux from sysfs); devices compare it with what was asked.
 * A part that a guest cannot tell is `undefined`, and is then left out of the comparison.
 */
export interface GuestView {
  readonly commandLine?: string
  /** Every CPU that the firmware names, by ascending APIC id. `node` is null without an SRAT. */
  readonly cpus?: readonly GuestCpu[]
  /** Proximity domains; `bytes` is memory that is there at boot, neither hot-pluggable nor persistent. */
  readonly nodes?: readonly { readonly node: number; readonly cpus: number; readonly bytes: number }[]
  /** SLIT: `distances[from][to]`. */
  readonly distances?: readonly (readonly number[])[]
  readonly hmat?: readonly GuestHmatEntry[]
  readonly nvdimms?: readonly GuestNvdimm[]
  /** Memory over virtio, in the order of the PCI addresses. */
  readonly virtioPmems?: readonly GuestVirtioPmem[]
  readonly cxl?: GuestCxl
  readonly pci?: readonly GuestPciFunction[]
  /** Serial ports that answer, by number (COM1 is 0). */
  readonly serialPorts?: readonly number[]
}

export interface GuestCpu {
  readonly apicId: number
  readonly node: number | null
  readonly socket?: number
  readonly core?: number
  readonly thread?: number
  readonly online: boolean
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
