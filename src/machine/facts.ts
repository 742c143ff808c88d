/**
 * What the pure rules need to know of the world. Gathered once, before the rules run, by `src/plan/gather.ts`;
 * the rules themselves read nothing. Everything is plain data, so a saved plan can be checked again elsewhere.
 */

/** What lies at a path that the description names. `readable`/`writable` are for the user who runs bringup. */
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
  /** Who holds an advisory lock on it (`/proc/locks`). */
  readonly lockedBy?: { readonly pid: number; readonly mode: 'read' | 'write'; readonly command: string }
}

export type FileContent =
  | 'linux-bzimage'
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

/** What this QEMU binary can do, as it says itself by QMP. See `src/qemu/capabilities.ts`. */
export interface QemuCapabilities {
  readonly path: string
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
  /** Firmware data folder files that were found: `qboot.rom`, `edk2…`. Absolute paths by file name. */
  readonly firmware: Readonly<Record<string, string>>
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

export interface Facts {
  readonly files: ReadonlyMap<string, FileFact>
  /** NUMA nodes of this computer, online ones. */
  readonly hostNodes: readonly number[]
  /** Huge pages by page size in bytes. */
  readonly hugePages: readonly { readonly bytes: number; readonly total: number; readonly free: number }[]
  /** Physical memory of this computer. */
  readonly hostBytes: number
  readonly qemu?: QemuCapabilities
  /** The accelerator that `accel: auto` came to, or the one asked for. */
  readonly accelerators: readonly AcceleratorFact[]
}
