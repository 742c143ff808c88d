/** The private networks of a run. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Join } from '../machine/device.ts'
import { PASST } from '../machine/devices/nic.ts'
import type { NetworkEvent } from '../network/network-event.ts'
import type { Passt } from '../network/passt.ts'
import type { RunningNetwork } from '../network/running-network.ts'
import { OWN_FOLDER } from '../own-files.ts'
import type { RunPlan } from '../plan/run-plan.ts'

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
  /** Something that the run shares has died. */
  readonly onDeath: (finding: Diagnostic) => void
}

/** Disposing of it ends everything. */
export class RunNetworks implements AsyncDisposable {
  /** Those that have started, by name. */
  readonly running: Record<string, RunningNetwork> = {}
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
    const { startNetwork } = await import('../network/start-network.ts')
    // All of them are awaited, so that those that have started are ended when another one fails.
    const started = await Promise.allSettled(
      this.#plan.networks.map(async (plan) => {
        const network = await startNetwork(plan, { folder, onEvent: (event) => this.#tell(plan.name, event) })
        this.running[plan.name] = network
      }),
    )
    for (const one of started) if (one.status === 'rejected') throw one.reason
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
  ): Promise<{ readonly end: Duplex; release(): void }> {
    if (resource === PASST) return this.#passt(`${guest}/${device}`)
    const network = this.running[resource]
    if (network === undefined) throw new Error(`network ${resource} of guest ${guest} has not started`)
    const port = `${guest}/${device}`
    // A network that has ended says so itself.
    return { end: network.attach(port), release: () => void network.release(port).catch(() => {}) }
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
    await Promise.all(Object.values(this.running).map((network) => network[Symbol.asyncDispose]()))
  }
}
