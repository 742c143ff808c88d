/** The private networks of a run. */
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Join } from '../machine/device.ts'
import { PASST } from '../machine/devices/nic-schema.ts'
import type { RunningHostNetwork } from '../network/host/start-host-network.ts'
import type { TapEnd } from '../network/host/tap-opener.ts'
import type { KeptFrame } from '../network/kept-frames.ts'
import type { NetworkEvent } from '../network/network-event.ts'
import type { NetworkPlan } from '../network/network-plan.ts'
import type { Passt } from '../network/passt.ts'
import type { RunningNetwork } from '../network/running-network.ts'
import { OWN_FOLDER } from '../own-files.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import type { ServiceEvent } from '../services/start-service.ts'

export const problems = defineDiagnostics({
  RUN_NETWORK_ENDED: {
    title: 'A network of a run ended before its guests.',
    why: 'its guests did not reach each other from then on, so their verdicts prove nothing',
    remedy: 'run again; if it happens again, report it with the events of the run',
  },
})

export interface NetworksOptions {
  /** Folder of the run. */
  readonly folder: string
  readonly onEvent: (event: NetworkEvent & { readonly network: string }) => void
  readonly onService: (event: ServiceEvent) => void
  readonly signal: AbortSignal
  /** Whether sudo could ask a person for a password. */
  readonly hasTerminal: boolean
  /** Something that the run shares has died. */
  readonly onDeath: (finding: Diagnostic) => void
  /** Frames that private networks start with, by the names of the networks. */
  readonly kept?: Readonly<Record<string, readonly KeptFrame[]>>
}

/** Disposing of it ends everything. */
export class RunNetworks implements AsyncDisposable {
  /** Those that have started, by name. */
  readonly running: Record<string, RunningNetwork> = {}
  /** Bridges of this computer that have started, by name. */
  readonly hosts: Record<string, RunningHostNetwork> = {}
  readonly #plan: RunPlan
  readonly #options: NetworksOptions
  readonly #programs: Passt[] = []
  #started: Promise<void> | undefined
  #isEnding = false

  constructor(plan: RunPlan, options: NetworksOptions) {
    this.#plan = plan
    this.#options = options
  }

  /**
   * Resolves when they carry frames. They start with the first call.
   *
   * @throws BringupError with what kept one from starting
   */
  async start(): Promise<void> {
    if (this.#plan.networks.length === 0) return
    this.#started ??= this.#startAll()
    await this.#started
  }

  async #startAll(): Promise<void> {
    const folder = join(this.#options.folder, 'networks')
    if (this.#plan.networks.some(({ captureBytes }) => captureBytes !== undefined))
      mkdirSync(folder, { mode: OWN_FOLDER, recursive: true })
    // All of them are awaited, so that those that have started are ended when another one fails.
    const started = await Promise.allSettled(
      this.#plan.networks.map((plan) =>
        plan.host ? this.#startHost(plan, folder) : this.#startPrivate(plan, folder),
      ),
    )
    for (const one of started) if (one.status === 'rejected') throw one.reason
  }

  async #startPrivate(plan: NetworkPlan, folder: string): Promise<void> {
    const { startNetwork } = await import('../network/start-network.ts')
    const onEvent = (event: NetworkEvent) => this.#tell(plan.name, event)
    const kept = this.#options.kept?.[plan.name]
    this.running[plan.name] = await startNetwork(plan, { folder, onEvent, ...(kept ? { kept } : {}) })
  }

  async #startHost(plan: NetworkPlan, folder: string): Promise<void> {
    const [{ startHostNetwork }, { stepKinds }, { cacheFolder }] = await Promise.all([
      import('../network/host/start-host-network.ts'),
      import('../step-registry.ts'),
      import('../project/cache-folder.ts'),
    ])
    const { folder: runFolder, signal, hasTerminal, onService, onDeath } = this.#options
    const network = await startHostNetwork(plan, {
      folder,
      runFolder,
      run: basename(runFolder),
      cacheFolder: cacheFolder(),
      kinds: stepKinds,
      signal,
      hasTerminal,
      onEvent: (event) => this.#tell(plan.name, event),
      onService,
    })
    this.hosts[plan.name] = network
    void network.died.then((finding) => {
      if (!this.#isEnding) onDeath(finding)
    })
  }

  #tell(network: string, event: NetworkEvent): void {
    this.#options.onEvent({ network, ...event })
    if (event.type !== 'switch ended') return
    const what = `network "${network}" ended while guests used it: ${event.problem}`
    this.#options.onDeath(problems.RUN_NETWORK_ENDED.at(`networks.${network}`, what))
  }

  /**
   * The end of the cable of a guest's card, which QEMU inherits, and what lets go of it here.
   *
   * @throws BringupError where a program for it is missing
   */
  async attach(
    guest: string,
    { resource, device }: Join,
  ): Promise<{ readonly end: Duplex | TapEnd; release(): void }> {
    if (resource === PASST) return this.#passt(`${guest}/${device}`)
    const host = this.hosts[resource]
    if (host) return { end: host.attach(`${guest}/${device}`), release: () => {} }
    const network = this.running[resource]
    if (network === undefined) throw new Error(`network ${resource} of guest ${guest} has not started`)
    const port = `${guest}/${device}`
    // A network that has ended says so itself.
    return { end: network.attach(port), release: () => void network.release(port).catch(() => {}) }
  }

  /** Words before a program that runs on that network; undefined for one that runs on this computer's own. */
  wordsOf(network: string | undefined): readonly [string, ...string[]] | undefined {
    const host = network === undefined ? undefined : this.hosts[network]
    return host?.serviceWords
  }

  async #passt(card: string): Promise<Passt> {
    const { startPasst } = await import('../network/passt.ts')
    const passt = await startPasst(card)
    this.#programs.push(passt)
    void passt.ended.then((finding) => {
      if (finding !== undefined && !this.#isEnding) this.#options.onDeath(finding)
    })
    return passt
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    for (const { kill } of this.#programs) kill()
    await Promise.all(this.#programs.map(({ ended }) => ended))
    await this.#started?.catch(() => {})
    const all: readonly AsyncDisposable[] = [...Object.values(this.running), ...Object.values(this.hosts)]
    await Promise.all(all.map((network) => network[Symbol.asyncDispose]()))
  }
}
