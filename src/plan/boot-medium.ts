/** What firmware could start from an image: its boot sector, or the boot catalog of an ISO. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** Firmware that starts from a medium. */
export type MediumFirmware = 'bios' | 'uefi'

const SECTOR = 512
const BLOCK = 2048
/** The code of a master boot record ends here (table of partitions behind it). */
const CODE_BYTES = 440

/**
 * Programs that make file systems leave a boot sector that only prints that the disk cannot be booted.
 * Sources: dosfstools mkfs.fat, ntfs-3g mkntfs.
 */
const STUB = /not a bootable disk|non-system disk|non-bootable disk/i

/** Firmware that starts from a disk or a floppy: BIOS, from a first sector with its signature and code. */
export function bootSectorOf(path: string): MediumFirmware | undefined {
  const sector = readAt(path, 0, SECTOR)
  if (sector.length < SECTOR || sector.readUInt16LE(SECTOR - 2) !== 0xaa55) return undefined
  const code = sector.subarray(0, CODE_BYTES)
  return code.some((byte) => byte !== 0) && !STUB.test(sector.toString('latin1')) ? 'bios' : undefined
}

/** Firmware that starts from an ISO by its boot catalog: BIOS, if it can. Source: El Torito 1.0, section 2. */
export function bootCatalogOf(path: string): MediumFirmware | undefined {
  const record = readAt(path, 17 * BLOCK, BLOCK)
  if (record.toString('latin1', 0, 30) !== '\x00CD001\x01EL TORITO SPECIFICATION') return undefined
  const catalog = readAt(path, record.readUInt32LE(0x47) * BLOCK, BLOCK)
  if (catalog[0] !== 1 || catalog[0x1e] !== 0x55 || catalog[0x1f] !== 0xaa) return undefined
  const platforms = new Set<number | undefined>()
  let platform = catalog[1]
  for (let at = 32; at + 32 <= catalog.length; at += 32) {
    const kind = catalog[at]
    // Headers of sections name the platform of the entries behind them; the last one is 0x91.
    if (kind === 0x90 || kind === 0x91) platform = catalog[at + 1]
    else if (kind === 0x88) platforms.add(platform)
    else if (kind === 0x44) continue
    else if (at > 32) break
  }
  if (platforms.has(0)) return 'bios'
  return platforms.has(0xef) ? 'uefi' : undefined
}

/** What is there of a regular file; nothing of anything else, or if it cannot be read. */
function readAt(path: string, offset: number, bytes: number): Buffer {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return Buffer.alloc(0)
  }
  try {
    const buffer = Buffer.alloc(bytes)
    return fstatSync(fd).isFile()
      ? buffer.subarray(0, readSync(fd, buffer, 0, bytes, offset))
      : Buffer.alloc(0)
  } catch {
    return Buffer.alloc(0)
  } finally {
    closeSync(fd)
  }
}
