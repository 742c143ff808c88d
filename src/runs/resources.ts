/**
 * What the guests of a run share: services, networks and memory. Started before the guests that need them, ended after the
 * last guest. Their rooms are loaded only for runs that need them.
 */
import { join } from 'node:path'
import type { Diagnostic } from '../diagnostics.ts'
import type { Join } from '../machine/device.ts'
import type { RunningHostNetwork } from '../network/host/start-host-network.ts'
import type { KeptFrame } from '../network/kept-frames.ts'
import type { RunningNetwork } from '../network/running-network.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import { cacheFolder } from '../project/cache-folder.ts'
import type { JoinEnd } from '../qemu/process.ts'
import type { RunningMemory } from '../services/ivshmem/shared-memory.ts'
import type { Mirror } from '../services/rdma/mirror.ts'
import type { RunningMultiplexer } from '../services/rdma/multiplexer.ts'
import type { Services } from '../services/start-services.ts'
import type { ServedFolder } from '../services/virtiofs.ts'
import type { RunHappening } from './events.ts'
import { RunNetworks } from './networks.ts'

export interface ResourcesOptions {
  /** Folder of the run. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Whether sudo could ask a person for a password. */
  readonly hasTerminal: boolean
  readonly onEvent: (event: RunHappening) => void
  /** Something that the run shares has died. */
  readonly onDeath: (finding: Diagnostic) => void
  /** What a fork of a rack continues with. */
  readonly restored?: RestoredResources
}

/** Content of resources when their guests were saved. */
export interface RestoredResources {
  /** By the names of the networks. */
  readonly frames: Readonly<Record<string, readonly KeptFrame[]>>
  /** Files with the content of memories, by resource. */
  readonly memories: Readonly<Record<string, string>>
}

/** What QEMU inherits. To be released once it has been started. */
export interface Attached {
  readonly joins: ReadonlyMap<string, JoinEnd>
  release(): void
}

/** Disposing of it ends everything, in reverse order. */
export class RunResources implements AsyncDisposable {
  readonly #plan: RunPlan
  readonly #options: ResourcesOptions
  readonly #memories = new Map<string, Promise<RunningMemory>>()
  readonly #folders: ServedFolder[] = []
  readonly #multiplexers = new Map<string, Promise<RunningMultiplexer>>()
  #mirror: Promise<Mirror> | undefined
  readonly #networks: RunNetworks
  #services: Promise<Services> | undefined
  #isEnding = false

  constructor(plan: RunPlan, options: ResourcesOptions) {
    this.#plan = plan
    this.#options = options
    const kept = options.restored?.frames
    this.#networks = new RunNetworks(plan, {
      ...options,
      onService: options.onEvent,
      ...(kept ? { kept } : {}),
    })
  }

  /** Those that have started, by name. */
  get networks(): Readonly<Record<string, RunningNetwork>> {
    return this.#networks.running
  }

  /** Bridges of this computer that have started, by name. */
  get hostNetworks(): Readonly<Record<string, RunningHostNetwork>> {
    return this.#networks.hosts
  }

  /** Resolves when networks and services of the rack are ready. They start with the first call. */
  async ready(): Promise<void> {
    await this.#networks.start()
    if (this.#plan.services.length === 0) return
    const { folder: runFolder, signal, onEvent } = this.#options
    this.#services ??= import('../services/start-services.ts').then(async ({ startServices }) => {
      const services = await startServices(this.#plan.services, {
        runFolder,
        signal,
        onEvent,
        enter: ({ network }) => this.#networks.wordsOf(network),
      })
      this.#watch(services.died)
      return services
    })
    await this.#services
  }

  /**
   * Connects a guest to what its devices join. Guests are numbered in the order of the calls.
   *
   * @throws BringupError with what kept a resource from being made
   */
  async attach({ guest, joins: wanted }: Pick<GuestPlan, 'guest' | 'joins'>): Promise<Attached> {
    const joins = new Map<string, JoinEnd>()
    const releases: (() => void)[] = []
    const release = () => {
      for (const undo of releases.splice(0)) undo()
    }
    try {
      for (const one of wanted) {
        if (one.kind === 'network') {
          const { end, release: letGo } = await this.#networks.attach(guest, one)
          joins.set(one.id, end)
          releases.push(letGo)
          continue
        }
        if (one.kind === 'folder') {
          const served = await this.#serve(guest, one)
          joins.set(one.id, served.connection)
          releases.push(() => served.connection.destroy())
          continue
        }
        if (one.kind === 'multiplexer') {
          const end = await (await this.#multiplexer(one)).attach()
          joins.set(one.id, end)
          releases.push(() => end.destroy())
          continue
        }
        const memory = await this.#memory(one)
        const name = `${guest}/${one.device}`
        joins.set(one.id, await memory.attach(name))
        releases.push(() => memory.release(name))
      }
    } catch (error) {
      release()
      throw error
    }
    return { joins, release }
  }

  /** Paths of the memories that have no server, by resource. */
  async memoryFiles(): Promise<ReadonlyMap<string, string>> {
    const all = await Promise.all(
      [...this.#memories].map(async ([resource, made]) => [resource, (await made).path] as const),
    )
    return new Map(all.flatMap(([resource, path]) => (path === undefined ? [] : [[resource, path] as const])))
  }

  /** Each guest has a daemon of its own for each folder: it takes one connection. */
  async #serve(guest: string, { device, daemon = ['virtiofsd'] }: Join): Promise<ServedFolder> {
    const { folder, signal, onEvent } = this.#options
    const name = serviceName('folder', `${guest}-${device}`, this.#folders.length)
    const logPath = join(folder, 'services', name, 'log')
    const { serveFolder } = await import('../services/virtiofs.ts')
    const served = await serveFolder(name, daemon, { signal, onEvent, logPath })
    this.#folders.push(served)
    this.#watch(served.died)
    return served
  }

  /** Made for the first guest that joins it. */
  #memory({ resource, memory = { size: 0 } }: Join): Promise<RunningMemory> {
    const known = this.#memories.get(resource)
    if (known) return known
    const { folder, signal, onEvent, restored } = this.#options
    const content = restored?.memories[resource]
    const name = serviceName('memory', resource, this.#memories.size)
    const logPath = join(folder, 'services', name, 'log')
    const made = import('../services/ivshmem/shared-memory.ts').then(async ({ startSharedMemory }) => {
      const running = await startSharedMemory(name, memory, {
        cacheFolder: cacheFolder(),
        signal,
        onEvent,
        logPath,
        ...(content === undefined ? {} : { content }),
      })
      this.#watch(running.died)
      return running
    })
    this.#memories.set(resource, made)
    return made
  }

  /** Made for the first guest on that port. */
  #multiplexer({ resource, rdma }: Join): Promise<RunningMultiplexer> {
    if (!rdma) throw new Error(`${resource} has no port`)
    const known = this.#multiplexers.get(resource)
    if (known) return known
    const { folder, signal, onEvent } = this.#options
    const made = import('../services/rdma/multiplexer.ts').then(async (room) => {
      const logPath = join(folder, 'services', room.multiplexerName(rdma), 'log')
      const context = { cacheFolder: cacheFolder(), signal, onEvent, logPath }
      const running = await room.startMultiplexer(rdma, await this.#openMirror(), context)
      this.#watch(running.died)
      return running
    })
    this.#multiplexers.set(resource, made)
    return made
  }

  /** Addresses of guests are set as root. */
  #openMirror(): Promise<Mirror> {
    this.#mirror ??= Promise.all([import('../services/rdma/mirror.ts'), import('../steps/root.ts')]).then(
      ([{ openMirror }, { findRoot, openDoor }]) => {
        const access = findRoot(this.#options.hasTerminal)
        openDoor(access, [{ argv: ['ip', 'address', 'add', '…'], asRoot: true }])
        return openMirror({ prefix: access.prefix, onFinding: this.#options.onDeath })
      },
    )
    return this.#mirror
  }

  #watch(died: Promise<Diagnostic>): void {
    void died.then((finding) => {
      if (!this.#isEnding) this.#options.onDeath(finding)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    for (const one of this.#folders) await one[Symbol.asyncDispose]()
    const all = [
      ...(this.#services ? [this.#services] : []),
      ...this.#memories.values(),
      ...(this.#mirror ? [this.#mirror] : []),
      ...this.#multiplexers.values(),
    ]
    for (const one of all.reverse())
      await one.then(
        (running) => running[Symbol.asyncDispose](),
        () => {},
      )
    await this.#networks[Symbol.asyncDispose]()
  }
}

/** Resources are called by names of machines, which are free text. */
function serviceName(kind: string, resource: string, index: number): string {
  const plain = resource.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 40)
  return index === 0 ? `${kind}-${plain}` : `${kind}-${plain}-${index}`
}
