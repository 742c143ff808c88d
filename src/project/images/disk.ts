/** Disks with a partition table. Partitions begin at whole MiB, as partitioning programs align them. */
import { closeSync, ftruncateSync, openSync, readSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { BringupError, type Diagnostic } from '../../diagnostics.ts'
import { copyInto, replaceFile, writeAll } from './files.ts'
import { GPT_SECTORS, gptTables, gptType } from './gpt.ts'
import type { DiskImage, Partition } from './image.ts'
import { problems } from './problems.ts'

const SECTOR = 512
const MIB = 1024 * 1024
/** Boot code ends where the disk signature begins. */
const BOOT_CODE_BYTES = 440
/** MBR type bytes by the names that bringup gives them; 0xef is the EFI system partition (UEFI 2.10, 5.2.2). */
const MBR_TYPES: Readonly<Record<string, number>> = { esp: 0xef, linux: 0x83, basic: 0x0c }

interface Placed extends Partition {
  readonly first: number
  readonly sectors: number
}

/**
 * Writes a disk.
 *
 * @throws BringupError with everything that is wrong: IMAGE_WRONG, IMAGE_TOO_SMALL
 */
export async function writeDisk(image: DiskImage, to: string, folder: string): Promise<void> {
  const placed = place(image, folder)
  const end = placed.reduce((sum, p) => Math.max(sum, p.first + p.sectors), MIB / SECTOR)
  const tail = image.table === 'gpt' ? GPT_SECTORS - 1 : 0
  const least = Math.ceil(((end + tail) * SECTOR) / MIB) * MIB
  const bytes = image.bytes ?? least
  const wrong = [
    ...placed.flatMap((p, index) => checkPartition(image, p, index, folder)),
    ...(image.table === 'mbr' && placed.length > 4
      ? [problems.IMAGE_WRONG.at('partitions', `an MBR has four entries, not ${placed.length}`)]
      : []),
    ...(bytes % SECTOR !== 0
      ? [problems.IMAGE_WRONG.at('bytes', `${bytes} is not a whole number of sectors`)]
      : bytes < (end + tail) * SECTOR
        ? [problems.IMAGE_TOO_SMALL.at('bytes', `the partitions need ${least} bytes, the disk has ${bytes}`)]
        : []),
  ]
  if (wrong.length > 0) throw new BringupError(wrong)
  await replaceFile(to, (_path, fd) => {
    ftruncateSync(fd, bytes)
    writeAll(fd, masterBootRecord(image, placed, bytes / SECTOR, folder), 0)
    if (image.table === 'gpt')
      for (const table of gptTables(bytes / SECTOR, placed.map(gptEntry)))
        writeAll(fd, table.bytes, table.sector * SECTOR)
    for (const { from, first } of placed)
      if (from !== undefined) copyInto(fd, resolve(folder, from), first * SECTOR)
  })
}

function place(image: DiskImage, folder: string): readonly Placed[] {
  let next = MIB / SECTOR
  return image.partitions.map((partition) => {
    const bytes = partition.bytes ?? (partition.from === undefined ? MIB : sizeIn(folder, partition.from))
    const placed = {
      ...partition,
      first: next,
      sectors: Math.ceil(Math.max(bytes, 1) / MIB) * (MIB / SECTOR),
    }
    next += placed.sectors
    return placed
  })
}

function checkPartition(
  image: DiskImage,
  partition: Placed,
  index: number,
  folder: string,
): readonly Diagnostic[] {
  const { type, from, sectors } = partition
  const path = `partitions[${index}]`
  const isKnown = image.table === 'gpt' ? gptType(type) !== undefined : mbrType(type) !== undefined
  const wants = image.table === 'gpt' ? 'a GUID' : 'a byte such as 0x83'
  const size = from === undefined ? 0 : sizeIn(folder, from)
  return [
    ...(isKnown
      ? []
      : [problems.IMAGE_WRONG.at(path, `"${type}" is no type of partition: give a name or ${wants}`)]),
    ...(size > sectors * SECTOR
      ? [problems.IMAGE_TOO_SMALL.at(path, `${from} has ${size} bytes, its partition ${sectors * SECTOR}`)]
      : []),
  ]
}

const sizeIn = (folder: string, path: string) => statSync(resolve(folder, path)).size

function mbrType(type: string): number | undefined {
  return MBR_TYPES[type] ?? (/^0x[0-9a-f]{1,2}$/i.test(type) ? Number(type) : undefined)
}

const gptEntry = ({ name, type, first, sectors, isActive }: Placed) => ({
  name: name ?? type,
  typeGuid: gptType(type) ?? '',
  firstSector: first,
  lastSector: first + sectors - 1,
  isActive: isActive === true,
})

function masterBootRecord(
  image: DiskImage,
  partitions: readonly Placed[],
  sectors: number,
  folder: string,
): Buffer {
  const bytes = Buffer.alloc(SECTOR)
  if (image.bootCode !== undefined) readBootCode(resolve(folder, image.bootCode)).copy(bytes)
  // GPT: one entry of type 0xee over the whole disk keeps older tools away (UEFI 2.10, 5.2.3).
  const entries =
    image.table === 'gpt'
      ? [{ type: 0xee, first: 1, sectors: Math.min(sectors - 1, 0xffffffff), isActive: false }]
      : partitions.map((p) => ({ ...p, type: mbrType(p.type) ?? 0, isActive: p.isActive === true }))
  entries.forEach(({ type, first, sectors: count, isActive }, index) => {
    const at = 446 + index * 16
    bytes.writeUInt8(isActive ? 0x80 : 0, at)
    // CHS addresses that mean "use the LBA fields"; the protective entry begins at 0/0/2.
    bytes.set(type === 0xee ? [0x00, 0x02, 0x00] : [0xfe, 0xff, 0xff], at + 1)
    bytes.writeUInt8(type, at + 4)
    bytes.set([0xff, 0xff, 0xff], at + 5)
    bytes.writeUInt32LE(first, at + 8)
    bytes.writeUInt32LE(count, at + 12)
  })
  bytes.writeUInt16LE(0xaa55, 510)
  return bytes
}

function readBootCode(path: string): Buffer {
  const bytes = Buffer.alloc(BOOT_CODE_BYTES)
  const fd = openSync(path, 'r')
  readSync(fd, bytes, 0, BOOT_CODE_BYTES, 0)
  closeSync(fd)
  return bytes
}
