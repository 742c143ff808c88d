/** Forks that are started in advance: their state is loaded, their agent has answered once, and they wait to run. */
import { availableParallelism, freemem, totalmem } from 'node:os'
import type { Guest } from './guest/guest.ts'
import { viewOf } from './machine/machine.ts'
import { runOfOne } from './plan/run-plan.ts'
import type { PlannedGuest } from './project/planning.ts'
import { removeRun } from './runs/record.ts'
import { type Run, startRun } from './runs/run.ts'
import { pause } from './timer.ts'

/** What a fork from a pool can be given. */
export interface PooledForkOptions {
  /** Aborting ends the fork; the verdict is then `interrupted`. */
  readonly signal?: AbortSignal
  readonly onConsole?: (chunk: Buffer) => void
}

/** Guests of one state that wait to run. Disposing of it ends those that wait; forks that were taken are not affected. */
export interface GuestPool extends AsyncDisposable {
  /** How many guests wait at the moment. */
  readonly waiting: number
  /** Resolves when as many guests wait as the pool holds, or as the memory allows. */
  readonly filled: Promise<void>
  /**
   * Lets a waiting guest run, or starts one if none waits.
   *
   * @throws BringupError as `SavedState.fork`
   */
  fork(options?: PooledForkOptions): Promise<Guest>
}

/** What a pool starts its guests with. */
export interface PoolSource {
  readonly planned: PlannedGuest
  readonly stateFolder: string
  /** Most guests that wait. */
  readonly size: number
  /** Most RAM of all guests that wait, in bytes; by default half of what is available. */
  readonly memoryBytes: number | undefined
  /** Why the state cannot be used any more. */
  readonly damage: () => string | undefined
  /** Starts a guest that does not wait. */
  readonly start: (options: PooledForkOptions) => Promise<Guest>
  /** Called with each guest that had waited. */
  readonly onTaken: (guest: Guest) => void
}

/** As many as cores: more could not begin to run at once. */
export const DEFAULT_SIZE = availableParallelism()

/** Part of the memory of this computer that stays free. */
const SPARE = 1 / 8

/** Time for the first question after a guest has answered bringup's own. */
const FIRST_ANSWER_MS = 20
/** A guest without a command channel does not answer. */
const SILENT_MS = 500

/** A guest whose QEMU waits. */
interface Waiting {
  readonly run: Run
  /** Whether its state is loaded. */
  isLoaded: boolean
  /** Lets it run. */
  readonly release: () => void
  readonly abort: () => void
  /** Gives the console to its owner, with what came before. */
  readonly connect: (onConsole: ((chunk: Buffer) => void) | undefined) => void
  /** Its agent has answered, or it has ended. */
  readonly answered: Promise<void>
}

export function openPool(source: PoolSource): GuestPool {
  return new Pool(source)
}

class Pool implements GuestPool {
  readonly #source: PoolSource
  readonly #waiting = new Set<Waiting>()
  readonly #ramBytes: number
  #isClosed = false
  #filling: Promise<void> = Promise.resolve()

  constructor(source: PoolSource) {
    const { name, machine } = source.planned.plan
    this.#source = source
    this.#ramBytes = viewOf(name, machine).ramBytes
    this.#fill()
  }

  get waiting(): number {
    return [...this.#waiting].filter(({ isLoaded }) => isLoaded).length
  }

  get filled(): Promise<void> {
    return this.#filling
  }

  async fork(options: PooledForkOptions = {}): Promise<Guest> {
    if (this.#source.damage() !== undefined) await this.#empty()
    const taken = [...this.#waiting].find(({ isLoaded }) => isLoaded)
    if (!taken) return this.#source.start(options)
    this.#waiting.delete(taken)
    taken.connect(options.onConsole)
    follow(options.signal, taken)
    taken.release()
    this.#fill(atRest(taken))
    const guest = await taken.run.guest(this.#source.planned.plan.guest)
    this.#source.onTaken(guest)
    return guest
  }

  #fill(since: Promise<void> = Promise.resolve()): void {
    this.#filling = this.#filling.then(async () => {
      await since
      while (!this.#isClosed && this.#waiting.size < this.#source.size && this.#hasRoom()) {
        const { waiting, loaded } = startWaiting(this.#source)
        this.#waiting.add(waiting)
        void waiting.run.done.then(() => this.#waiting.delete(waiting))
        // A state that cannot be loaded is reported by the next fork.
        if (!(await loaded)) return
      }
    })
  }

  /** A guest that waits has little of its RAM; one that runs may use all of it. */
  #hasRoom(): boolean {
    const wanted = (this.#waiting.size + 1) * this.#ramBytes
    const { memoryBytes = freemem() / 2 } = this.#source
    return wanted <= memoryBytes && freemem() - wanted >= totalmem() * SPARE
  }

  async #empty(): Promise<void> {
    const ending = [...this.#waiting]
    this.#waiting.clear()
    await Promise.all(
      ending.map(async ({ run, abort }) => {
        abort()
        await run.done
        // It never ran.
        removeRun(run.folder)
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await this.#empty()
    await this.#filling
    await this.#empty()
  }
}

/** Other guests are started when this one has answered what it was asked first, so that they do not delay it. */
async function atRest({ answered }: Waiting): Promise<void> {
  await Promise.race([answered.then(() => pause(FIRST_ANSWER_MS)), pause(SILENT_MS)])
}

function startWaiting({ planned, stateFolder }: PoolSource): {
  readonly waiting: Waiting
  readonly loaded: Promise<boolean>
} {
  const held = settled<void>()
  const loaded = settled<boolean>()
  const answered = settled<void>()
  const controller = new AbortController()
  const early: Buffer[] = []
  let take: (chunk: Buffer) => void = (chunk) => void early.push(chunk)
  const run = startRun(
    { plan: runOfOne(planned.plan), guests: [planned] },
    {
      stateFolder,
      signal: controller.signal,
      held: held.promise,
      onHeld: () => {
        waiting.isLoaded = true
        loaded.resolve(true)
      },
      onAnswer: () => answered.resolve(),
      onConsole: (_guest, chunk) => take(chunk),
    },
  )
  const waiting: Waiting = {
    run,
    isLoaded: false,
    release: () => held.resolve(),
    abort: () => controller.abort(),
    connect(onConsole = () => {}) {
      take = onConsole
      for (const chunk of early.splice(0)) onConsole(chunk)
    },
    answered: answered.promise,
  }
  void run.done.then(() => {
    loaded.resolve(false)
    answered.resolve()
  })
  return { waiting, loaded: loaded.promise }
}

/** A promise, and what resolves it. */
function settled<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

function follow(signal: AbortSignal | undefined, { run, abort }: Waiting): void {
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  void run.done.then(() => signal?.removeEventListener('abort', abort))
}
