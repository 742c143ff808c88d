/** Who holds an advisory lock on a file. Source: `/proc/locks`, proc(5). */
import { type BigIntStats, closeSync, openSync, read, readFileSync, statSync } from 'node:fs'
import type { ImageUse } from '../machine/facts.ts'
import { listFolder, readText } from './read-file.ts'

export interface LockHolder {
  readonly pid: number
  readonly mode: 'read' | 'write'
  /** Name of the program, `?` when the process belongs to another user or has just exited. */
  readonly command: string
}

const LOCKS = '/proc/locks'

/** One line: `3: FLOCK  ADVISORY  WRITE 4711 fd:01:131075 0 EOF`. Waiters have `->` after the number. */
const LINE = /^\d+: (?:FLOCK|POSIX|OFDLCK)\s+\S+\s+(READ|WRITE)\s+(-?\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+) /

/**
 * The first holder of a lock on that file, or undefined if it is not locked or the holder is not visible.
 * Pid -1 stands for an open-file-description lock, whose owner the kernel does not name.
 */
export function lockHolder(path: string, locks: string = readLocks()): LockHolder | undefined {
  const file = identity(path)
  if (!file) return undefined
  const matches = locks.split('\n').flatMap((line) => {
    const [, mode, pid, major = '', minor = '', inode] = LINE.exec(line) ?? []
    if (inode !== `${file.inode}`) return []
    // Overlay and btrfs show another device number in stat(2) than here: an equal inode is second best.
    const isSameDevice =
      Number.parseInt(major, 16) === file.major && Number.parseInt(minor, 16) === file.minor
    return [
      { pid: Number(pid), mode: mode === 'WRITE' ? ('write' as const) : ('read' as const), isSameDevice },
    ]
  })
  const found = matches.find((m) => m.isSameDevice) ?? matches[0]
  if (!found) return undefined
  const pid = ownerOf(found.pid)
  return { pid, mode: found.mode, command: commandOf(pid) }
}

/**
 * QEMU's locks of images are read locks on single bytes: 100 and above for what a process does, 200 and above for what it
 * does not let others do. Source: block/file-posix.c; seen in /proc/locks with 7.2.
 */
const DOES = 100
const FORBIDS = 200
const CONSISTENT_READ = 0
const WRITE = 1
const RESIZE = 3
/** A process that writes, or whose image changes under its hands, keeps readers out. */
const AGAINST_READERS = [DOES + WRITE, DOES + RESIZE, FORBIDS + CONSISTENT_READ]
const AGAINST_WRITERS = [...AGAINST_READERS, FORBIDS + WRITE, FORBIDS + RESIZE]
const RANGE = /^\d+: (?:POSIX|OFDLCK)\s+\S+\s+\S+\s+-?\d+\s+([0-9a-f]+):([0-9a-f]+):(\d+) (\d+) (\d+|EOF)/

/** Who has a file open as a disk image so that others are kept out; undefined if the file is free. */
export function imageUse(path: string, locks: string = readLocks()): ImageUse | undefined {
  const file = identity(path)
  if (!file) return undefined
  const ranges = locks.split('\n').flatMap((line) => {
    const [, major = '', minor = '', inode, from, to] = RANGE.exec(line) ?? []
    if (inode !== `${file.inode}`) return []
    const isSameDevice =
      Number.parseInt(major, 16) === file.major && Number.parseInt(minor, 16) === file.minor
    return [{ from: Number(from), to: to === 'EOF' ? Number.POSITIVE_INFINITY : Number(to), isSameDevice }]
  })
  const exact = ranges.filter((r) => r.isSameDevice)
  const own = exact.length > 0 ? exact : ranges
  const hits = (bytes: readonly number[]) => bytes.some((b) => own.some((r) => r.from <= b && b <= r.to))
  if (!hits(AGAINST_WRITERS)) return undefined
  const pid = lockingProcess(file.inode)
  return {
    pid: pid ?? -1,
    command: pid === undefined ? '?' : commandOf(pid),
    forbidsReaders: hits(AGAINST_READERS),
  }
}

/** The kernel names no owner for locks of open file descriptions; the process that has one open shows it. */
function lockingProcess(inode: bigint): number | undefined {
  const mark = `:${inode} `
  const holds = (pid: string) =>
    listFolder('/proc', `${pid}/fdinfo`).some((fd) => {
      const text = readText('/proc', `${pid}/fdinfo/${fd}`) ?? ''
      return text.split('\n').some((line) => line.startsWith('lock:') && line.includes(mark))
    })
  const pid = listFolder('/', 'proc').find((name) => /^\d+$/.test(name) && holds(name))
  return pid === undefined ? undefined : Number(pid)
}

/** A reading of every lock that there is, begun beside other work. */
export interface LockReading {
  readonly text: Promise<string>
  /** By `performance.now()`. */
  readonly beganAt: number
}

/** For how long a released lock is reported without a holder. */
const FRESH_MS = 500

/** Begins to read `/proc/locks`. The kernel waits for all CPUs first (an RCU grace period, 5 to 20 ms). */
export function startReadingLocks(): LockReading {
  const fd = openOr(LOCKS)
  const text = new Promise<string>((resolve) => (fd === undefined ? resolve('') : readBeside(fd, resolve)))
  return { text, beganAt: performance.now() }
}

/** The first read is under way at once: `readFile` would begin it only after the event loop has turned twice. */
function readBeside(fd: number, onEnd: (text: string) => void): void {
  const chunks: Buffer[] = []
  const next = () =>
    read(fd, Buffer.alloc(64 * 1024), (error, bytes, buffer) => {
      chunks.push(buffer.subarray(0, bytes))
      if (!error && bytes > 0) return next()
      closeSync(fd)
      onEnd(error ? '' : Buffer.concat(chunks).toString())
    })
  next()
}

/** What was read, or undefined when that was so long ago that it has to be read again. */
export async function freshLocks(reading: LockReading): Promise<string | undefined> {
  return performance.now() - reading.beganAt < FRESH_MS ? reading.text : undefined
}

function openOr(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}

function readLocks(): string {
  try {
    return readFileSync(LOCKS, 'utf8')
  } catch {
    return ''
  }
}

/** Undefined for what cannot be looked at: names come out of images too, and may be too long or hold a zero byte. */
function identity(path: string) {
  let stat: BigIntStats
  try {
    stat = statSync(path, { bigint: true })
  } catch {
    return undefined
  }
  const dev = stat.dev
  return {
    inode: stat.ino,
    major: Number((dev >> 8n) & 0xfffn),
    minor: Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n)),
  }
}

const OWNER = 'BRINGUP_LOCK_OWNER'

/** The environment of a process that only holds a lock, on behalf of another. */
export const heldFor = (pid: number): Readonly<Record<string, string>> => ({ [OWNER]: `${pid}` })

/** On whose behalf a process holds its lock: nearly always its own. */
function ownerOf(pid: number): number {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
    return Number(environment.find((word) => word.startsWith(`${OWNER}=`))?.slice(OWNER.length + 1) ?? pid)
  } catch {
    return pid
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return '?'
  }
}
