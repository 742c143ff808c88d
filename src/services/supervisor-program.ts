/**
 * The supervisor of one service: a small process between the service and its users. It starts the service, hands its
 * output on, starts it again where that is wanted, and ends it once its last user has gone, also by SIGKILL.
 *
 * `supervisor` runs as text in a process of its own, so it uses nothing from outside itself but what it is handed.
 */
import type { Socket } from 'node:net'
import type { descendants } from '../processes/descendants.ts'

/** What the supervisor is told at its start. It is visible in the process list, so it holds no environment. */
export interface SupervisorStart {
  /** `NAME=VALUE` in the environment of all that the service starts. */
  readonly mark: string
  readonly argv: readonly [string, ...string[]]
  readonly stop: NodeJS.Signals
  readonly stopWithinMs: number
  readonly restarts: number
  /** Private folder of the service: made, and removed with all that is in it once the service has ended. */
  readonly folder: string
  readonly workingFolder: string
  /** Where further users connect: a shared service has it. */
  readonly socket?: string
  /** Locked by the supervisor and by the service; how to find what they left is written into it. */
  readonly lockFile?: string
  /** Hash of the description, by which users know that they mean the same. */
  readonly identity: string
  /** Program of the guard, which ends what the service has started if supervisor and users are killed together. */
  readonly guard: string
}

/** What the supervisor says: a JSON line each. */
export type SupervisorMessage =
  /** First of all, to each user. `output` is the start of what the service has printed so far. */
  | {
      readonly t: 'hello'
      readonly identity: string
      readonly folder: string
      readonly isReady: boolean
      readonly output: string
    }
  | { readonly t: 'started'; readonly pid: number; readonly start: number }
  | { readonly t: 'output'; readonly text: string }
  | {
      readonly t: 'exited'
      readonly status: number | null
      readonly signal: NodeJS.Signals | null
      readonly willRestart: boolean
    }
  | { readonly t: 'failed'; readonly what: string }
  /** To a user that goes while others stay. */
  | { readonly t: 'left' }
  /** To the last user, once the service has gone. */
  | { readonly t: 'ended'; readonly wasKilled: boolean }

/** What a user says: that the service was found ready after its start of that number. A user that has gone closes its socket. */
export interface UserMessage {
  readonly ready: number
}

export function supervisor(start: SupervisorStart, find: typeof descendants): void {
  const { spawn } = process.getBuiltinModule('node:child_process')
  const { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } = process.getBuiltinModule('node:fs')
  const net = process.getBuiltinModule('node:net')
  /** Of the output, so much is repeated to a user that comes later. */
  const KEPT = 256 * 1024
  /** A user that does not read gets no more output than this until it does. */
  const UNREAD = 4 * 1024 * 1024
  const users = new Set<Socket>()
  const leavers = new Set<Socket>()
  const started = find(start.mark)
  // A hang-up or Ctrl-C of a terminal must not reach it, nor a kill of this process group.
  const guard = spawn(process.execPath, ['-e', start.guard], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  let kept = ''
  let starts = 0
  let pid = 0
  let isReady = false
  let isEnding = false
  let wasKilled = false

  const say = (user: Socket, message: SupervisorMessage) => {
    if (message.t === 'output' && user.writableLength > UNREAD) return
    user.write(`${JSON.stringify(message)}\n`)
  }
  const tell = (message: SupervisorMessage) => {
    for (const user of users) say(user, message)
  }
  const leave = (user: Socket) => {
    if (!users.delete(user)) return
    if (users.size > 0) {
      user.end(`${JSON.stringify({ t: 'left' })}\n`)
      return
    }
    leavers.add(user)
    end()
  }
  const admit = (user: Socket) => {
    let rest = ''
    user.on('error', () => {})
    user.on('close', () => leave(user))
    user.on('end', () => leave(user))
    user.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = (lines.pop() ?? '').slice(0, 1000)
      for (const line of lines) if (line === `{"ready":${starts}}`) isReady = true
    })
    if (isEnding) {
      user.destroy()
      return
    }
    users.add(user)
    const { identity, folder } = start
    say(user, { t: 'hello', identity, folder, isReady, output: kept })
    if (pid > 0) say(user, { t: 'started', pid, start: starts })
  }
  const output = (text: string) => {
    if (kept.length < KEPT) kept += text
    tell({ t: 'output', text })
  }

  /** The pipe of the service alone, by which the guard finds what has left its group and its environment. */
  const outputOf = (id: number) => {
    try {
      return readlinkSync(`/proc/${id}/fd/1`)
    } catch {
      return ''
    }
  }

  const run = () => {
    starts++
    kept = ''
    isReady = false
    const [name = '', value = ''] = start.mark.split('=')
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...start.argv], {
      // The lock lasts as long as the service, even without its supervisor.
      stdio: ['ignore', 'pipe', 'pipe', ...(start.lockFile === undefined ? [] : [4])],
      detached: true,
      cwd: start.workingFolder,
      env: { ...process.env, [name]: value },
    })
    child.on('error', (error) => {
      tell({ t: 'failed', what: `setpriv could not be started: ${error.message}` })
      finish()
    })
    if (child.pid === undefined) return
    pid = child.pid
    started.groups.set(pid, '')
    guard.stdin.write(`+${pid} ${outputOf(pid)}\n`)
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', output)
    tell({ t: 'started', pid, start: starts })
    const isClosed = new Promise<void>((resolve) => {
      child.once('close', () => resolve())
      // A process of another user, as a set-uid program is, cannot be killed and may keep the pipes open.
      child.once('exit', () => {
        setTimeout(() => resolve(), 30_000).unref()
      })
    })
    child.once('exit', (status, signal) => {
      // What it has left behind goes with it, and with that the other ends of its pipes.
      sweep(() => {
        void isClosed.then(() => {
          started.groups.clear()
          guard.stdin.write(`-${pid}\n`)
          pid = 0
          const willRestart = !isEnding && isReady && starts <= start.restarts
          tell({ t: 'exited', status, signal, willRestart })
          if (willRestart) run()
          else finish()
        })
      })
    })
  }
  /** Kills until nothing is left: one that forked while it was looked at has a child now. */
  const sweep = (then: () => void) => {
    if (started.signal('SIGKILL')) setTimeout(() => sweep(then), 10)
    else then()
  }
  const end = () => {
    if (isEnding) return
    isEnding = true
    server?.close()
    if (pid === 0) {
      finish()
      return
    }
    try {
      process.kill(-pid, start.stop)
    } catch {
      // It has ended by itself.
    }
    setTimeout(() => {
      wasKilled = true
      started.signal('SIGKILL')
    }, start.stopWithinMs)
  }
  const finish = () => {
    isEnding = true
    server?.close()
    rmSync(start.folder, { recursive: true, force: true })
    guard.stdin.end('.\n')
    const last = [...users, ...leavers]
    let open = last.length
    const exit = () => {
      if (--open <= 0) process.exit()
    }
    if (open === 0) process.exit()
    for (const user of last) user.end(`${JSON.stringify({ t: 'ended', wasKilled })}\n`, exit)
    // A user that has stopped reads nothing.
    setTimeout(() => process.exit(), 1000)
  }

  // Ctrl-C and a hang-up of the terminal are for bringup to hear.
  process.on('SIGHUP', () => {})
  process.on('SIGINT', () => {})
  process.on('SIGTERM', end)
  mkdirSync(start.folder, { mode: 0o700 })
  if (start.lockFile !== undefined) {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    const beganAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    const owner = { pid: process.pid, beganAt, mark: start.mark, folder: start.folder }
    writeFileSync(start.lockFile, JSON.stringify(owner))
  }
  const server = start.socket === undefined ? undefined : net.createServer({ allowHalfOpen: true }, admit)
  const first = new net.Socket({ fd: 3, allowHalfOpen: true, readable: true, writable: true })
  if (server) {
    rmSync(start.socket ?? '', { force: true })
    server.listen(start.socket, () => {
      admit(first)
      run()
    })
  } else {
    admit(first)
    run()
  }
}
