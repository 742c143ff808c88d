/** A medium that boots where neither a kernel nor a profile is named: an ISO is given in order to be booted. */
import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { formatOf } from '../machine/devices/disk-schema.ts'
import type { MachineInput } from '../machine/machine.ts'
import { bootCatalogOf, bootSectorOf, type MediumFirmware } from '../plan/boot-medium.ts'

/** What boots, and why. */
export interface BootedMedium {
  /** Absent where the bundled kernel boots. */
  readonly firmware?: MediumFirmware
  /** A line for people. */
  readonly note: string
}

/** 16 heads of 63 sectors: SeaBIOS 1.16 reads nothing of a smaller disk, but for one on IDE of a pc. */
const CYLINDER_BYTES = 16 * 63 * 512

type Device = NonNullable<MachineInput['devices']>[number]

/** Firmware without an order tries them so (SeaBIOS, `-boot order=cad` of QEMU). */
const ORDER = ['disk', 'floppy', 'cdrom']

/**
 * The medium that a machine without a kernel boots, if firmware can start from one of its images.
 *
 * @param folder that paths are relative to
 */
export function bootedMedium({ devices = [], type }: MachineInput, folder: string): BootedMedium | undefined {
  const [booted, ...others] = devices
    .flatMap((device) => mediumOf(device, { folder, type }))
    .toSorted((a, b) => a.index - b.index || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
  if (!booted) return undefined
  const { firmware, name, isTooSmall } = booted
  const by = firmware === 'bios' ? 'BIOS' : 'UEFI'
  const small = isTooSmall ? '; SeaBIOS boots so small a disk only on --type pc with bus=ide' : ''
  const rest = others.length === 0 ? '' : `; ${skippedText(others.map((other) => other.name))}`
  return {
    firmware,
    note: `booting ${name} by ${by}; for the bundled kernel, add --profile probe${small}${rest}`,
  }
}

const skippedText = (names: readonly string[]) =>
  `${names.join(' and ')} could boot too: the medium with the lowest bootindex boots (bootindex=0)`

/** An image of the flags of which bringup cannot say that it boots, and which the bundled kernel gets as hardware. */
export function unbootedMedium({ devices = [] }: MachineInput): BootedMedium | undefined {
  const [name] = devices.flatMap(imageOf)
  if (name === undefined) return undefined
  return {
    note: `booting the bundled kernel: no boot record for BIOS was found on ${basename(name)}; to boot it all the same, add --profile bare, and --firmware uefi for UEFI`,
  }
}

interface Medium {
  readonly kind: string
  readonly name: string
  readonly index: number
  readonly firmware: MediumFirmware
  /** For SeaBIOS to read it where it is plugged in. */
  readonly isTooSmall: boolean
}

/** The image of a drive; undefined for a disk that bringup makes. */
const imageOf = (device: Device): string | undefined =>
  device.kind === 'cdrom' || device.kind === 'floppy' || device.kind === 'disk' ? device.file : undefined

function mediumOf(
  device: Device,
  { folder, type }: { readonly folder: string; readonly type: string | undefined },
): readonly Medium[] {
  const file = imageOf(device)
  if (file === undefined) return []
  const path = resolve(folder, file)
  const isRaw = device.kind !== 'disk' || formatOf(device) === 'raw'
  const firmware = device.kind === 'cdrom' ? bootCatalogOf(path) : isRaw ? bootSectorOf(path) : undefined
  if (firmware === undefined) return []
  const index = 'bootindex' in device ? device.bootindex : undefined
  const isOnIde = type === 'pc' && device.kind === 'disk' && device.bus === 'ide'
  const isTooSmall = device.kind === 'disk' && !isOnIde && statSync(path).size < CYLINDER_BYTES
  return [
    {
      kind: device.kind,
      name: basename(file),
      index: index ?? Number.MAX_SAFE_INTEGER,
      firmware,
      isTooSmall,
    },
  ]
}
