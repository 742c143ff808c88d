/** Who holds an advisory lock on a file. Source: `/proc/locks`, proc(5). */
import { closeSync, openSync, read, readFileSync, statSync } from 'node:fs'

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
 * The first holder of a lock on that file, or undefined when there is none or it is not visible.
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

function identity(path: string) {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  if (!stat) return undefined
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
