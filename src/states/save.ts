/**
 * Saves a running guest: it stands still while QEMU writes the state of its devices and its RAM is copied, and goes on
 * then. Recipe: `x-ignore-shared` leaves RAM in shared memory files out of the stream (qapi/migration.json), and those
 * files are reachable by the descriptors of QEMU (proc(5)). QEMU 7.2 writes to no descriptor that it has inherited, so the
 * stream comes over a socket in the folder of the state; a path by a descriptor of that folder is always short enough.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  createWriteStream,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { makeFolder, OWN_FILE, writeWhole } from '../own-files.ts'
import { type Guard, startGuard } from '../processes/guard.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { randomDigits } from '../random-name.ts'
import { migrate } from './migration.ts'
import { FILES, FORMAT, ramFile, readState, type StateRecord, sealOf } from './record.ts'
import type { RamBlock } from './state-args.ts'

/** Id of the descriptor that QEMU inherits: of the folder to be filled, or of the file of the devices. */
export const STATE_FD = 'state'

/** What is to be known of a state later. */
export type About = Pick<StateRecord, 'key' | 'machine' | 'profile' | 'qemu' | 'moment' | 'boot' | 'resumed'>

/** A folder that is being filled. It is taken away with this process, unless it was kept. */
export interface OpenState extends Disposable {
  /** Of the folder, for QEMU to inherit. */
  readonly fd: number
  readonly path: string
  /** From now on it is the state of that name, and stays. False where there is one already. */
  keep(): boolean
}

/** Undefined where it cannot be made: the guest boots all the same. */
export function beginState(folder: string): OpenState | undefined {
  const path = `${folder}.${randomDigits(16)}.part`
  const guard = startGuard({ graceMs: 0, remove: path })
  try {
    makeFolder(path)
    return filling(folder, path, { guard, fd: openSync(path, 'r') })
  } catch {
    guard.process.stdin?.destroy()
    return undefined
  }
}

function filling(
  folder: string,
  path: string,
  { guard, fd }: { readonly guard: Guard; readonly fd: number },
): OpenState {
  let isKept = false
  let isDone = false
  return {
    fd,
    path,
    keep() {
      if (typeof readState(folder) === 'object') return false
      // What lies there cannot be used.
      rmSync(folder, { recursive: true, force: true })
      renameSync(path, folder)
      isKept = true
      return true
    },
    [Symbol.dispose]() {
      if (isDone) return
      isDone = true
      closeSync(fd)
      if (!isKept) rmSync(path, { recursive: true, force: true })
      guard[Symbol.dispose]()
    },
  }
}

/** Why a guest was not saved, as a clause. */
export class NotSaved extends Error {}

/**
 * Copies what the guest is at this moment into the folder. It goes on when this resolves; `seal` is what is left to do.
 *
 * @throws NotSaved, and what QEMU and the system say; the guest goes on all the same
 */
export async function copyGuest(
  qemu: Pick<QemuProcess, 'qmp' | 'pid' | 'inherited'>,
  blocks: readonly RamBlock[],
  { path, fd: own }: Pick<OpenState, 'path' | 'fd'>,
): Promise<void> {
  const fd = qemu.inherited.get(STATE_FD)
  if (fd === undefined) throw new NotSaved('QEMU has no descriptor for it')
  await qemu.qmp.execute('stop')
  try {
    await refuseWritten(qemu)
    const devices = receive(`/proc/self/fd/${own}/${SOCKET}`, join(path, FILES.devices))
    await migrate(qemu, 'migrate', `unix:/proc/self/fd/${fd}/${SOCKET}`)
    await devices
    const sources = memoryFiles(qemu.pid, blocks)
    await Promise.all(
      sources.map((source, i) => copyMemory(source, join(path, ramFile(blocks[i]?.id ?? '')))),
    )
  } finally {
    await qemu.qmp.execute('cont')
  }
}

const SOCKET = 'socket'

/** Listens at once, and writes to a file what the first one who connects sends. */
async function receive(at: string, file: string): Promise<void> {
  const server = createServer().listen(at)
  try {
    const [stream] = (await once(server, 'connection')) as [Socket]
    await pipeline(stream, createWriteStream(file, { flags: 'wx', mode: OWN_FILE }))
  } finally {
    server.close()
  }
}

/** What a guest wrote to a disk is not in the state. */
async function refuseWritten({ qmp }: Pick<QemuProcess, 'qmp'>): Promise<void> {
  const disks = (await qmp.execute('query-blockstats')) as readonly {
    readonly qdev?: string
    readonly stats?: { readonly wr_operations?: number }
  }[]
  const written = disks.find(({ stats }) => (stats?.wr_operations ?? 0) > 0)
  if (written) throw new NotSaved(`the guest had written to the disk ${written.qdev ?? ''}`)
}

/**
 * Paths of the memory files that hold the blocks. QEMU makes them one after the other, so descriptors and inodes both
 * count up in the order of the arguments; whatever else would be found is not saved.
 */
function memoryFiles(pid: number, blocks: readonly RamBlock[]): readonly string[] {
  const folder = `/proc/${pid}/fd`
  const found = readdirSync(folder)
    .map(Number)
    .toSorted((a, b) => a - b)
    .map((fd) => join(folder, `${fd}`))
    .filter((path) => linkOf(path).startsWith('/memfd:memory-backend-memfd'))
    .map((path) => ({ path, ...identityOf(path) }))
  const isInOrder = found.every(({ ino }, i) => i === 0 || ino > (found[i - 1]?.ino ?? 0))
  const fits = found.length === blocks.length && found.every(({ size }, i) => size === blocks[i]?.bytes)
  if (!isInOrder || !fits) throw new NotSaved('its RAM was not found in the memory files of QEMU')
  return found.map(({ path }) => path)
}

function identityOf(path: string): { readonly ino: number; readonly size: number } {
  const { ino, size } = statSync(path)
  return { ino, size }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** cp knows holes (SEEK_DATA), which Node does not. Most of the RAM of a guest that has just booted is one. */
async function copyMemory(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['--sparse=always', '--no-preserve=all', from, to], {
    env: { ...process.env, LC_ALL: 'C' },
  })
}

/**
 * Puts on the disk what was copied, writes the record, and gives the folder its name. False where another process had
 * the same state ready first.
 */
export async function seal(
  open: OpenState,
  blocks: readonly RamBlock[],
  { about, consoleLog }: { readonly about: About; readonly consoleLog: string },
): Promise<boolean> {
  const { path } = open
  copyFileSync(consoleLog, join(path, FILES.console))
  const names = [...blocks.map(({ id }) => ramFile(id)), FILES.devices]
  const bytes = await Promise.all(names.map((name) => written(join(path, name))))
  const [devices, ...ram] = names.map((name) => ({ name, seal: sealOf(join(path, name)) })).toReversed() as [
    StateRecord['devices'],
    ...StateRecord['ram'],
  ]
  const record: StateRecord = {
    format: FORMAT,
    ...about,
    made: new Date().toISOString(),
    ram: ram.toReversed(),
    devices,
    devicesSha256: createHash('sha256')
      .update(readFileSync(join(path, FILES.devices)))
      .digest('hex'),
    bytes: bytes.reduce((sum, one) => sum + one, 0),
  }
  writeWhole(join(path, FILES.record), `${JSON.stringify(record, null, 2)}\n`)
  return open.keep()
}

/** Waits until a file is on the disk, for this user alone; returns the bytes that it takes there. */
async function written(path: string): Promise<number> {
  const file = await open(path, 'r')
  try {
    await file.chmod(OWN_FILE)
    await file.sync()
    return (await file.stat()).blocks * 512
  } finally {
    await file.close()
  }
}
