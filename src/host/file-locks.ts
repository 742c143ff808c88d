/** Who holds an advisory lock on a file. Source: `/proc/locks`, proc(5). */
import { readFile, readFileSync, statSync } from 'node:fs'

export interface LockHolder {
  readonly pid: number
  readonly mode: 'read' | 'write'
  /** Name of the program, `?` when the process is somebody else's or has just gone. */
  readonly command: string
}

/** One line: `3: FLOCK  ADVISORY  WRITE 4711 fd:01:131075 0 EOF`. Waiters have `->` after the number. */
const LINE = /^\d+: (?:FLOCK|POSIX|OFDLCK)\s+\S+\s+(READ|WRITE)\s+(-?\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+) /

/**
 * The first holder of a lock on that file, or undefined when there is none or none can be told.
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
  return found && { pid: found.pid, mode: found.mode, command: commandOf(found.pid) }
}

/** Every lock there is. Beside other work: the kernel waits for all CPUs first (an RCU grace period, 5 to 15 ms). */
export function startReadingLocks(): Promise<string> {
  return new Promise((resolve) =>
    readFile('/proc/locks', 'utf8', (error, text) => resolve(error ? '' : text)),
  )
}

function readLocks(): string {
  try {
    return readFileSync('/proc/locks', 'utf8')
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

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return '?'
  }
}
