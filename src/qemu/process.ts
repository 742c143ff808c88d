/** A supervised QEMU: dies with bringup, holds its stores' locks itself, speaks through inherited descriptors only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs'
import type { Duplex, Readable, Writable } from 'node:stream'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { lockHolder } from '../host/file-locks.ts'
import type { FileLock } from '../machine/device.ts'
import { CONSOLE, type GuestPlan, supervisedArgv } from '../plan/plan.ts'
import { startTimer, type Timer } from '../timer.ts'
import { problems as findProblems } from './find.ts'
import { keeperName } from './keeper.ts'
import { holdLock, holdLocks, type LateLock } from './late-locks.ts'
import { QmpClient, QmpEnded, QmpError } from './qmp.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

export const problems = defineDiagnostics({
  STORE_LOCKED: {
    title: 'Another run uses a backing file of this machine.',
    why: 'two machines on one store would corrupt it; QEMU itself does not notice for NVDIMMs',
    remedy:
      'wait for the other run or end it; set `shared: true` in both descriptions if both may use the file at the same time',
    source: 'flock(2); QEMU takes no lock on memory-backend-file',
  },
  STORE_NOT_LOCKED: {
    title: 'A backing file could not be opened to lock it.',
    why: 'without the lock a second run could write to the same store',
    remedy:
      'let this user open the file, or name another; on a network file system without locks, copy the store to a local disk',
    source: 'flock(1), open(2)',
  },
  TOOL_MISSING: {
    title: 'A program of util-linux that supervises QEMU is missing.',
    why: 'setpriv ties QEMU’s life to bringup’s, flock holds the locks of backing files',
    remedy: 'install util-linux (Debian, Ubuntu: apt install util-linux)',
    source: 'setpriv(1), flock(1)',
  },
})

/** How long output may still be on its way when QEMU has gone: a process that QEMU started may have inherited the pipe. */
const DRAIN_MS = 2000

/** Exit status that flock(1) is told to use when the lock is taken. A guest can end with it too, but not before QMP speaks. */
const LOCKED = 77

/** Of QEMU's own words, so many characters from the start and from the end are kept; the log file has more. */
const KEPT_STDERR = 64 * 1024
const LOGGED_STDERR = 64 * 1024 * 1024
/** Of QMP messages. */
const LOGGED_QMP = 256 * 1024 * 1024

/** In options that make QEMU write temporary files: overlays of `snapshot=on` and `-snapshot`, vvfat's, and those for smbd. */
const TEMPORARY = /snapshot|fat|smb/i

export interface QemuExit {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  /** The end of `stderr` after which it answered no QMP command: what it may have ended of. */
  readonly lastWords: string
  /** Filled when it was not QEMU that ended: a lock that was taken, a tool that is missing. */
  readonly diagnostics: readonly Diagnostic[]
}

export interface QemuStart {
  readonly plan: Pick<GuestPlan, 'qemu' | 'args' | 'channels' | 'locks'>
  /** What QEMU inherits for its joins, by their ids: its end of a connection to a resource of the run. */
  readonly joins?: ReadonlyMap<string, Duplex | number>
  /** Gets every word that QEMU gets, before it starts. */
  readonly onArgv?: (argv: readonly string[]) => void
  /** Every QMP message, a line each. */
  readonly qmpLogPath?: string
  readonly stderrPath?: string
}

/** Disposing of it asks it to quit, kills it after two seconds, and waits until it has gone. */
export interface QemuProcess extends AsyncDisposable {
  readonly pid: number
  readonly qmp: QmpClient
  /** The first console: QEMU's standard input and output. */
  readonly console: { readonly input: Writable; readonly output: Readable }
  /** The other channels by chardev id. */
  readonly channels: ReadonlyMap<string, Duplex>
  /** Resolves when QMP is negotiated: QEMU has accepted the machine, which is still paused. Rejects if it ends first. */
  readonly ready: Promise<void>
  readonly exited: Promise<QemuExit>
  readonly hasExited: boolean
  /** Asks QEMU to quit, and kills it if it has not gone after that time, or at once while it takes no commands. */
  quit(withinMs: number): void
  /** SIGKILL. */
  kill(): void
  /**
   * Locks files that QEMU is to open while it runs, for as long as it lives; all of them or none.
   *
   * @throws BringupError STORE_LOCKED, STORE_NOT_LOCKED
   */
  lock(locks: readonly FileLock[]): Promise<readonly LateLock[]>
}

/** The command that is spawned: `setpriv` and `flock` replace themselves, so the process ends up being QEMU. */
export function supervisedCommand(argv: readonly string[], locks: readonly FileLock[]): readonly string[] {
  const held = locks.flatMap(flockWords)
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...held, ...argv]
}

/** Takes the lock and becomes the command that follows. */
function flockWords({ path, mode }: FileLock): readonly string[] {
  const how = mode === 'shared' ? '--shared' : '--exclusive'
  return ['flock', '--nonblock', '--no-fork', '--conflict-exit-code', `${LOCKED}`, how, path]
}

/**
 * Starts QEMU, paused. `ready` and `exited` report later failures.
 *
 * @example
 * await using qemu = await startQemu({ plan })
 * await qemu.ready
 * await qemu.qmp.execute('cont')
 */
export async function startQemu(start: QemuStart): Promise<QemuProcess> {
  const { plan } = start
  const extra = plan.channels.filter((c) => c.id !== CONSOLE)
  const channelFds = Object.fromEntries(extra.map((c, index) => [c.id, index + 4]))
  // After QMP, the channels and the stream that shows QEMU's end.
  const joins = [...(start.joins ?? [])].map(([id, end], index) => ({
    id,
    end,
    fd: extra.length + 5 + index,
  }))
  const joinFds = Object.fromEntries(joins.map(({ id, fd }) => [id, fd]))
  const argv = supervisedArgv(plan, { qmpFd: 3, channelFds, joinFds, keeper: await keeperName() })
  start.onArgv?.(argv)
  const [program = '', ...args] = supervisedCommand(argv, plan.locks)
  const temporary = await temporaryFolderFor(argv)
  const child = spawn(program, args, {
    stdio: [
      ...(['pipe', 'pipe', 'pipe', 'pipe'] as const),
      ...extra.map(() => 'pipe' as const),
      // QEMU does not use this one: it ends when QEMU does.
      'pipe',
      ...joins.map(({ end }) => end),
    ],
    // Its own process group: Ctrl-C on the terminal is bringup's to handle.
    detached: true,
    // QEMU's and util-linux's words are matched and quoted: they have to be the same everywhere.
    env: { ...process.env, ...temporary?.environment, LC_ALL: 'C', LANGUAGE: undefined },
  })
  // Before anyone learns that QEMU has ended.
  child.once('exit', () => temporary?.[Symbol.dispose]())
  child.once('error', () => temporary?.[Symbol.dispose]())
  const channels = new Map(extra.map((c, index) => [c.id, child.stdio[index + 4] as unknown as Duplex]))
  const life = child.stdio[extra.length + 4] as unknown as Duplex
  return supervise(child, { channels, life }, start)
}

/** Loaded only where it is needed: the guard costs the others time. */
async function temporaryFolderFor(argv: readonly string[]): Promise<TemporaryFolder | undefined> {
  if (!argv.some((word) => TEMPORARY.test(word))) return undefined
  const { makeTemporaryFolder } = await import('./temporary-folder.ts')
  return makeTemporaryFolder()
}

function supervise(
  child: ChildProcess,
  { channels, life }: { readonly channels: ReadonlyMap<string, Duplex>; readonly life: Duplex },
  start: QemuStart,
): QemuProcess {
  const qmpLog = openLog(start.qmpLogPath)
  const qmp = new QmpClient(child.stdio[3] as unknown as Duplex, (direction, line) =>
    qmpLog.write(`{"at":${Date.now()},"${direction}":${isJson(line) ? line : JSON.stringify(line)}}\n`),
  )
  // A QEMU that has gone breaks these pipes; `exited` says so.
  for (const stream of [child.stdin, child.stdout, child.stderr, life, ...channels.values()])
    stream?.on('error', () => {})
  let hasExited = false
  let killer: Timer | undefined
  const late: LateLock[] = []
  // Node does not drain a stream that was handed to another process, and waits for it.
  child.once('exit', () => life.destroy())
  const exited = exitOf(child, qmp, start).then(async (exit) => {
    hasExited = true
    await Promise.all(late.map((lock) => lock.ended))
    killer?.clear()
    qmpLog.close()
    for (const stream of channels.values()) stream.destroy()
    return exit
  })
  const ready = Promise.race([qmp.ready.then(() => {}), exited.then(refuse)]).catch((error: unknown) => {
    // The stream ends a moment before the process does; the process knows more.
    if (error instanceof QmpEnded && error.isGone) return exited.then(refuse)
    throw error
  })
  let isReady = false
  ready.then(
    () => {
      isReady = true
    },
    () => {},
  )
  const kill = () => {
    if (!hasExited) killGroup(child)
  }
  const quit = (withinMs: number) => {
    if (hasExited) return
    // Before QMP is negotiated QEMU takes no command, and the guest has not run: there is nothing to lose.
    if (!isReady) return kill()
    qmp.execute('quit').catch(() => {})
    killer ??= startTimer(withinMs, kill)
  }
  return {
    pid: child.pid ?? -1,
    qmp,
    console: { input: child.stdin as Writable, output: child.stdout as Readable },
    channels,
    ready,
    exited,
    get hasExited() {
      return hasExited
    },
    quit,
    kill,
    async lock(locks) {
      const held = await holdLocks(locks, (lock) =>
        holdLock(life, child.pid ?? -1, flockWords(lock), (status, stderr) =>
          notLocked(lock, status, stderr),
        ),
      )
      late.push(...held)
      return held
    },
    async [Symbol.asyncDispose]() {
      quit(2000)
      await exited
    },
  }
}

function refuse({ diagnostics }: QemuExit): never {
  throw new BringupError(diagnostics)
}

/** Waits for the process and for the end of all that it said. Never rejects. */
function exitOf(child: ChildProcess, qmp: QmpClient, start: QemuStart): Promise<QemuExit> {
  let stderr = ''
  let written = 0
  let hasGreeted = false
  // What was said before an answer did not end QEMU. One question at a time is enough.
  let lastWords = ''
  let isAsking = false
  const ask = () => {
    if (!hasGreeted || isAsking || lastWords === '') return
    isAsking = true
    const said = lastWords.length
    const answered = () => {
      lastWords = lastWords.slice(said)
      isAsking = false
      ask()
    }
    qmp.execute('query-status').then(answered, (error: unknown) => {
      if (error instanceof QmpError) answered()
    })
  }
  qmp.ready.then(
    () => {
      hasGreeted = true
      lastWords = ''
    },
    () => {},
  )
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    // Its start says what was wrong, its end how it ended; a guest can make QEMU warn forever.
    stderr =
      stderr.length + text.length <= 2 * KEPT_STDERR
        ? stderr + text
        : `${stderr.slice(0, KEPT_STDERR)}\n…\n${(stderr.slice(KEPT_STDERR) + text).slice(-KEPT_STDERR)}`
    lastWords = (lastWords + text).slice(0, KEPT_STDERR)
    ask()
    written += text.length
    if (written > LOGGED_STDERR) return
    const { stderrPath } = start
    if (stderrPath !== undefined) unlessFull(() => appendFileSync(stderrPath, text, { mode: 0o600 }))
  })
  return new Promise((resolve) => {
    child.once('error', (error) => {
      const what = `setpriv could not be started: ${error.message}`
      const diagnostics = [problems.TOOL_MISSING.at('', what)]
      resolve({ status: null, signal: null, stderr, lastWords, diagnostics })
    })
    child.once('exit', () => endOutput(child))
    child.once('close', (status, signal) => {
      const diagnostics = hasGreeted ? [] : refusals(status, stderr, start.plan)
      resolve({ status, signal, stderr, lastWords, diagnostics })
    })
  })
}

/** Reads on for as long as output comes, and not for as long as another process keeps the pipes open. */
function endOutput(child: ChildProcess): void {
  const streams = child.stdio.filter((stream) => stream) as unknown as readonly Duplex[]
  const end = () => {
    for (const stream of streams) stream.destroy()
  }
  let chunks = 0
  // A process that was busy for long reads once more before it decides.
  const endIfSilent = () => {
    const before = chunks
    setImmediate(() => {
      if (chunks === before) end()
    })
  }
  let timer = startTimer(DRAIN_MS, endIfSilent)
  const more = () => {
    chunks++
    timer.clear()
    timer = startTimer(DRAIN_MS, endIfSilent)
  }
  // A listener would make a stream flow before it is read.
  for (const stream of streams) if (stream.readableFlowing === true) stream.on('data', more)
  child.once('close', () => timer.clear())
}

/** QEMU and what it started: it leads a group of its own. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group is not there yet, or not any more.
    child.kill('SIGKILL')
  }
}

/** What setpriv and flock say, as diagnostics; nothing when it was QEMU that ended. */
function refusals(status: number | null, stderr: string, plan: QemuStart['plan']): readonly Diagnostic[] {
  if (status === LOCKED && plan.locks.length > 0) return heldByOthers(plan.locks)
  const unlocked = /^flock: (cannot open lock file .*|[^:]*: (?!failed to execute).*lock.*)$/m.exec(stderr)
  if (unlocked) return [problems.STORE_NOT_LOCKED.at('', unlocked[1] ?? '')]
  const [, program = '', reason = ''] =
    /^(?:setpriv|flock): failed to execute (.+?): (.*)$/m.exec(stderr) ?? []
  if (program === '') return []
  return program === plan.qemu.path
    ? [findProblems.QEMU_NOT_EXECUTABLE.at('qemu', `${program} could not be started: ${reason}`)]
    : [problems.TOOL_MISSING.at('', `${program} could not be started: ${reason}`)]
}

function notLocked(lock: FileLock, status: number | null, stderr: string): BringupError {
  if (status === LOCKED) return new BringupError(heldByOthers([lock]))
  return new BringupError([problems.STORE_NOT_LOCKED.at('', `${lock.path}: ${stderr.trim()}`)])
}

/** Names who holds which. The holder may have gone since: then all that is known is that one of the files was locked. */
function heldByOthers(locks: readonly FileLock[]): readonly Diagnostic[] {
  const held = locks.flatMap((lock) => {
    const holder = lockHolder(lock.path)
    if (!holder || (holder.mode === 'read' && lock.mode === 'shared')) return []
    return [problems.STORE_LOCKED.at('', `${lock.path} is held by process ${holder.pid} (${holder.command})`)]
  })
  const unknown = `another process holds ${locks.map((l) => l.path).join(' or ')}`
  return held.length > 0 ? held : [problems.STORE_LOCKED.at('', unknown)]
}

/** A log that a full disk cuts short must not end the guest. */
function openLog(path: string | undefined): { write(text: string): void; close(): void } {
  if (path === undefined) return { write: () => {}, close: () => {} }
  let fd: number | undefined = openSync(path, 'a', 0o600)
  let written = 0
  return {
    write: (text) => {
      const open = fd
      written += text.length
      if (open !== undefined && written < LOGGED_QMP) unlessFull(() => writeSync(open, text))
    },
    close: () => {
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}

function unlessFull(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

function isJson(line: string): boolean {
  return line.startsWith('{') && line.endsWith('}')
}
