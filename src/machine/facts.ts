/**
 * What the pure rules need to know of the world. Gathered once, before the rules run, by `src/plan/gather.ts`;
 * the rules themselves read nothing. Everything is plain data, so a saved plan can be checked again elsewhere.
 */

/** What is at a path that the description names. `readable`/`writable` are for the user who runs bringup. */
export interface FileFact {
  readonly path: string
  readonly kind: 'missing' | 'file' | 'directory' | 'character-device' | 'block-device' | 'other'
  readonly bytes: number
  readonly isReadable: boolean
  readonly isWritable: boolean
  /** Free bytes of the file system the path is (or would be) on. */
  readonly freeBytes: number
  /** False when the parent folder is missing, so that nothing can be made there. */
  readonly hasParent: boolean
  /** File system type of the path, as `/proc/self/mounts` names it, and its mount options. */
  readonly fileSystem?: string
  readonly mountOptions?: readonly string[]
  /** What the first bytes say it is. */
  readonly content?: FileContent
  /** How QEMU's `-kernel` would take it. Absent where it is no kernel. */
  readonly kernel?: KernelFact
  /** Who holds an advisory lock on it (`/proc/locks`). */
  readonly lockedBy?: { readonly pid: number; readonly mode: 'read' | 'write'; readonly command: string }
  /** Which process has it open as a disk image, in a way that keeps others out (QEMU's byte-range locks). */
  readonly imageUse?: ImageUse
  /** What a qcow2 image makes QEMU open besides itself. Absent for other files, and for one that stands alone. */
  readonly imageFiles?: readonly ImageFile[]
  /** A qcow2 image, or one beneath it, needs a key. */
  readonly isEncrypted?: boolean
  /** What the record beside a store says of it. A hint: what is in the file counts. */
  readonly record?: StoreRecord
  /** What is at the very end of a store, where a label area would be. */
  readonly tail?: StoreTail
  /** A DAX device, as the kernel describes it. */
  readonly daxDevice?: DaxDevice
  /** The kernel says that what the path lies on could be mapped directly: a DAX device, or a disk that is memory. */
  readonly mayBeDax?: boolean
  /** Whether the kernel granted MAP_SYNC for this very file (or for a new one in its folder). Absent when it was not asked. */
  readonly mapSync?: MapSync
  /** Why the kernel could not be asked. */
  readonly mapSyncProblem?: string
}

/** A file that an image names: what it is laid over, or where its data are. */
export interface ImageFile {
  readonly role: 'backing' | 'dataFile'
  /** The image that names it. */
  readonly of: string
  /** As it stands in the image. */
  readonly name: string
  /** The file that it means; absent for `json:`, `nbd:` and the like. */
  readonly file?: string
  /** It is not below the folder of the image that the description names. */
  readonly isOutside: boolean
  readonly use?: ImageUse
}

/** A process that has an image open. Pid -1 where it is not visible to this user. */
export interface ImageUse {
  readonly pid: number
  readonly command: string
  /** Whether it keeps readers out too: it writes to the image. */
  readonly forbidsReaders: boolean
}

/** A character device such as `/dev/dax0.0`; bytes. Source: Documentation/ABI/testing/sysfs-bus-dax. */
export interface DaxDevice {
  readonly name: string
  readonly bytes: number
  readonly align: number
  /** NUMA node that its memory would be on as RAM; undefined when the kernel does not say. */
  readonly node?: number
}

/** The answer of the kernel to one mmap(2) with MAP_SHARED_VALIDATE and MAP_SYNC. */
export interface MapSync {
  readonly isGranted: boolean
  /** The kernel's own word when it refused. */
  readonly reason: string
}

export type StoreTail =
  | { readonly kind: 'empty' | 'data' }
  /** Namespace labels were found, in an area of that size. */
  | { readonly kind: 'labels'; readonly bytes: number }

/** How a use of a store ended. Only `guest-ended` is an orderly end. */
export type StoreEnd =
  | 'running'
  | 'guest-ended'
  | 'guest-crashed'
  /** The machine was stopped while its guest ran. */
  | 'stopped'
  /** QEMU died, by SIGKILL or an error of its own. */
  | 'killed'
  /** bringup was killed, or the computer failed: its end was not recorded. */
  | 'unknown'
  /** Another computer began it, and no end is recorded: it may still run there. */
  | 'elsewhere'

/** One run that could write to a store. Times are ISO 8601. */
export interface StoreUse {
  readonly machine: string
  readonly device: string
  readonly run: string
  readonly beganAt: string
  readonly endedAt?: string
  readonly end: StoreEnd
  /** With `elsewhere`: that computer. */
  readonly host?: string
}

/** What bringup wrote down about a store; bytes. Kept by `src/stores/record.ts`. */
export interface StoreRecord {
  /** False when it is about another file: this one is a copy, or has replaced it. */
  readonly isOfThisFile: boolean
  readonly madeAt: string
  /** What the guest can use, and the label area behind it. */
  readonly size: number
  readonly label: number
  /** The newest run, and those that used it at the same time; oldest first. */
  readonly uses: readonly StoreUse[]
  /** A resize was begun and not finished. */
  readonly resizingTo?: { readonly size: number; readonly label: number }
}

/**
 * A kernel as QEMU's `-kernel` reads it. Multiboot comes before ELF: an ELF file with a valid multiboot header in its
 * first 8 KiB is a multiboot kernel, whatever notes it has.
 */
export interface KernelFact {
  readonly protocol: 'bzimage' | 'zimage' | 'multiboot' | 'pvh'
  /** What the kernel says that it is made for; undefined where it does not say. */
  readonly bits?: 32 | 64
  /** Boot protocol of a bzImage: 0x20f is 2.15. */
  readonly version?: number
  /** A bzImage that is loaded at 1 MiB; others lie below. */
  readonly isLoadedHigh?: boolean
  /** Highest address that the initial RAM disk of a bzImage may have. */
  readonly initrdMax?: number
  /** Physical address of the first instruction, as QEMU has read it. */
  readonly entry?: number
  /** Where its parts come to lie, memory without content included. */
  readonly loads: readonly Range[]
  /** Why QEMU refuses it, or starts it at a wrong place. */
  readonly flaws: readonly KernelFlaw[]
}

/** Physical addresses; `to` is the first one behind. */
export interface Range {
  readonly from: number
  readonly to: number
}

export interface KernelFlaw {
  readonly kind: /** QEMU exits; `detail` says why. */
    | 'refused'
    /** Multiboot header in a 64-bit ELF file. */
    | 'multiboot-64'
    /** ELF without multiboot header and PVH note. */
    | 'no-entry'
    /** It has a PVH note, which QEMU does not find or reads wrongly. */
    | 'note-misread'
    /** Notes at which QEMU crashes or hangs. */
    | 'notes-damaged'
    | 'entry-outside'
  readonly detail: string
}

export type FileContent =
  | 'linux-bzimage'
  /** A kernel of before 1996, without the header of a bzImage. */
  | 'zimage'
  /** Multiboot without ELF. */
  | 'multiboot'
  | 'elf-pvh'
  | 'elf-multiboot'
  | 'elf64'
  | 'elf32'
  | 'pe'
  | 'qcow2'
  | 'gzip'
  | 'xz'
  | 'cpio'
  | 'boot-sector'
  | 'text'
  | 'empty'
  | 'unknown'

/** How a QEMU is started that is not of this system: with its own libraries, modules, firmware and data. */
export interface QemuStarting {
  /** The name under which it is installed. */
  readonly installed: string
  /** Its record: a file that a guest keeps locked while it runs, so that its QEMU is not removed. */
  readonly record: string
  /** Words before the program: the loader that it brings along. */
  readonly before: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Arguments before all others: `-L` with its own firmware and data. */
  readonly args: readonly string[]
}

/** A QEMU binary, and how it is started. */
export interface QemuBinary {
  readonly path: string
  /** Absent for a binary that starts by its path alone. */
  readonly starting?: QemuStarting
}

/** What this QEMU binary can do, as it says itself by QMP. See `src/qemu/capabilities.ts`. */
export interface QemuCapabilities extends QemuBinary {
  /** SHA-256 of the binary, by which this answer is cached. */
  readonly sha256: string
  readonly version: readonly [number, number, number]
  readonly packageName: string
  /** The target as QEMU names it: `x86_64`. */
  readonly arch: string
  readonly machines: readonly {
    readonly name: string
    readonly alias?: string
    readonly maxCpus: number
    readonly isDeprecated: boolean
  }[]
  readonly cpuModels: readonly string[]
  /** Compiled in, not proven: see `AcceleratorFact`. */
  readonly accelerators: readonly string[]
  /** Device and object type names. */
  readonly types: readonly string[]
  /** Property names of the types that bringup asks about; types not asked about are absent. */
  readonly properties: Readonly<Record<string, readonly string[]>>
  /** It takes `pmem=on`: it was built with libpmem. Tried, not guessed from a property. */
  readonly hasLibpmem: boolean
  /** Network backends: `user`, `stream`; empty where the QEMU does not say. Compiled out ones are missing. */
  readonly netdevs: readonly string[]
  /** Types of devices that take a PCI slot. */
  readonly pciTypes: readonly string[]
  /** What features of a CPU can be called. */
  readonly cpuProperties: readonly string[]
  /** TCG emulates an x2APIC, so that there can be more than 255 CPUs (since QEMU 9.0). */
  readonly hasTcgX2apic: boolean
  /** What it has of the features that bringup distinguishes; see `src/qemu/features.ts`. */
  readonly features: readonly string[]
  /** Firmware data folder files that were found: `qboot.rom`, `edk2…`. Absolute paths by file name. */
  readonly firmware: Readonly<Record<string, string>>
  /** Folders in which it looks for firmware and option ROMs, in this order. */
  readonly dataFolders?: readonly string[]
}

/** Whether it has `-action` and `set-action`, as it says itself. */
export const hasAction = (qemu: Pick<QemuCapabilities, 'features'> | undefined): boolean =>
  qemu === undefined || qemu.features.includes('action')

/** The CPU model with the features of the machine, as QEMU expands it. */
export interface CpuFact {
  /** `qemu32`, `max,lm=off`. */
  readonly name: string
  readonly hasLongMode: boolean
  /** Of the model alone, as this QEMU defines it; undefined where it was not asked (`max`, `host`). */
  readonly hasX2apic?: boolean
}

/** One accelerator, proven or not by a throw-away guest. */
export interface AcceleratorFact {
  readonly name: 'kvm' | 'tcg'
  readonly works: boolean
  /** Why it does not, in a sentence; for one that works, what was run on it. */
  readonly reason: string
  /** The last stage that the throw-away guest reached. */
  readonly stage?: string
  readonly tookMs: number
}

/** A port that QEMU would listen on. */
export interface HostPort {
  readonly protocol: 'tcp' | 'udp'
  /** IPv4; empty for all of IPv4, `*` for IPv4 and IPv6. */
  readonly address: string
  readonly port: number
}

export interface PortFact extends HostPort {
  readonly state: 'free' | 'taken' | 'privileged'
  /** Whose socket has it. Without `pid` the process is not visible to this user. */
  readonly holder?: { readonly uid: number; readonly pid?: number; readonly command?: string }
  /** For a privileged port: the first one that every user may listen on. */
  readonly firstOpen?: number
  /** A port that nothing has. */
  readonly suggestion?: number
}

/** A port of an RDMA device. */
export interface RdmaPortFact {
  /** Counted from 1. */
  readonly number: number
  /** `ACTIVE`, `DOWN` */
  readonly state: string
  /** `Ethernet` for RoCE and iWARP, else `InfiniBand`. */
  readonly linkLayer: string
  /** Network interface that it sends by. */
  readonly netdev?: string
  /** MAC address of that interface. */
  readonly mac?: string
  /** Addresses that are set, each with its index. */
  readonly gids: readonly { readonly index: number; readonly gid: string; readonly type?: string }[]
  /** Device for management datagrams; absent where ib_umad is not loaded. */
  readonly umad?: string
}

/** An RDMA device of this computer. */
export interface RdmaDeviceFact {
  readonly name: string
  /** `mlx5_core`; absent for soft-RoCE and soft-iWARP, which have no hardware. */
  readonly driver?: string
  readonly ports: readonly RdmaPortFact[]
  /** Device for verbs; absent where ib_uverbs is not loaded. */
  readonly uverbs?: string
}

/** RDMA of this computer. Gathered only for machines that use it. */
export interface RdmaFacts {
  readonly devices: readonly RdmaDeviceFact[]
  /** Loaded modules that receive the messages that a multiplexer wants: `ib_cm`, `rdma_cm`. */
  readonly managers: readonly string[]
  /** Devices in /dev/infiniband that this user cannot open for reading and writing. */
  readonly refused: readonly string[]
  /** Path of rdmacm-mux; absent where none was found. */
  readonly multiplexer?: string
}

export interface Facts {
  readonly files: ReadonlyMap<string, FileFact>
  /** Ports that the machine would listen on. Absent where they were not looked at. */
  readonly hostPorts?: readonly PortFact[]
  /** Networks of the rack that the machine is part of. */
  readonly networks?: readonly string[]
  /** IPv4 addresses that networks of the rack give to cards, by the id of the card; known once all guests are planned. */
  readonly addresses?: Readonly<Record<string, string>>
  /** Those of them that are bridges of this computer: QEMU gets a tap. */
  readonly hostNetworks?: readonly string[]
  /** NUMA nodes of this computer, online ones. */
  readonly hostNodes: readonly number[]
  /** Huge pages by page size in bytes. */
  readonly hugePages: readonly { readonly bytes: number; readonly total: number; readonly free: number }[]
  /** Physical memory of this computer. */
  readonly hostBytes: number
  /** bringup, and so QEMU, runs as root. */
  readonly isRoot?: boolean
  /** Absent where no device of the machine uses it. */
  readonly rdma?: RdmaFacts
  readonly qemu?: QemuCapabilities
  /** Why it is this one of several. */
  readonly qemuBecause?: string
  /** Absent where the CPU was not asked about: the default model has all that TCG can do. */
  readonly cpu?: CpuFact
  /** The accelerator that `accel: auto` came to, or the one asked for. */
  readonly accelerators: readonly AcceleratorFact[]
}
