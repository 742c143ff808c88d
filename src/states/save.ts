/**
 * Saves a running guest: pauses it, has QEMU write the device state, copies the RAM, and resumes it. `x-ignore-shared`
 * leaves RAM in shared memory files out of the stream (qapi/migration.json), and those files are reachable by the
 * descriptors of QEMU (proc(5)). The stream comes over a socket in the folder of the state: QEMU 7.2 writes to no
 * descriptor that it has inherited, and a path by a descriptor of the folder is short enough for a socket.
 */
import { once } from 'node:events'
import {
  closeSync,
  createWriteStream,
  openSync,
  readdirSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { StoreClaim } from '../machine/device.ts'
import { OWN_FILE } from '../own-files.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { copyFile } from './copy-file.ts'
import { type ListedBlock, listedBlocks } from './device-stream.ts'
import type { Drive } from './disk-chain.ts'
import { type CopiedDisk, copyDisks, diskObstacle } from './disks.ts'
import { sendState } from './migration.ts'
import type { OpenState } from './open-state.ts'
import { linkOf } from './private-memory.ts'
import { FILES, ramFile, storeFile } from './record.ts'
import { completeBase, copyBase, type RestoredMemory } from './restored-memory.ts'
import type { RamBlock } from './state-args.ts'

/** What is saved besides the devices. */
export interface Content {
  /** RAM in memory files. What is not among them is in the stream of the devices. */
  readonly blocks: readonly RamBlock[]
  /** Ids of memory in named files that the guest writes to, which is in no stream. */
  readonly sharedFiles: ReadonlySet<string>
  /** Folders that the guest reads as disks. */
  readonly folders: readonly string[]
  /** Of a restored guest that was not reset since. */
  readonly restored?: RestoredMemory
  /** Backends of memories that the guest shares with others; their content is not in the state of the guest. */
  readonly windows: readonly string[]
  readonly drives: readonly Drive[]
  /** Folder of the state that the guest was restored from. */
  readonly restoredFrom: string | undefined
  /** Stores whose content is copied. */
  readonly stores: readonly Pick<StoreClaim, 'path' | 'device'>[]
  /** What the guest has printed; undefined if that is not known, or if the guest is not to be saved. */
  readonly printed: () => Buffer | undefined
}

/** What was copied of it. */
export type Copied = Pick<Content, 'blocks' | 'stores' | 'folders'> & {
  readonly disks: readonly CopiedDisk[]
}

/** Why a guest was not saved, as a clause. */
export class NotSaved extends Error {}

/** A guest that is being copied, and is paused for as little of it as possible. */
export interface GuestCopy {
  pause(): Promise<void>
  /**
   * Copies the paused guest.
   *
   * @returns what was copied besides the stream
   */
  copy(): Promise<Copied>
  resume(): Promise<void>
}

/**
 * Copies into the folder what can be copied while the guest runs.
 *
 * @throws NotSaved, errors of the system
 */
export async function beginCopy(
  qemu: Pick<QemuProcess, 'qmp' | 'pid'>,
  content: Content,
  { path }: Pick<OpenState, 'path'>,
): Promise<GuestCopy> {
  const { restored, stores, drives, folders, restoredFrom } = content
  const obstacle = diskObstacle(drives)
  if (obstacle !== undefined) throw new NotSaved(obstacle)
  const base = restored && (await copyBase(qemu.pid, restored, path))
  return {
    async pause() {
      await qemu.qmp.execute('stop')
    },
    async resume() {
      await qemu.qmp.execute('cont')
    },
    async copy() {
      const blocks =
        base && (await completeBase(qemu, base, path)) ? base.blocks : await copyMemory(qemu, content, path)
      // QEMU wrote the last byte before it answered `stop`, and answers to later commands have been read since.
      const text = content.printed()
      if (text === undefined) throw new NotSaved('the log of its console is incomplete')
      writeFileSync(join(path, FILES.console), text, { mode: OWN_FILE })
      await Promise.all(stores.map((store) => copyFile(store.path, join(path, storeFile(store.device)))))
      const disks = await copyDisks(qemu, drives, { folder: path, restoredFrom })
      return { blocks, stores, folders, disks }
    },
  }
}

/**
 * Copies the current state of the guest into the folder. The guest has resumed when this settles; `seal` completes the folder.
 *
 * @returns what was copied besides the stream
 * @throws NotSaved, or errors of QEMU and the system; the guest is resumed in any case
 */
export async function copyGuest(
  qemu: Pick<QemuProcess, 'qmp' | 'pid'>,
  content: Content,
  open: Pick<OpenState, 'path'>,
): Promise<Copied> {
  const guest = await beginCopy(qemu, content, open)
  await guest.pause()
  try {
    return await guest.copy()
  } finally {
    await guest.resume()
  }
}

/** Copies devices and RAM. @returns the blocks that are not in the stream */
async function copyMemory(
  qemu: Pick<QemuProcess, 'qmp' | 'pid'>,
  { blocks, sharedFiles, windows }: Content,
  path: string,
): Promise<readonly RamBlock[]> {
  const { ramBytes } = await copyDevices(qemu, path)
  const stream = join(path, FILES.devices)
  const listed = blocks.length + windows.length > 0 ? listedBlocks(beginningOf(stream)) : []
  clearAddresses(
    stream,
    listed.filter(({ backend }) => windows.includes(backend)),
  )
  if (blocks.length === 0 || !areOmitted({ blocks, sharedFiles }, ramBytes, listed)) return []
  const sources = memoryFiles(qemu.pid, blocks)
  await Promise.all(sources.map((source, i) => copyFile(source, join(path, ramFile(blocks[i]?.id ?? '')))))
  return blocks
}

/** Bytes of a stream that contain the list of its blocks, of which a machine has some tens. */
const HEAD = 64 * 1024

/**
 * Whether QEMU left the memory files out of the stream: those before 8.2 do, later ones leave out named files only. All
 * that it lists besides is in the stream, such as the memory of a graphics card.
 */
function areOmitted(
  { blocks, sharedFiles }: Pick<Content, 'blocks' | 'sharedFiles'>,
  ramBytes: number,
  listed: readonly ListedBlock[],
): boolean {
  const sum = (isMeant: (backend: string) => boolean) =>
    listed.reduce((total, { backend, bytes }) => total + (isMeant(backend) ? bytes : 0), 0)
  const omitted = sum(() => true) - ramBytes - sum((backend) => sharedFiles.has(backend))
  if (omitted === 0) return false
  if (omitted === sum((backend) => blocks.some(({ id }) => id === backend))) return true
  throw new NotSaved(`QEMU left ${omitted} unexpected bytes of memory out of its stream`)
}

/**
 * Sets the addresses of windows to 0. QEMU compares addresses of memory that is not in the stream when it loads RAM, and
 * knows only later where the BARs of devices are.
 */
function clearAddresses(stream: string, windows: readonly ListedBlock[]): void {
  if (windows.length === 0) return
  const fd = openSync(stream, 'r+')
  try {
    for (const { addressAt } of windows) writeSync(fd, Buffer.alloc(8), 0, 8, addressAt)
  } finally {
    closeSync(fd)
  }
}

function beginningOf(path: string): Buffer {
  const fd = openSync(path, 'r')
  try {
    const head = Buffer.alloc(HEAD)
    return head.subarray(0, readSync(fd, head, 0, HEAD, 0))
  } finally {
    closeSync(fd)
  }
}

const SOCKET = 'socket'

async function copyDevices(qemu: Pick<QemuProcess, 'qmp'>, path: string) {
  const folder = openSync(path, 'r')
  const at = `/proc/${process.pid}/fd/${folder}/${SOCKET}`
  const server = createServer().listen(at)
  try {
    const received = once(server, 'connection').then(([stream]) =>
      pipeline(
        stream as Socket,
        createWriteStream(join(path, FILES.devices), { flags: 'wx', mode: OWN_FILE }),
      ),
    )
    let unwritten: unknown
    received.catch((error: unknown) => {
      unwritten = error
    })
    // QEMU only knows that its peer is gone.
    const sent = await sendState(qemu, `unix:${at}`).catch((error: unknown) => {
      throw unwritten ?? error
    })
    await received
    return sent
  } finally {
    server.close()
    closeSync(folder)
  }
}

/** Numbers of inodes that a CPU takes at once (get_next_ino in fs/inode.c): within them, they count up. */
const INODES_OF_CPU = 1024

/**
 * Paths of the memory files that hold the blocks. QEMU makes them one after the other, so descriptors count up in the
 * order of the arguments, and inodes do while QEMU stays on one CPU; whatever else would be found is not saved.
 */
function memoryFiles(pid: number, blocks: readonly RamBlock[]): readonly string[] {
  if (blocks.length === 0) return []
  const folder = `/proc/${pid}/fd`
  const found = readdirSync(folder)
    .map(Number)
    .toSorted((a, b) => a - b)
    .map((fd) => join(folder, `${fd}`))
    .filter((path) => linkOf(path).startsWith('/memfd:memory-backend-memfd'))
    .map((path) => ({ path, ...identityOf(path) }))
  const isInOrder = found.every((file, i) => follows(file, found[i - 1]))
  const fits = found.length === blocks.length && found.every(({ size }, i) => size === blocks[i]?.bytes)
  if (!isInOrder || !fits) throw new NotSaved('its RAM was not found in the memory files of QEMU')
  return found.map(({ path }) => path)
}

interface MemoryFile {
  readonly ino: number
  readonly size: number
}

function follows({ ino }: MemoryFile, before: MemoryFile | undefined): boolean {
  if (before === undefined) return true
  const isOfSameCpu = Math.floor(ino / INODES_OF_CPU) === Math.floor(before.ino / INODES_OF_CPU)
  return !isOfSameCpu || ino > before.ino
}

function identityOf(path: string): MemoryFile {
  const { ino, size } = statSync(path)
  return { ino, size }
}
