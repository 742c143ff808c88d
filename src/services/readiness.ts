/** When a service is ready: a line of its output, a port, a path. */
import { existsSync, type Stats, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { parseSockets } from '../host/ports.ts'
import { readText } from '../host/read-file.ts'
import type { ServiceSpec } from './service.ts'

type Ready = NonNullable<ServiceSpec['ready']>

/** Stops looking. */
export interface Watch {
  /** Output of the service, as it comes. */
  take(text: string): void
  stop(): void
}

const NEVER: Watch = { take: () => {}, stop: () => {} }

/**
 * Calls back once when a service is ready.
 *
 * @param pid a process of the service, whose network counts
 * @param before what lay at the path before the service was started
 */
export function watchReadiness(
  ready: Ready | undefined,
  { pid, before }: { readonly pid: number; readonly before: PathState | undefined },
  onReady: () => void,
): Watch {
  if (ready === undefined) {
    onReady()
    return NEVER
  }
  if ('pattern' in ready) return watchOutput(new RegExp(ready.pattern), onReady)
  if ('port' in ready) return look(() => isListening(pid, ready.port), onReady)
  return watchPath(ready.path, before, onReady)
}

/** Longest part of a line that a pattern is tried on. */
const LONGEST_LINE = 8192

function watchOutput(pattern: RegExp, onReady: () => void): Watch {
  let rest = ''
  let isOver = false
  return {
    take(text) {
      if (isOver) return
      const lines = (rest + text).split('\n')
      rest = (lines.at(-1) ?? '').slice(0, LONGEST_LINE)
      // The last line too: a prompt has no end of line.
      if (!lines.some((line) => pattern.test(line.slice(0, LONGEST_LINE)))) return
      isOver = true
      onReady()
    },
    stop() {
      isOver = true
    },
  }
}

/** The kernel reports no event when a process begins to listen. */
const LOOK_MS = 20

function look(isReady: () => boolean, onReady: () => void): Watch {
  const again = () => {
    if (!isReady()) return
    clearInterval(timer)
    onReady()
  }
  const timer = setInterval(again, LOOK_MS)
  return { take: () => {}, stop: () => clearInterval(timer) }
}

function isListening(pid: number, port: number): boolean {
  return ['tcp', 'tcp6'].some((table) =>
    parseSockets('tcp', readText('/proc', `${pid}/net/${table}`) ?? '').some((b) => b.port === port),
  )
}

/** What tells one state of a path from another. */
export interface PathState {
  readonly inode: bigint
  readonly changedAt: bigint
}

/** Undefined where there is nothing. */
export function pathState(path: string): PathState | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && { inode: stats.ino, changedAt: stats.ctimeNs }
}

function watchPath(path: string, before: PathState | undefined, onReady: () => void): Watch {
  let stopLook = () => {}
  let watcher: ReturnType<typeof watch> | undefined
  let watched = ''
  let isOver = false
  const stop = () => {
    isOver = true
    watcher?.close()
    stopLook()
  }
  const found = () => {
    if (isOver) return
    stop()
    onReady()
  }
  const check = () => {
    if (isOver) return
    const now = pathState(path)
    const isNew = now !== undefined && (now.inode !== before?.inode || now.changedAt !== before?.changedAt)
    const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false })
    if (isNew && stats?.isSocket() === true) {
      // A socket is there before it listens.
      watcher?.close()
      stopLook()
      stopLook = look(() => listensAt(path) !== false, found).stop
    } else if (isNew) found()
    else follow()
  }
  /** Watches the nearest folder that is there. */
  const follow = () => {
    let folder = dirname(path)
    while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
    if (folder === watched) return
    watched = folder
    watcher?.close()
    watcher = watch(folder, check)
    watcher.on('error', () => {})
    // What came before the watch was there.
    check()
  }
  follow()
  return { take: () => {}, stop }
}

const ACCEPTS = 0x10000

/**
 * Whether a process listens on a socket; undefined where the kernel does not list it. A name that was given relative to a
 * folder is listed as it was given. Source: proc(5), /proc/net/unix.
 */
export function listensAt(path: string): boolean | undefined {
  // Num: RefCount Protocol Flags Type St Inode Path
  const lines = (readText('/proc', 'net/unix') ?? '').split('\n')
  const exact = lines.filter((line) => line.endsWith(` ${path}`))
  const named =
    exact.length > 0
      ? exact
      : lines.filter((line) => / [^/@ ][^ ]*$/.test(line) && path.endsWith(`/${line.split(' ').at(-1)}`))
  if (named.length === 0) return undefined
  return named.some((line) => (Number.parseInt(line.split(/\s+/)[3] ?? '0', 16) & ACCEPTS) !== 0)
}
