/**
 * Gathers what the rules need to know of this computer. Reads only, and synchronously: the kernel answers all of it from
 * memory, and a run may not wait for more than a millisecond or two here.
 */
import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { imageUse, lockHolder } from '../host/file-locks.ts'
import { type Mount, mountOf, readMounts } from '../host/mounts.ts'
import type { Facts, FileFact } from '../machine/facts.ts'
import { readOnce } from '../read-once.ts'
import { isOnDaxDisk, readDaxDevice } from '../stores/dax-device.ts'
import { readTail } from '../stores/labels.ts'
import { readRecord } from '../stores/record.ts'
import { imageFiles } from './qcow2.ts'
import { sniff } from './sniff.ts'

/**
 * The facts about these paths and about the computer as a whole.
 *
 * @param knownLocks What `/proc/locks` says, where that was read already.
 * @param paths As the description has them; they are the keys of `facts.files`. Relative ones start from the current folder.
 * @param stateFolder Where records of stores are that have no folder of their own.
 */
export function gatherFacts(
  paths: readonly string[],
  known: Pick<Facts, 'qemu' | 'accelerators' | 'cpu' | 'hostPorts'>,
  stateFolder = '.bringup',
  knownLocks?: string,
): Facts {
  // Reading it makes the kernel wait for all CPUs (an RCU grace period, 5 to 15 ms): not without need, and once.
  let read = knownLocks
  const locks = () => {
    read ??= readOr('/proc/locks')
    return read
  }
  const mounts = readOnce(['mounts'], readMounts)
  const gather = (path: string) => gatherFile(path, { mounts, locks, stateFolder })
  return {
    ...known,
    files: new Map(
      [...new Set(paths)].map((path) => [path, readOnce(['file', path, stateFolder], () => gather(path))]),
    ),
    ...readOnce(['computer'], readComputer),
  }
}

function readComputer(): Pick<Facts, 'hostNodes' | 'hugePages' | 'isRoot' | 'hostBytes'> {
  return {
    hostNodes: parseList(readOr('/sys/devices/system/node/online')),
    hugePages: readHugePages('/sys/kernel/mm/hugepages'),
    isRoot: process.geteuid?.() === 0,
    hostBytes: Number(/^MemTotal:\s+(\d+) kB/m.exec(readOr('/proc/meminfo'))?.[1] ?? 0) * 1024,
  }
}

interface Sources {
  readonly mounts: readonly Mount[]
  readonly locks: () => string
  readonly stateFolder: string
}

/** For a missing file, `isWritable` says whether it could be made, and the file system is the one it would be on. */
function gatherFile(path: string, { mounts, locks, stateFolder }: Sources): FileFact {
  const stats = statOr(path)
  const existing = stats ? path : ancestor(path)
  const mount = mountOf(realpathOr(existing), mounts)
  const kind = kindOf(stats)
  const isReadable = stats !== undefined && mayAccess(path, constants.R_OK)
  const { content, kernel } = (kind === 'file' && isReadable ? sniff(path) : undefined) ?? {}
  const isStore = isLockable(kind, content)
  const holder = isStore ? lockHolder(path, locks()) : undefined
  const use = holder && imageUse(path, locks())
  return {
    path,
    kind,
    bytes: kind === 'file' ? (stats?.size ?? 0) : 0,
    isReadable,
    isWritable:
      mayAccess(existing, constants.W_OK) &&
      (stats !== undefined || statOr(existing)?.isDirectory() === true),
    freeBytes: freeBytesOf(existing),
    hasParent: stats !== undefined || statOr(dirname(path))?.isDirectory() === true,
    ...(mount ? { fileSystem: mount.type, mountOptions: mount.options } : {}),
    ...(content === undefined ? {} : { content }),
    ...(content === 'qcow2' ? gatherImage(path, locks) : {}),
    ...(use ? { imageUse: use } : {}),
    ...(kernel ? { kernel } : {}),
    ...(holder ? { lockedBy: holder } : {}),
    ...(isStore && stats ? gatherStore(path, stats, stateFolder) : {}),
    ...(mayBeDax(path, kind, existing) ? { mayBeDax: true } : {}),
  }
}

function gatherImage(path: string, locks: Sources['locks']): Pick<FileFact, 'imageFiles' | 'isEncrypted'> {
  const { files: found, isEncrypted } = imageFiles(path)
  const files = found.map((image) => {
    const use = image.file === undefined ? undefined : imageUse(image.file, locks())
    return use ? { ...image, use } : image
  })
  return { ...(files.length > 0 ? { imageFiles: files } : {}), ...(isEncrypted ? { isEncrypted } : {}) }
}

/** What a store is beyond its file. */
function gatherStore(
  path: string,
  stats: Stats,
  stateFolder: string,
): Pick<FileFact, 'record' | 'tail' | 'daxDevice'> {
  const record = readRecord(path, stateFolder)
  const tail = stats.isFile() ? readTail(path, stats.size) : undefined
  const daxDevice = stats.isCharacterDevice() ? readDaxDevice(path) : undefined
  return { ...(record ? { record } : {}), ...(tail ? { tail } : {}), ...(daxDevice ? { daxDevice } : {}) }
}

/** Whether it is worth asking for MAP_SYNC: neither a directory nor a disk that is no memory can grant it. */
function mayBeDax(path: string, kind: FileFact['kind'], existing: string): boolean {
  if (kind === 'character-device') return readDaxDevice(path) !== undefined
  return (
    (kind === 'file' || kind === 'missing') &&
    statOr(existing) !== undefined &&
    readOnce(['dax', existing], () => isOnDaxDisk(existing))
  )
}

/** Programs and archives are only read, so locks on them do not matter. */
const ONLY_READ: readonly (FileFact['content'] | undefined)[] = [
  'linux-bzimage',
  'elf-pvh',
  'elf-multiboot',
  'zimage',
  'elf64',
  'elf32',
  'pe',
  'gzip',
  'xz',
  'cpio',
]

function isLockable(kind: FileFact['kind'], content: FileFact['content']): boolean {
  if (kind === 'file') return !ONLY_READ.includes(content)
  return kind === 'character-device' || kind === 'block-device'
}

/** The nearest folder above that exists. */
function ancestor(path: string): string {
  const folder = dirname(path)
  return folder === path || statOr(folder) ? folder : ancestor(folder)
}

function kindOf(stats: Stats | undefined): FileFact['kind'] {
  if (!stats) return 'missing'
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isCharacterDevice()) return 'character-device'
  return stats.isBlockDevice() ? 'block-device' : 'other'
}

/** Undefined also for what is behind a folder that may not be searched, or behind a file. */
function statOr(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function mayAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

function freeBytesOf(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return 0
  }
}

function realpathOr(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The kernel's lists: `0-1,4`. */
export function parseList(text: string): readonly number[] {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first = '', last = first] = range.split('-')
      if (first === '') return []
      return Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i)
    })
}

function readHugePages(folder: string): Facts['hugePages'] {
  let names: readonly string[] = []
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const kib = /^hugepages-(\d+)kB$/.exec(name)?.[1]
    const count = (file: string) => Number(readOr(`${folder}/${name}/${file}`).trim())
    return kib === undefined
      ? []
      : [{ bytes: Number(kib) * 1024, total: count('nr_hugepages'), free: count('free_hugepages') }]
  })
}
