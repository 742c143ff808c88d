/** A service of a run: started and ready, watched, and ended with the run. */
import { isAbsolute, resolve } from 'node:path'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { readPorts } from '../host/ports.ts'
import { findProgram } from '../host/tools.ts'
import { startTimer } from '../timer.ts'
import { formatMs } from '../units.ts'
import { openLog, type ServiceLog } from './log.ts'
import { problems } from './problems.ts'
import { listensAt, type PathState, pathState, type Watch, watchReadiness } from './readiness.ts'
import { FOLDER_WORD, type ServiceSpec } from './service.ts'
import { type Supervised, supervise } from './supervisor.ts'
import type { SupervisorMessage } from './supervisor-program.ts'

/** What happens to a service, in the order in which it happens. Plain JSON. */
export type ServiceEvent =
  | { readonly type: 'service started'; readonly service: string; readonly pid: number }
  | { readonly type: 'service ready'; readonly service: string }
  /** It died, and is started again. */
  | { readonly type: 'service restarted'; readonly service: string; readonly finding: Diagnostic }
  /** `wasWanted`: the run ended it, or has left it to other runs. */
  | {
      readonly type: 'service ended'
      readonly service: string
      readonly wasWanted: boolean
      readonly finding?: Diagnostic
    }

export interface ServiceOptions {
  /** The log of this run: a file that must not be there yet. */
  readonly logPath?: string
  /** Words before its command, which run it elsewhere, as in the network namespace of a host network. */
  readonly enter?: readonly [string, ...string[]]
  /** Gives up waiting until the service is ready. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: ServiceEvent) => void
  /** Once it was ready, status 0 is an orderly end and not a death. */
  readonly mayEnd?: boolean
}

/** A service that is ready. Disposing of it ends the service, if no other run uses it, and waits until it has gone. */
export interface Service extends AsyncDisposable {
  readonly name: string
  /** Private folder: `{folder}` of the description. */
  readonly folder: string
  /** The first process of the service; another one after a restart. */
  readonly pid: number
  /** Resolves if it dies without being asked to and is not started again. Never rejects. */
  readonly died: Promise<Diagnostic>
}

/**
 * Starts a service, or joins a shared one, and resolves once it is ready. It ends when the last process that uses it
 * disposes of it, ends or is killed.
 *
 * @throws BringupError SERVICE_PROGRAM_MISSING, SERVICE_PORT_TAKEN, SERVICE_PATH_TAKEN, SERVICE_NOT_READY,
 * SERVICE_SHARED_DIFFERS, SERVICE_FOLDER_UNSAFE, SERVICE_NOT_SUPERVISED: nothing is left running then
 * @example
 * const spec = parseService({
 *   name: 'watch',
 *   argv: [process.execPath, '-e', 'console.log("ready"); setInterval(() => {}, 1000)'],
 *   ready: { pattern: '^ready' },
 * })
 * await using watch = await startService(spec)
 * console.log(watch.pid, watch.folder)
 */
export async function startService(spec: ServiceSpec, options: ServiceOptions = {}): Promise<Service> {
  const { signal, enter = [] } = options
  const workingFolder = spec.cwd ?? process.cwd()
  const [word, ...args] = spec.argv
  const program = programPath(word, workingFolder)
  if (program === undefined)
    throw new BringupError([
      problems.SERVICE_PROGRAM_MISSING.at('', `service ${spec.name}: no program "${word}"`),
    ])
  const before = stateBefore(spec)
  // Ports of this computer are not those of another network.
  if (spec.shared === undefined && (enter.length === 0 || (spec.ready && 'path' in spec.ready)))
    await refuseTaken(spec)
  const [first = '', ...words] = [...enter, program, ...args]
  const supervised = await supervise(
    { ...spec, argv: [first, ...words] },
    { workingFolder, ...(signal ? { signal } : {}) },
  )
  const running = new RunningService(supervised, before, options)
  await running.start(signal)
  return running
}

/** Undefined where there is no such program. A path is taken as it is: the kernel says best what is wrong with it. */
function programPath(word: string, workingFolder: string): string | undefined {
  if (word.startsWith(FOLDER_WORD) || isAbsolute(word)) return word
  return word.includes('/') ? resolve(workingFolder, word) : findProgram(word)
}

/** What is at the path that will show that it is ready. Its own folder is new. */
function stateBefore({ ready, shared }: ServiceSpec): PathState | undefined {
  if (ready === undefined || !('path' in ready) || shared !== undefined) return undefined
  return ready.path.startsWith(FOLDER_WORD) ? undefined : pathState(ready.path)
}

async function refuseTaken({ name, ready }: ServiceSpec): Promise<void> {
  if (ready === undefined || 'pattern' in ready) return
  if ('path' in ready) {
    if (listensAt(ready.path) !== true) return
    throw new BringupError([problems.SERVICE_PATH_TAKEN.at('', `service ${name}: ${ready.path}`)])
  }
  const [fact] = await readPorts([{ protocol: 'tcp', address: '', port: ready.port }])
  if (fact?.state !== 'taken') return
  const holder =
    fact.holder?.pid === undefined ? '' : ` is held by process ${fact.holder.pid} (${fact.holder.command})`
  throw new BringupError([problems.SERVICE_PORT_TAKEN.at('', `service ${name}: port ${ready.port}${holder}`)])
}

class RunningService implements Service {
  readonly died: Promise<Diagnostic>
  #pid = -1
  #isLeaving = false
  #hasBeenReady = false
  #wasKilled = false
  #starts = 0
  #watch: Watch | undefined
  /** Printed before this process came, and whether it was found ready then. */
  #early = ''
  #wasReady = false
  #exit: Extract<SupervisorMessage, { readonly t: 'exited' }> | undefined
  readonly #supervised: Supervised
  readonly #before: PathState | undefined
  readonly #options: ServiceOptions
  readonly #log: ServiceLog
  readonly #firstReady = deferred<void>()
  readonly #death = deferred<Diagnostic>()

  constructor(supervised: Supervised, before: PathState | undefined, options: ServiceOptions) {
    this.#supervised = supervised
    this.#before = before
    this.#options = options
    this.#log = openLog(options.logPath)
    this.died = this.#death.promise
    supervised.listen((message) => this.#take(message))
    void supervised.closed.then(() => this.#closed())
  }

  get name(): string {
    return this.#supervised.spec.name
  }
  get folder(): string {
    return this.#supervised.folder
  }
  get pid(): number {
    return this.#pid
  }

  /** Waits until it is ready. What is wrong is thrown once the service has gone. */
  async start(signal: AbortSignal | undefined): Promise<void> {
    const { readyWithin } = this.#supervised.spec
    const late = deferred<Diagnostic>()
    const timer = startTimer(readyWithin, () =>
      late.resolve(this.#notReady(`was not ready after ${formatMs(readyWithin)}`)),
    )
    const aborted = deferred<undefined>()
    const onAbort = () => aborted.resolve(undefined)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    const outcome = await Promise.race([
      this.#firstReady.promise.then(() => 'ready' as const),
      this.died,
      late.promise,
      aborted.promise,
    ])
    timer.clear()
    signal?.removeEventListener('abort', onAbort)
    if (outcome === 'ready') return
    await this[Symbol.asyncDispose]()
    signal?.throwIfAborted()
    throw new BringupError(outcome ? [outcome] : [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLeaving = true
    this.#watch?.stop()
    this.#supervised.leave()
    await this.#supervised.closed
  }

  #take(message: SupervisorMessage): void {
    if (message.t === 'hello') {
      this.#log.write(message.output)
      this.#early = message.output
      this.#wasReady = message.isReady
    } else if (message.t === 'started') this.#started(message)
    else if (message.t === 'output') {
      this.#log.write(message.text)
      this.#watch?.take(message.text)
    } else if (message.t === 'exited') this.#exited(message)
    else if (message.t === 'failed') this.#log.write(`${message.what}\n`)
    else if (message.t === 'ended') this.#wasKilled = message.wasKilled
  }

  #started({ pid, start }: Extract<SupervisorMessage, { readonly t: 'started' }>): void {
    this.#pid = pid
    this.#starts = start
    this.#emit({ type: 'service started', service: this.name, pid })
    this.#watch?.stop()
    const ready = this.#wasReady ? undefined : this.#supervised.spec.ready
    this.#wasReady = false
    const isFirst = this.#supervised.isNew && start === 1
    this.#watch = watchReadiness(ready, { pid, before: isFirst ? this.#before : undefined }, () => {
      this.#supervised.say({ ready: start })
      this.#becomeReady()
    })
    this.#watch.take(this.#early)
    this.#early = ''
  }

  #becomeReady(): void {
    if (this.#isLeaving) return
    this.#emit({ type: 'service ready', service: this.name })
    this.#hasBeenReady = true
    this.#firstReady.resolve()
  }

  #exited(message: Extract<SupervisorMessage, { readonly t: 'exited' }>): void {
    this.#exit = message
    this.#watch?.stop()
    if (!message.willRestart || this.#isLeaving) return
    const finding = problems.SERVICE_RESTARTED.at('', `service ${this.name} ${howItEnded(message)}`, {
      evidence: this.#log.lastLines,
    })
    this.#emit({ type: 'service restarted', service: this.name, finding })
  }

  /** The supervisor has gone, and with it the service, unless others use it. */
  #closed(): void {
    this.#watch?.stop()
    const { lastLines } = this.#log
    this.#log.close()
    if (this.#isLeaving) {
      const finding = this.#wasKilled
        ? problems.SERVICE_KILLED.at(
            '',
            `service ${this.name} did not end within ${formatMs(this.#supervised.spec.stopWithin)} after ${this.#supervised.spec.stop}`,
          )
        : undefined
      this.#emit({
        type: 'service ended',
        service: this.name,
        wasWanted: true,
        ...(finding ? { finding } : {}),
      })
      return
    }
    if (this.#options.mayEnd && this.#hasBeenReady && this.#exit?.status === 0) {
      this.#emit({ type: 'service ended', service: this.name, wasWanted: true })
      return
    }
    const finding = this.#whyDied(lastLines)
    this.#death.resolve(finding)
    this.#emit({ type: 'service ended', service: this.name, wasWanted: false, finding })
  }

  #whyDied(evidence: readonly string[]): Diagnostic {
    const { name } = this
    if (!this.#exit)
      return problems.SERVICE_NOT_SUPERVISED.at('', `service ${name}: its supervisor was killed`, {
        evidence,
      })
    const [, reason] = /^setpriv: failed to execute .*: (.*)$/.exec(evidence.at(-1) ?? '') ?? []
    if (reason !== undefined)
      return problems.SERVICE_PROGRAM_MISSING.at(
        '',
        `service ${name}: ${this.#supervised.spec.argv[0]} could not be started: ${reason}`,
      )
    const how = howItEnded(this.#exit)
    if (!this.#hasBeenReady) return this.#notReady(`${how} before it was ready`, evidence)
    const times = this.#starts > 1 ? ` after ${this.#starts} starts` : ''
    return problems.SERVICE_DIED.at('', `service ${name} ${how}${times}`, { evidence })
  }

  #notReady(how: string, evidence: readonly string[] = this.#log.lastLines): Diagnostic {
    const { ready } = this.#supervised.spec
    const sign =
      ready === undefined
        ? ''
        : 'pattern' in ready
          ? `: no line of its output matched /${ready.pattern}/`
          : 'port' in ready
            ? `: it did not listen on port ${ready.port}`
            : `: ${ready.path} did not appear`
    return problems.SERVICE_NOT_READY.at('', `service ${this.name} ${how}${sign}`, { evidence })
  }

  #emit(event: ServiceEvent): void {
    this.#options.onEvent?.(event)
  }
}

function howItEnded({ status, signal }: { readonly status: number | null; readonly signal: string | null }) {
  return signal === null ? `ended with status ${status}` : `was killed by ${signal}`
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
