/** What an image is made of, as plain data. The same description of the same files gives the same bytes. */

/** One file: its text, or the file that it is copied from (relative to the project's folder). Mode default: 0644. */
export type FileSource =
  | { readonly content: string; readonly mode?: number }
  | { readonly from: string; readonly mode?: number }

/** Files by path within the image or folder, `/` between names. */
export type FileTree = Readonly<Record<string, FileSource>>

/** A FAT file system, written with mtools. */
export interface FatImage {
  readonly kind: 'fat'
  readonly files?: FileTree
  /** Everything in this folder, beneath `files`. */
  readonly folder?: string
  /** Size of the image. Default: what the files need, at least 1.44 MB, and 34 MiB for FAT32. */
  readonly bytes?: number
  /** FAT32 whatever the size; firmware of some boards wants it. Default: FAT12 or FAT16 below 512 MiB. */
  readonly isFat32?: boolean
  /** Volume label, at most 11 characters. */
  readonly label?: string
}

/** A cpio archive in the newc form, which Linux unpacks at boot. */
export interface CpioImage {
  readonly kind: 'cpio'
  readonly files: FileTree
  /** Compressed with gzip. */
  readonly isCompressed?: boolean
}

/** Bytes at places: a boot sector at 0 and a kernel behind it. What is between is zero. */
export interface RawImage {
  readonly kind: 'raw'
  /** Size of the image. Default: up to the last piece, rounded up to 512. */
  readonly bytes?: number
  readonly pieces: readonly {
    readonly source: FileSource
    /** Where it begins, in bytes. */
    readonly at: number
  }[]
}

/** One partition of a disk. */
export interface Partition {
  /** The GPT name; MBR has none. */
  readonly name?: string
  /** `esp`, `linux`, `basic` (FAT, NTFS), `bios-boot`; or a GUID (GPT) or a byte such as `0x83` (MBR). */
  readonly type: string
  /** File that fills it, such as a FAT image. */
  readonly from?: string
  /** Size. Default: the file's, rounded up to 1 MiB. */
  readonly bytes?: number
  /** The partition that boot code starts (MBR). */
  readonly isActive?: boolean
}

/** A disk with a partition table; partitions begin at whole MiB. */
export interface DiskImage {
  readonly kind: 'disk'
  readonly table: 'gpt' | 'mbr'
  /** Size of the disk. Default: what the partitions need. */
  readonly bytes?: number
  /** File whose first 440 bytes are the boot code of sector 0. */
  readonly bootCode?: string
  readonly partitions: readonly Partition[]
}

export type ImageSpec = FatImage | CpioImage | RawImage | DiskImage
