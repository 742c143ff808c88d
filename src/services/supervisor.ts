/** Starts the supervisor of a service, or joins the one that a shared service has already. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { BringupError } from '../diagnostics.ts'
import { screenLines } from '../guest-text.ts'
import { startTimeOf } from '../host/process-start.ts'
import { descendants } from '../processes/descendants.ts'
import { withLock } from '../processes/file-lock.ts'
import { guardProgram } from '../processes/guard.ts'
import { randomDigits } from '../random-name.ts'
import { problems } from './problems.ts'
import { runtimeFolder } from './runtime-folder.ts'
import { inFolder, type ServiceSpec } from './service.ts'
import {
  type SupervisorMessage,
  type SupervisorStart,
  supervisor,
  type UserMessage,
} from './supervisor-program.ts'

/** A user's end of the connection to a supervisor. */
export interface Supervised {
  /** The description with the private folder in it. */
  readonly spec: ServiceSpec
  readonly folder: string
  /** Whether it was started by this call, and did not run before. */
  readonly isNew: boolean
  /** What the supervisor says, from the start; called back once they are listened to. */
  listen(onMessage: (message: SupervisorMessage) => void): void
  say(message: UserMessage): void
  /** No longer needed here. */
  leave(): void
  /** Resolves once the supervisor has closed the connection: the last user finds the service gone. */
  readonly closed: Promise<void>
}

/** How it is started. */
export interface SupervisorContext {
  readonly workingFolder: string
  readonly signal?: AbortSignal
}

/**
 * Starts a service or joins a shared one.
 *
 * @throws BringupError SERVICE_NOT_SUPERVISED, SERVICE_SHARED_DIFFERS, SERVICE_FOLDER_UNSAFE
 */
export async function supervise(spec: ServiceSpec, context: SupervisorContext): Promise<Supervised> {
  const runtime = runtimeFolder()
  const folder = join(runtime, `s${randomDigits(12)}`)
  if (spec.shared === undefined) return startSupervisor(spec, { folder }, context)
  // Names of files have the hash of the key, which may be any text.
  const base = join(runtime, createHash('sha256').update(spec.shared).digest('hex').slice(0, 16))
  const place = { folder, socket: `${base}.sock`, lockFile: `${base}.lock` }
  return withLock(`${base}.join`, () => joinOrStart(spec, place, context), context.signal)
}

interface Place {
  readonly folder: string
  readonly socket?: string
  readonly lockFile?: string
}

async function joinOrStart(
  spec: ServiceSpec,
  place: Required<Place>,
  context: SupervisorContext,
): Promise<Supervised> {
  const joined = await joinRunning(spec, place)
  if (joined) return joined
  sweepOrphans(place.lockFile)
  return startSupervisor(spec, place, context)
}

/** Undefined where no supervisor takes users: none is running, or it is about to end. */
async function joinRunning(
  spec: ServiceSpec,
  { socket, lockFile }: Required<Place>,
): Promise<Supervised | undefined> {
  const user = await greeted(connect({ path: socket, allowHalfOpen: true }))
  if (!user) return undefined
  const { folder, identity } = user.hello
  if (identity !== identityOf(spec)) {
    user.connection.leave()
    const what = `the service with key "${spec.shared}" (${spec.name}) runs with other settings than the ones described here`
    throw new BringupError([problems.SERVICE_SHARED_DIFFERS.at('', what)])
  }
  return supervisedBy(user, { spec: inFolder(spec, folder), folder, isNew: false }, readOwner(lockFile)?.mark)
}

async function startSupervisor(
  spec: ServiceSpec,
  place: Place,
  { workingFolder, signal }: SupervisorContext,
): Promise<Supervised> {
  signal?.throwIfAborted()
  const { folder, lockFile } = place
  const placed = inFolder(spec, folder)
  const mark = `BRINGUP_SERVICE=${randomUUID()}`
  const start: SupervisorStart = {
    ...place,
    mark,
    argv: placed.argv,
    stop: spec.stop,
    stopWithinMs: spec.stopWithin,
    restarts: spec.restart,
    workingFolder,
    identity: identityOf(spec),
    guard: guardProgram(mark, { graceMs: 0, remove: folder }),
  }
  const program = `(${supervisor})(${JSON.stringify(start)}, ${descendants})`
  const words = [process.execPath, '-e', program] as const
  // It waits for the lock as long as what had it before takes to end.
  const [command = '', ...args] =
    lockFile === undefined ? words : ['flock', '--exclusive', '--no-fork', lockFile, ...words]
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...placed.env },
  })
  const giveUp = () => child.kill('SIGKILL')
  signal?.addEventListener('abort', giveUp, { once: true })
  const stderr = stderrOf(child)
  const user = await greeted(child.stdio[3] as unknown as Duplex)
  signal?.removeEventListener('abort', giveUp)
  if (!user) {
    signal?.throwIfAborted()
    return refuse((await stderr) || 'it ended before it said anything')
  }
  child.unref()
  return supervisedBy(user, { spec: placed, folder, isNew: true }, mark)
}

type Greeted = NonNullable<Awaited<ReturnType<typeof greeted>>>

/** A supervisor that was killed leaves its folder, and what its service has started. */
function supervisedBy(
  { connection, wasOrderly }: Greeted,
  service: Pick<Supervised, 'spec' | 'folder' | 'isNew'>,
  mark: string | undefined,
): Supervised {
  const closed = connection.closed.then(() => {
    if (wasOrderly() || mark === undefined) return
    sweep(mark)
    rmSync(service.folder, { recursive: true, force: true })
  })
  return { ...service, ...connection, closed }
}

function refuse(what: string): never {
  throw new BringupError([problems.SERVICE_NOT_SUPERVISED.at('', screenLines(what).slice(-1)[0] ?? what)])
}

/** The end of what the process says. */
function stderrOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-4000)
  })
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', () => resolve(text.trim()))
  })
}

/** Resolves once the supervisor has said hello; to undefined when it closes the connection without. */
function greeted(stream: Duplex) {
  let rest = ''
  let listener: ((message: SupervisorMessage) => void) | undefined
  let isOrderly = false
  const early: SupervisorMessage[] = []
  const take = (message: SupervisorMessage) => {
    if (message.t === 'ended' || message.t === 'left') isOrderly = true
    if (listener) listener(message)
    else early.push(message)
  }
  const closed = new Promise<void>((resolve) => {
    stream.once('close', () => resolve())
  })
  stream.on('error', () => {})
  stream.on('end', () => stream.end())
  const connection = {
    closed,
    listen(onMessage: (message: SupervisorMessage) => void) {
      listener = onMessage
      for (const message of early.splice(0)) onMessage(message)
    },
    say: (message: UserMessage) => void stream.write(`${JSON.stringify(message)}\n`),
    leave: () => void stream.end(),
  }
  type Hello = Extract<SupervisorMessage, { readonly t: 'hello' }>
  interface User {
    readonly hello: Hello
    readonly connection: typeof connection
    /** It said how it came to an end. */
    readonly wasOrderly: () => boolean
  }
  return new Promise<User | undefined>((resolve) => {
    void closed.then(() => resolve(undefined))
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const message = JSON.parse(line) as SupervisorMessage
        take(message)
        if (message.t === 'hello') resolve({ hello: message, connection, wasOrderly: () => isOrderly })
      }
    })
  })
}

/** The same for descriptions that mean the same service. The name and patience are each user's own. */
function identityOf({ argv, env, ready, stop, stopWithin, restart }: ServiceSpec): string {
  return createHash('sha256')
    .update(JSON.stringify({ argv, env, ready, stop, stopWithin, restart }))
    .digest('hex')
}

/** Ends what a killed supervisor has left: only then is its lock free. */
function sweepOrphans(lockFile: string): void {
  const left = readOwner(lockFile)
  if (!left || isAlive(left)) return
  sweep(left.mark)
  rmSync(left.folder, { recursive: true, force: true })
}

interface Owner {
  readonly pid: number
  readonly beganAt: string
  readonly mark: string
  readonly folder: string
}

function isAlive({ pid, beganAt }: Owner): boolean {
  return startTimeOf(pid) === beganAt
}

/** What the supervisor has written about itself; the folder is this user's own. */
function readOwner(lockFile: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8'))
  } catch {
    return undefined
  }
}

function sweep(mark: string): void {
  const left = descendants(mark)
  while (left.signal('SIGKILL'));
}
