/**
 * Saves a guest that was restored. It maps its RAM privately, so QEMU would put all of it into the stream; instead, the
 * mapped files are copied while the guest still runs, and the pages that it wrote since are added while it is paused.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OWN_FILE } from '../own-files.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { copyFile } from './copy-file.ts'
import { ramPart, withDevices } from './device-stream.ts'
import { saveDevices } from './migration.ts'
import { addWrittenPages, openedBy } from './private-memory.ts'
import { FILES, ramFile } from './record.ts'
import type { RamBlock } from './state-args.ts'

/** Where the memory of a restored guest comes from. */
export interface RestoredMemory {
  readonly blocks: readonly RamBlock[]
  /** Files that memory backends map, by the ids of the backends. */
  readonly files: ReadonlyMap<string, string>
  /** Ids of those that are in no stream. */
  readonly sharedFiles: ReadonlySet<string>
  /** Path of the stream that it was restored from. */
  readonly stream: string
}

/** The files of such a guest, copied without the pages that it wrote. */
export interface Base {
  readonly blocks: readonly RamBlock[]
  readonly sources: readonly string[]
  /** Of the stream, what precedes the devices. */
  readonly ram: Buffer
}

/** Undefined if its memory is not all in files, or the stream contains what cannot be taken from another one. */
export async function copyBase(
  pid: number,
  { blocks, files, sharedFiles, stream }: RestoredMemory,
  folder: string,
): Promise<Base | undefined> {
  try {
    // A private mapping of another file was in the stream, and the guest may have written to it since.
    const ram = ramPart(readFileSync(stream), new Set([...blocks.map(({ id }) => id), ...sharedFiles]))
    const sources = blocks.map(({ id }) => openedBy(pid, files.get(id) ?? '') ?? '')
    if (sources.includes('')) return undefined
    await Promise.all(
      sources.map((source, i) => copyFile(source, join(folder, ramFile(blocks[i]?.id ?? '')))),
    )
    return { blocks, sources, ram }
  } catch {
    removeBase(blocks, folder)
    return undefined
  }
}

/** Adds the written pages and the devices of the guest, which is paused. False if that is impossible here. */
export async function completeBase(
  qemu: Pick<QemuProcess, 'qmp' | 'pid'>,
  { blocks, sources, ram }: Base,
  folder: string,
): Promise<boolean> {
  const devices = join(folder, FILES.devices)
  const alone = `${devices}.alone`
  try {
    // Made first, so that it is accessible to this user only.
    writeFileSync(alone, '', { mode: OWN_FILE })
    await saveDevices(qemu, alone)
    writeFileSync(devices, withDevices(ram, readFileSync(alone)), { mode: OWN_FILE, flag: 'wx' })
    for (const [i, source] of sources.entries())
      addWrittenPages(qemu.pid, source, join(folder, ramFile(blocks[i]?.id ?? '')))
    return true
  } catch {
    removeBase(blocks, folder)
    rmSync(devices, { force: true })
    return false
  } finally {
    rmSync(alone, { force: true })
  }
}

function removeBase(blocks: readonly RamBlock[], folder: string): void {
  for (const { id } of blocks) rmSync(join(folder, ramFile(id)), { force: true })
}
