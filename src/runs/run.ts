/** A run: its guests started in order, followed until the last one that counts has ended, and judged as one. */
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { startClock } from '../guest/clock.ts'
import type { Guest } from '../guest/guest.ts'
import { launchGuest } from '../guest/launch.ts'
import type { GuestOptions } from '../guest/options.ts'
import type { GuestResult } from '../guest/record.ts'
import { LineSplitter } from '../line-splitter.ts'
import type { RunningHostNetwork } from '../network/host/start-host-network.ts'
import type { RunningNetwork } from '../network/running-network.ts'
import type { Condition } from '../plan/plan.ts'
import { errorsOf, type RunPlan, runOfOne } from '../plan/run-plan.ts'
import type { PlannedGuest } from '../project/planning.ts'
import type { PlannedRun } from '../project/run-planning.ts'
import { conditionText } from '../rack/condition-text.ts'
import { openCommandLog } from './command-log.ts'
import { concludeRun, type GuestEnd } from './conclude-run.ts'
import { problems as conditionProblems, untilMet } from './conditions.ts'
import { type RunEvent, RunEvents } from './events.ts'
import {
  createRun,
  folderOfGuest,
  type RunCommand,
  type RunFolder,
  type RunResult,
  saveRunResult,
} from './record.ts'
import { type RestoredResources, RunResources } from './resources.ts'

export interface RunOptions
  extends Pick<
    GuestOptions,
    | 'stateFolder'
    | 'allowReboot'
    | 'signal'
    | 'verify'
    | 'buildMs'
    | 'endsWhenHalted'
    | 'held'
    | 'onHeld'
    | 'onAnswer'
  > {
  /** The caller runs the commands of the guests itself. */
  readonly leavesCommands?: boolean
  /** Content of networks and memories of a rack that was saved. */
  readonly restored?: RestoredResources
  /** Whether sudo could ask a person for a password, for host networks that need root. Default: false. */
  readonly hasTerminal?: boolean
  /** What the user calls the run. */
  readonly label?: string | undefined
  /** Id of the sweep that the run is part of. */
  readonly sweep?: string | undefined
  /** The command line that starts the run, for its record. */
  readonly command?: RunCommand | undefined
  /** Every chunk of every console as it comes. */
  readonly onConsole?: (guest: string, chunk: Buffer) => void
  readonly onEvent?: (event: RunEvent) => void
}

/** Guests that run together, from `launchRack()` until `done` resolves. Disposing of it ends them all. */
export interface Run extends AsyncDisposable {
  readonly plan: RunPlan
  readonly folder: RunFolder
  /** The private networks between them, by name, once `started` has resolved. */
  readonly networks: Readonly<Record<string, RunningNetwork>>
  /** Those that are bridges of this computer. */
  readonly hostNetworks: Readonly<Record<string, RunningHostNetwork>>
  /** The guests that have started, by name, in the order of the plan. */
  readonly guests: Readonly<Record<string, Guest>>
  /** How it ended; never rejects. */
  readonly done: Promise<RunResult>
  /**
   * A guest, as soon as it runs.
   *
   * @throws BringupError with the reason why it did not start
   */
  guest(name: string): Promise<Guest>
  /** Resolves when every guest has started. Rejects with the reason when one could not. */
  readonly started: Promise<void>
  /** Returns what takes the listener away again. */
  onEvent(listener: (event: RunEvent) => void): () => void
  /** Ends all guests. */
  close(options?: { readonly timeoutMs?: number }): Promise<RunResult>
  /** Ends all guests on the user's wish: the verdict is `interrupted`. */
  interrupt(): Promise<RunResult>
  /** Paths of its memories that have no server, by resource. @internal */
  memoryFiles(): Promise<ReadonlyMap<string, string>>
}

/**
 * Starts what a plan says, and returns at once: `started` and `done` say how it goes on.
 *
 * @throws BringupError with the plan's errors: nothing is started then, and no record made
 */
export function startRun(planned: PlannedRun, options: RunOptions): Run {
  const errors = errorsOf(planned.plan)
  if (errors.length > 0) throw new BringupError(errors)
  return new ActiveRun(
    planned,
    createRun(options.stateFolder, planned.plan, {
      label: options.label,
      sweep: options.sweep,
      command: options.command,
    }),
    options,
  )
}

/**
 * Resolves when all guests of a run have started.
 *
 * @throws BringupError with the reason why one did not, once the run was closed
 */
export async function untilStarted(run: Run): Promise<Run> {
  try {
    await run.started
    return run
  } catch (error) {
    await run.close()
    throw error
  }
}

/** One guest of the run. */
interface Seat {
  readonly planned: PlannedGuest
  readonly name: string
  /** Resolves when it runs. */
  readonly running: Promise<Guest>
}

class ActiveRun implements Run {
  readonly plan: RunPlan
  readonly folder: RunFolder
  readonly started: Promise<void>
  readonly done: Promise<RunResult>
  readonly #options: RunOptions
  readonly #events: RunEvents
  readonly #clock: ReturnType<typeof startClock>
  readonly #seats: readonly Seat[]
  readonly #guests = new Map<string, Guest>()
  readonly #ends = new Map<string, GuestEnd>()
  /** Ends all waiting, and keeps guests from starting. */
  readonly #over = new AbortController()
  /** Guests whose QEMU does not run them yet, by name: they cannot be closed, only given up. */
  readonly #starting = new Map<string, AbortController>()
  /** Guests that the run itself ends. */
  readonly #closed = new Set<string>()
  readonly #problems: Diagnostic[] = []
  readonly #resources: RunResources
  #resolve: (result: RunResult) => void = () => {}

  constructor({ plan, guests }: PlannedRun, folder: RunFolder, options: RunOptions) {
    this.plan = plan
    this.folder = folder
    this.#options = options
    this.#clock = startClock(options.buildMs)
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#events = new RunEvents(folder.events)
    if (options.onEvent) this.#events.on(options.onEvent)
    this.#events.emit({ type: 'run started', id: folder.id, name: plan.name, folder: folder.path })
    this.#resources = new RunResources(plan, {
      folder: folder.path,
      signal: this.#over.signal,
      hasTerminal: options.hasTerminal === true,
      onEvent: (event) => this.#events.emit(event),
      onDeath: (finding) => this.#problems.push(finding),
      ...(options.restored ? { restored: options.restored } : {}),
    })
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (options.signal?.aborted) this.#onAbort()
    // Every guest watches for its conditions before the first one starts, so that no line is missed.
    const ready = guests.map(({ plan: { guest, after } }) => this.#untilReady(guest, after))
    this.#seats = guests.map((planned, index) => this.#seat(planned, ready[index]))
    this.started = Promise.all(this.#seats.map(({ running }) => running)).then(() => this.#clock.run())
    // Callers that do not wait for it learn of a failure from `done`.
    this.started.catch(() => {})
  }

  get guests(): Readonly<Record<string, Guest>> {
    return Object.fromEntries(
      this.plan.guests.flatMap(({ guest: name }) => {
        const guest = this.#guests.get(name)
        return guest ? [[name, guest]] : []
      }),
    )
  }

  get networks(): Readonly<Record<string, RunningNetwork>> {
    return this.#resources.networks
  }

  get hostNetworks(): Readonly<Record<string, RunningHostNetwork>> {
    return this.#resources.hostNetworks
  }

  memoryFiles(): Promise<ReadonlyMap<string, string>> {
    return this.#resources.memoryFiles()
  }

  async guest(name: string): Promise<Guest> {
    const seat = this.#seats.find((one) => one.name === name)
    if (!seat) throw new TypeError(`the run has no guest "${name}"`)
    return seat.running
  }

  onEvent(listener: (event: RunEvent) => void): () => void {
    return this.#events.on(listener)
  }

  async close(options: { readonly timeoutMs?: number } = {}): Promise<RunResult> {
    await this.#endAll((guest) => guest.close(options))
    return this.done
  }

  async interrupt(): Promise<RunResult> {
    await this.#endAll((guest) => guest.interrupt())
    return this.done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  readonly #onAbort = () => this.#over.abort(new BringupError([]))

  #seat(planned: PlannedGuest, ready: Promise<void> | undefined): Seat {
    const { guest: name } = planned.plan
    const running = Promise.all([ready, this.#resources.ready()]).then(() => this.#launch(planned))
    running.catch((error: unknown) => this.#skip(planned, error))
    return { planned, name, running }
  }

  async #untilReady(name: string, after: readonly Condition[]): Promise<void> {
    if (after.length === 0) return
    const around = {
      events: this.#events,
      running: (guest: string) => this.guest(guest),
      signal: this.#over.signal,
    }
    this.#events.emit({ type: 'guest waiting', guest: name, for: after.map(conditionText).join(', ') })
    await Promise.all(after.map((condition) => untilMet(condition, around)))
  }

  async #launch({ plan, facts, profile }: PlannedGuest): Promise<Guest> {
    this.#over.signal.throwIfAborted()
    const { guest: name } = plan
    const { onConsole, stateFolder, allowReboot, signal, verify, buildMs, endsWhenHalted } = this.#options
    const { held, onHeld, onAnswer } = this.#options
    this.#events.emit({ type: 'guest starting', guest: name })
    const attached = await this.#resources.attach(plan)
    const starting = new AbortController()
    this.#starting.set(name, starting)
    const guest = await launchGuest(plan, {
      joins: attached.joins,
      stateFolder,
      facts,
      profile,
      ...(allowReboot === undefined ? {} : { allowReboot }),
      signal: signal ? AbortSignal.any([signal, starting.signal]) : starting.signal,
      ...(verify === undefined ? {} : { verify }),
      ...(buildMs === undefined ? {} : { buildMs }),
      ...(held ? { held } : {}),
      ...(onHeld ? { onHeld } : {}),
      ...(onAnswer ? { onAnswer } : {}),
      folder: folderOfGuest(this.folder, name),
      ...(onConsole ? { onConsole: (chunk: Buffer) => onConsole(name, chunk) } : {}),
      onLine: (line) => this.#events.emit({ type: 'console line', guest: name, line }),
      ...(endsWhenHalted === undefined ? {} : { endsWhenHalted }),
      onScreenLine: (line) => this.#events.emit({ type: 'screen line', guest: name, line }),
      onResult: (result) => this.#ended(plan, result),
    }).finally(() => {
      this.#starting.delete(name)
      attached.release()
    })
    this.#guests.set(name, guest)
    this.#events.emit({ type: 'guest started', guest: name, pid: guest.qemu.pid })
    if (plan.command.length > 0 && !this.#options.leavesCommands) void this.#runCommand(guest, plan.command)
    return guest
  }

  async #runCommand(guest: Guest, command: readonly string[]): Promise<void> {
    const { name } = guest
    const lines = (stream: 'stdout' | 'stderr') =>
      new LineSplitter((line) => this.#events.emit({ type: 'command line', guest: name, stream, line }))
    const [stdout, stderr] = [lines('stdout'), lines('stderr')]
    const log = openCommandLog(guest.folder)
    try {
      this.#events.emit({ type: 'command started', guest: name, command })
      const { exitCode } = await guest.run(command, {
        onStdout: (chunk) => {
          log.write(chunk)
          stdout.take(chunk)
        },
        onStderr: (chunk) => {
          log.write(chunk)
          stderr.take(chunk)
        },
      })
      for (const stream of [stdout, stderr]) stream.end()
      this.#events.emit({ type: 'command ended', guest: name, exitCode })
      await guest.endWith(exitCode)
    } catch {
      // The guest ended first: its result says why.
    } finally {
      log.close()
    }
  }

  /** Called before the guest's `done` resolves: after that the record of the run is complete. */
  async #ended({ guest, counts }: PlannedGuest['plan'], result: GuestResult): Promise<void> {
    const wasClosed = this.#closed.has(guest)
    const { verdict, exitCode, meaning } = result
    this.#events.emit({ type: 'guest ended', guest, verdict, exitCode, meaning })
    await this.#take({ guest, counts, result, wasClosed })
  }

  /** A guest that was never started; one that failed to start has ended. */
  #skip({ plan: { guest, counts } }: PlannedGuest, error: unknown): void {
    if (this.#ends.has(guest)) return
    const known = error instanceof BringupError ? error.diagnostics : undefined
    // A service that does not start keeps every guest from starting.
    this.#problems.push(...(known ?? []).filter((finding) => !this.#problems.includes(finding)))
    const because = known ? (known[0]?.what ?? 'the run was ended first') : String(error)
    this.#events.emit({ type: 'guest skipped', guest, because })
    const isUnmet = known?.[0]?.code === conditionProblems.RACK_CONDITION_UNMET.code
    const skipped = known?.length === 0 ? 'ended' : isUnmet ? 'unmet' : 'failed'
    void this.#take({ guest, counts, wasClosed: false, skipped })
  }

  async #take(end: GuestEnd): Promise<void> {
    this.#ends.set(end.guest, end)
    const isOver = this.#seats.every(({ planned: { plan } }) => !plan.counts || this.#ends.has(plan.guest))
    const isDecided = end.counts && !end.wasClosed && end.result?.verdict !== 'passed'
    if (this.#ends.size === this.plan.guests.length) await this.#conclude()
    else if (isOver || isDecided) void this.#closeRest()
  }

  async #conclude(): Promise<void> {
    await this.#resources[Symbol.asyncDispose]()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    const result = concludeRun({
      isRack: this.plan.isRack,
      guests: this.plan.guests.flatMap(({ guest }) => this.#ends.get(guest) ?? []),
      diagnostics: this.#problems,
      timings: this.#clock.stop(),
      folder: this.folder.path,
    })
    const { verdict, exitCode, meaning } = result
    this.#events.emit({ type: 'run ended', verdict, exitCode, meaning })
    this.#events.close()
    try {
      saveRunResult(this.folder, result)
    } catch {
      // A full disk: the results of the guests say so.
    }
    this.#resolve(result)
  }

  /** Ends the guests that are left; their verdicts say nothing. */
  async #closeRest(): Promise<void> {
    for (const { name } of this.#seats) if (!this.#ends.has(name)) this.#closed.add(name)
    await this.#endAll((guest) => guest.close())
  }

  /** Ends those that run, and gives up those that are starting or waiting. */
  async #endAll(end: (guest: Guest) => Promise<unknown>): Promise<void> {
    this.#over.abort(new BringupError([]))
    for (const starting of this.#starting.values()) starting.abort()
    const ended = this.#seats.map(({ running }) => running.then(end, () => {}))
    await Promise.all(ended)
  }
}

/**
 * Starts the run of one guest, and resolves when it runs.
 *
 * @throws LaunchError, BringupError with what kept it from running, once the record of the run is complete
 */
export async function launchAlone(
  planned: PlannedGuest,
  { onConsole, ...options }: Omit<RunOptions, 'onConsole'> & { readonly onConsole?: (chunk: Buffer) => void },
): Promise<Guest> {
  const { plan } = planned
  const run = startRun(
    { plan: runOfOne(plan), guests: [planned] },
    { ...options, ...(onConsole ? { onConsole: (_name: string, chunk: Buffer) => onConsole(chunk) } : {}) },
  )
  try {
    return await run.guest(plan.guest)
  } catch (error) {
    await run.done
    throw error
  }
}
