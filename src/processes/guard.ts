/**
 * Ends what bringup has started when bringup itself is killed. A signal on the parent's death (PR_SET_PDEATHSIG) reaches
 * only the first process: not the helpers of git, nor the compilers below make. A guard outside holds the list, and finds
 * by a mark in their environment those that were started too late to be on it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { randomDigits } from '../random-name.ts'
import { descendants } from './descendants.ts'
import { flockWords } from './flock.ts'

export interface GuardRequest {
  /** Between being asked to end (SIGTERM) and being killed. 0: killed at once. */
  readonly graceMs: number
  /** A file that the guard locks, which lasts as long as what is guarded; it says `ready` once it has the lock. */
  readonly lockFile?: string
  /** A file or folder that is removed once what made it has ended. */
  readonly remove?: string
}

export interface Guard extends Disposable {
  /** To be put into the environment of all that shall die with bringup. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends when the guard is disposed of. Its output can be read where it locks a file. */
  readonly process: ChildProcess
  /** From now on that process group dies with bringup. A process that has left both group and environment before is not found. */
  readonly watch: (group: number) => void
  /** That process group has ended. */
  readonly release: (group: number) => void
}

const VARIABLE = 'BRINGUP_GUARD'

/**
 * Starts the guard. What is started with its `environment` and watched at once is never without it: a process between
 * `fork` and `exec` keeps the guard's pipe open, and from `exec` on it has the mark.
 */
export function startGuard({ graceMs, lockFile, remove }: GuardRequest): Guard {
  const mark = randomDigits(32)
  const program = `(${guard})(${JSON.stringify(`${VARIABLE}=${mark}`)}, ${graceMs}, ${JSON.stringify(remove ?? null)}, ${descendants})`
  const argv = [process.execPath, '-e', program]
  const [command = '', ...args] =
    lockFile === undefined ? argv : [...flockWords(resolve(lockFile), { waits: true }), ...argv]
  const output = lockFile === undefined ? 'ignore' : 'pipe'
  const child = spawn(command, args, {
    stdio: ['pipe', output, output],
    // Neither Ctrl-C nor a hang-up of the terminal may end it before it has done its work.
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  child.on('error', () => {})
  child.stdin?.on('error', () => {})
  // Only a waiter for the lock waits for the guard.
  if (lockFile === undefined) child.unref()
  return {
    environment: { [VARIABLE]: mark },
    process: child,
    watch: (group) => void child.stdin?.write(`+${group} ${ownOutputOf(group)}\n`),
    release: (group) => void child.stdin?.write(`-${group}\n`),
    [Symbol.dispose]: () => void child.stdin?.end('.\n'),
  }
}

/**
 * The guard as text for `node -e`, for a process that starts its guard itself. The guard reads from its standard input
 * what `guard` says below.
 *
 * @param mark Entry of the environment, `NAME=VALUE`, of all that is guarded
 */
export function guardProgram(mark: string, { graceMs, remove }: Omit<GuardRequest, 'lockFile'>): string {
  return `(${guard})(${JSON.stringify(mark)}, ${graceMs}, ${JSON.stringify(remove ?? null)}, ${descendants})`
}

/** The pipe or socket that was made for the output of this process alone; empty if bringup itself writes to it as well. */
function ownOutputOf(group: number): string {
  const output = linkOf(`/proc/${group}/fd/1`)
  const isShared = [0, 1, 2].some((fd) => linkOf(`/proc/self/fd/${fd}`) === output)
  return /^(?:pipe|socket):/.test(output) && !isShared ? output : ''
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/**
 * The guard's program. It runs in a process of its own as text, and therefore uses nothing from outside itself but what
 * it is handed.
 *
 * Lines that it reads: `+PGID OUTPUT`, `-PGID`, and `.` at the end of a bringup that was not killed.
 */
function guard(mark: string, graceMs: number, remove: string | null, find: typeof descendants): void {
  const { rmSync } = process.getBuiltinModule('node:fs')
  const started = find(mark)
  let rest = ''
  const kill = () => {
    started.signal('SIGKILL')
    // One that forked while it was looked at has a child now.
    if (started.find().length > 0) setTimeout(kill, 20)
    else if (remove !== null) rmSync(remove, { recursive: true, force: true })
  }
  const take = (line: string) => {
    if (line === '.') process.exit()
    const [group = '', output = ''] = line.slice(1).split(' ')
    if (line.startsWith('+')) started.groups.set(Number(group), output)
    else started.groups.delete(Number(group))
  }
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
  process.stdin.on('error', () => {})
  process.stdin.on('close', () => {
    if (graceMs === 0) kill()
    else if (started.signal('SIGTERM')) setTimeout(kill, graceMs)
  })
  process.stdout.write('ready\n')
}
