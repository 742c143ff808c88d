/** A supervised QEMU: dies with bringup, holds its stores' locks itself, speaks through inherited descriptors only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs'
import type { Duplex, Readable, Writable } from 'node:stream'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { FileLock } from '../machine/device.ts'
import { CONSOLE, type Plan, supervisedArgv } from '../plan/plan.ts'
import { keeperName } from './keeper.ts'
import { QmpClient } from './qmp.ts'

export const problems = defineDiagnostics({
  STORE_LOCKED: {
    title: 'Another run holds a backing file of this machine.',
    why: 'two machines on one store would corrupt it; QEMU itself does not notice for NVDIMMs',
    remedy: 'wait for the other run or end it; say `shared: true` in both descriptions if both may use the file at once',
    source: 'flock(2); QEMU takes no lock on memory-backend-file',
  },
  TOOL_MISSING: {
    title: 'A program of util-linux that supervises QEMU is missing.',
    why: 'setpriv ties QEMU’s life to bringup’s, flock holds the locks of backing files',
    remedy: 'install util-linux (Debian, Ubuntu: apt install util-linux)',
    source: 'setpriv(1), flock(1)',
  },
})

/** Exit status that flock(1) is told to use when the lock is taken; QEMU uses 0, 1 and odd values of guests. */
const LOCKED = 77

export interface QemuExit {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  /** Filled when it was not QEMU that ended: a lock that was taken, a tool that is missing. */
  readonly diagnostics: readonly Diagnostic[]
}

export interface QemuStart {
  readonly plan: Pick<Plan, 'qemu' | 'args' | 'channels' | 'locks'>
  readonly extraArgs?: readonly string[]
  /** Every QMP message, a line each. */
  readonly qmpLogPath?: string
  readonly stderrPath?: string
}

export interface QemuProcess {
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
  /** Asks QEMU to quit, and kills it if it has not gone after that time. */
  quit(withinMs: number): void
  /** SIGKILL. */
  kill(): void
}

/** The command that is spawned: `setpriv` and `flock` replace themselves, so the process ends up being QEMU. */
export function supervisedCommand(argv: readonly string[], locks: readonly FileLock[]): readonly string[] {
  const held = locks.flatMap(({ path, mode }) => ['flock', '--nonblock', '--no-fork', '--conflict-exit-code', `${LOCKED}`, mode === 'shared' ? '--shared' : '--exclusive', path])
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...held, ...argv]
}

/** Starts QEMU, paused. */
export async function startQemu(start: QemuStart): Promise<QemuProcess> {
  const { plan, extraArgs = [] } = start
  const extra = plan.channels.filter((c) => c.id !== CONSOLE)
  const channelFds = Object.fromEntries(extra.map((c, index) => [c.id, index + 4]))
  const argv = [...supervisedArgv(plan, { qmpFd: 3, channelFds, keeper: await keeperName() }), ...extraArgs]
  const [program = '', ...args] = supervisedCommand(argv, plan.locks)
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', ...extra.map(() => 'pipe' as const)],
    // Its own process group: Ctrl-C on the terminal is bringup's to handle.
    detached: true,
    env: { ...process.env, LC_ALL: 'C' },
  })
  const channels = new Map(extra.map((c, index) => [c.id, child.stdio[index + 4] as unknown as Duplex]))
  return supervise(child, channels, start)
}

function supervise(child: ChildProcess, channels: ReadonlyMap<string, Duplex>, start: QemuStart): QemuProcess {
  let stderr = ''
  let hasExited = false
  let killer: NodeJS.Timeout | undefined
  const log = start.qmpLogPath === undefined ? undefined : openSync(start.qmpLogPath, 'a')
  const tap = (direction: string, line: string) => {
    if (log !== undefined && !hasExited) writeSync(log, `{"at":${Date.now()},"${direction}":${line}}\n`)
  }
  const qmp = new QmpClient(child.stdio[3] as unknown as Duplex, tap)
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (start.stderrPath !== undefined) appendFileSync(start.stderrPath, text)
  })
  for (const stream of [child.stdin, ...channels.values()]) stream?.on('error', () => {})
  const exited = new Promise<QemuExit>((resolve) => {
    const end = (status: number | null, signal: NodeJS.Signals | null, diagnostics: readonly Diagnostic[]) => {
      hasExited = true
      clearTimeout(killer)
      if (log !== undefined) closeSync(log)
      for (const stream of channels.values()) stream.destroy()
      resolve({ status, signal, stderr, diagnostics })
    }
    child.once('error', (error) => end(null, null, [problems.TOOL_MISSING.at('', `setpriv could not be started: ${error.message}`)]))
    child.once('close', (status, signal) => end(status, signal, refusals(status, stderr, start.plan.locks)))
  })
  const ready = Promise.race([
    qmp.ready.then(() => {}),
    exited.then(({ diagnostics }) => {
      throw new BringupError(diagnostics)
    }),
  ])
  ready.catch(() => {})
  const kill = () => {
    if (!hasExited) child.kill('SIGKILL')
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
    quit(withinMs) {
      qmp.execute('quit').catch(() => {})
      killer ??= setTimeout(kill, withinMs)
    },
    kill,
  }
}

/** What setpriv and flock say, as diagnostics; nothing when it was QEMU that ended. */
function refusals(status: number | null, stderr: string, locks: readonly FileLock[]): readonly Diagnostic[] {
  if (status === LOCKED && locks.length > 0) {
    return [problems.STORE_LOCKED.at('', `another process holds ${locks.map((l) => l.path).join(' or ')}`)]
  }
  const missing = /^setpriv: failed to execute (\S+): No such file/m.exec(stderr)
  return missing ? [problems.TOOL_MISSING.at('', `${missing[1]} could not be started`)] : []
}
