/** A supervised QEMU: dies with bringup, holds its stores' locks itself, speaks through inherited descriptors only. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Duplex, Readable, Writable } from 'node:stream'
import { BringupError } from '../diagnostics.ts'
import type { Channel, FileLock } from '../machine/device.ts'
import { CONSOLE, type GuestPlan, supervisedArgv } from '../plan/plan.ts'
import { flockWords, type Lock } from '../processes/flock.ts'
import { startTimer, type Timer } from '../timer.ts'
import { openConsolePipe, openPipedChannel, type PipedChannel } from './console-pipe.ts'
import { exitOf, type QemuExit } from './exit.ts'
import { keeperName } from './keeper.ts'
import { openQmpLog } from './qemu-log.ts'
import { QmpClient, QmpEnded } from './qmp.ts'
import { holdLocks } from './store-locks.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

/** In options that make QEMU write temporary files: overlays of `snapshot=on` and `-snapshot`, vvfat's, and those for smbd. */
const TEMPORARY = /snapshot|fat|smb/i

/** A tap that a program opens before it becomes QEMU; see `src/network/host/tap-opener.ts`. */
export interface Opened {
  /** Words that become the command behind them, which has these descriptors. */
  readonly words: (firstFd: number) => readonly string[]
  readonly count: number
}

/** What QEMU inherits for a join. */
export type JoinEnd = Duplex | number | Opened

const isOpened = (end: JoinEnd): end is Opened => typeof end === 'object' && 'words' in end

export interface QemuStart {
  readonly plan: Pick<GuestPlan, 'qemu' | 'args' | 'channels' | 'locks'>
  /** What QEMU inherits for its joins, by their ids: its end of a connection to a resource of the run. */
  readonly joins?: ReadonlyMap<string, JoinEnd>
  /** Gets every word that QEMU gets, before it starts. */
  readonly onArgv?: (argv: readonly string[]) => void
  /** Every QMP message, a line each. */
  readonly qmpLogPath?: string
  readonly stderrPath?: string
  /** The folder with the stock of pipes: without one, a console that is not read at once loses bytes. */
  readonly consolePipes?: string
}

/** Disposing of it asks it to quit, kills it after two seconds, and waits until it has gone. */
export interface QemuProcess extends AsyncDisposable {
  readonly pid: number
  readonly qmp: QmpClient
  /** The first console: QEMU's standard input and output. */
  readonly console: { readonly input: Writable; readonly output: Readable }
  /** The other channels by chardev id. */
  readonly channels: ReadonlyMap<string, Duplex>
  /** Those of them whose devices do not wait for their reader, where there are pipes for them. */
  readonly piped: ReadonlyMap<string, Pick<PipedChannel, 'input' | 'output'>>
  /** Numbers of the descriptors that it has inherited for its joins, by their ids. */
  readonly inherited: ReadonlyMap<string, number>
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
  lock(locks: readonly FileLock[]): Promise<readonly Lock[]>
}

/** The command that is spawned: `setpriv` and `flock` replace themselves, so the process ends up being QEMU. */
export function supervisedCommand(
  argv: readonly string[],
  locks: readonly FileLock[],
  opening: readonly string[] = [],
): readonly string[] {
  const held = locks.flatMap((lock) => flockWords(lock.path, lock))
  return ['setpriv', '--pdeathsig', 'KILL', '--', ...held, ...opening, ...argv]
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
  const others = plan.channels.filter((c) => c.id !== CONSOLE)
  const piped = await pipedChannels(others, start.consolePipes)
  const extra = others.filter((c) => !piped.has(c.id))
  const channelFds = Object.fromEntries(extra.map((c, index) => [c.id, index + 4]))
  // After QMP, the channels and the stream that shows QEMU's end.
  const pipeFds = [...piped.values()].flatMap(({ fds }) => fds)
  const firstPipe = extra.length + 5
  const { inherited, opening, joinFds } = numbered([...(start.joins ?? [])], firstPipe + pipeFds.length)
  const ties = { qmpFd: 3, channelFds, chardevs: chardevsOf(piped, firstPipe), joinFds }
  const argv = supervisedArgv(plan, { ...ties, keeper: await keeperName() })
  start.onArgv?.(argv)
  const { starting } = plan.qemu
  // An installed QEMU is not removed while it runs.
  const locks = starting ? [...plan.locks, { path: starting.record, mode: 'shared' } as const] : plan.locks
  const [program = '', ...args] = supervisedCommand(argv, locks, opening)
  const temporary = await temporaryFolderFor(argv)
  const pipe = start.consolePipes === undefined ? undefined : await openConsolePipe(start.consolePipes)
  const child = spawn(program, args, {
    stdio: [
      ...(['pipe', pipe?.fd ?? 'pipe', 'pipe', 'pipe'] as const),
      ...extra.map(() => 'pipe' as const),
      // QEMU does not use this one: it ends when QEMU does.
      'pipe',
      ...pipeFds,
      ...inherited,
    ],
    // Its own process group: Ctrl-C on the terminal is bringup's to handle.
    detached: true,
    // QEMU's and util-linux's words are matched and quoted: they have to be the same everywhere.
    env: { ...process.env, ...temporary?.environment, LC_ALL: 'C', LANGUAGE: undefined },
  })
  for (const fd of [...(pipe ? [pipe.fd] : []), ...pipeFds]) closeSync(fd)
  // Before anyone learns that QEMU has ended.
  child.once('exit', () => temporary?.[Symbol.dispose]())
  child.once('error', () => temporary?.[Symbol.dispose]())
  const channels = new Map(extra.map((c, index) => [c.id, child.stdio[index + 4] as unknown as Duplex]))
  const life = child.stdio[extra.length + 4] as unknown as Duplex
  const output = pipe?.output ?? (child.stdout as Readable)
  const ends = { output, channels, piped, life, inherited: new Map(Object.entries(joinFds)) }
  return supervise(child, ends, { ...start, plan: { ...plan, locks } })
}

async function pipedChannels(
  channels: readonly Channel[],
  folder: string | undefined,
): Promise<ReadonlyMap<string, PipedChannel>> {
  const piped = new Map<string, PipedChannel>()
  if (folder === undefined) return piped
  for (const channel of channels) {
    const pipes = await openPipedChannel(channel, folder)
    if (pipes) piped.set(channel.id, pipes)
  }
  return piped
}

function chardevsOf(piped: ReadonlyMap<string, PipedChannel>, firstFd: number) {
  let next = firstFd
  return Object.fromEntries([...piped].map(([id, { fds, chardev }]) => [id, chardev(fds.map(() => next++))]))
}

/** Numbers of descriptors for what QEMU inherits: first what this process has, then what is opened on the way to QEMU. */
function numbered(joins: readonly (readonly [string, JoinEnd])[], firstFd: number) {
  const inherited: (Duplex | number)[] = []
  const joinFds: Record<string, number> = {}
  for (const [id, end] of joins) if (!isOpened(end)) joinFds[id] = firstFd + inherited.push(end) - 1
  const opening: string[] = []
  let next = firstFd + inherited.length
  for (const [id, end] of joins) {
    if (!isOpened(end)) continue
    opening.push(...end.words(next))
    for (let queue = 0; queue < end.count; queue++) joinFds[queue === 0 ? id : `${id}.${queue}`] = next++
  }
  return { inherited, opening, joinFds }
}

/** Loaded only where it is needed: the guard costs the others time. */
async function temporaryFolderFor(argv: readonly string[]): Promise<TemporaryFolder | undefined> {
  if (!argv.some((word) => TEMPORARY.test(word))) return undefined
  const { makeTemporaryFolder } = await import('./temporary-folder.ts')
  return makeTemporaryFolder()
}

function supervise(
  child: ChildProcess,
  {
    output,
    channels,
    piped,
    life,
    inherited,
  }: Pick<QemuProcess, 'channels' | 'piped' | 'inherited'> & {
    readonly output: Readable
    readonly life: Duplex
  },
  start: QemuStart,
): QemuProcess {
  const qmpLog = openQmpLog(start.qmpLogPath)
  const qmp = new QmpClient(child.stdio[3] as unknown as Duplex, qmpLog.write)
  // A QEMU that has gone breaks these pipes; `exited` says so.
  const pipes = [...piped.values()]
  const inputs = pipes.flatMap(({ input }) => input ?? [])
  const outputs = [output, ...pipes.map((one) => one.output)]
  for (const stream of [child.stdin, ...outputs, ...inputs, child.stderr, life, ...channels.values()])
    stream?.on('error', () => {})
  let hasExited = false
  let killer: Timer | undefined
  const late: Lock[] = []
  // Node does not drain a stream that was handed to another process, and waits for it.
  child.once('exit', () => life.destroy())
  const exited = exitOf(child, qmp, { ...start, outputs }).then(async (exit) => {
    hasExited = true
    await Promise.all(late.map((lock) => lock.ended))
    killer?.clear()
    qmpLog.close()
    for (const stream of [...channels.values(), ...inputs]) stream.destroy()
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
    console: { input: child.stdin as Writable, output },
    channels,
    piped,
    inherited,
    ready,
    exited,
    get hasExited() {
      return hasExited
    },
    quit,
    kill,
    async lock(locks) {
      const held = await holdLocks(locks, life, child.pid ?? -1)
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

/** QEMU and what it started: it leads a group of its own. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group is not there yet, or not any more.
    child.kill('SIGKILL')
  }
}
