/** Starts a private network: a process of its own that is its switch, and the ends of its cables. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { BUILD_ID } from '../build-id.ts'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { nearest } from '../nearest.ts'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { startTimer } from '../timer.ts'
import { type FaultInput, faultSchema } from './fault-schema.ts'
import type { KeptFrame } from './kept-frames.ts'
import type { NetworkEvent } from './network-event.ts'
import { GATEWAY, type NetworkPlan } from './network-plan.ts'
import type {
  AppliedFault,
  FrameFilter,
  NetworkFrame,
  NetworkStats,
  RunningNetwork,
} from './running-network.ts'
import type { FromSwitch, SwitchCalls, ToSwitch } from './switch-calls.ts'
import { unreadBehind } from './unread.ts'

export const problems = defineDiagnostics({
  NETWORK_NOT_STARTED: {
    title: 'The switch of a network could not be started.',
    why: 'a network is a process of its own, which opens the capture file and the ends of the cables',
    remedy: 'the evidence says what the system refused; free what is missing, then run again',
  },
  NETWORK_ENDED: {
    title: 'The switch of a network ended while the network was in use.',
    why: 'frames are no longer forwarded, and faults can no longer be set',
    remedy: 'run again; if it happens again, report it with the evidence',
  },
  NETWORK_GUEST_UNKNOWN: {
    title: 'A network has no guest of that name.',
    why: 'faults, partitions and links are of the guests that have a card on the network',
    remedy: 'use one of the names in the message',
  },
  NETWORK_FAULT_INVALID: {
    title: 'A fault of a network is malformed.',
    why: 'shares are from 0 to 1, times and rates have units',
    remedy: 'correct the value, as in fault({ loss: 0.1, delay: "20ms", rate: "10M", seed: 7 })',
  },
})

export interface NetworkOptions {
  /** Ends the network. */
  readonly signal?: AbortSignal
  /** For the capture, if there is to be one. It must exist. */
  readonly folder: string
  /** Frames that were on the way when its guests were saved: delivered once they are attached. */
  readonly kept?: readonly KeptFrame[]
  readonly onEvent?: (event: NetworkEvent) => void
}

/** Between the ends of standard streams and the first port. */
const FIRST_FD = 4
/** For the last frames of the capture. */
const END_MS = 5000

/**
 * Starts a network. It is ready when the promise resolves, and QEMUs can be given its plugs at any time.
 *
 * @throws BringupError NETWORK_NOT_STARTED
 * @example
 * await using network = await startNetwork(plan, { folder })
 * const end = network.attach('server/lan')
 * spawn('qemu-system-x86_64', [..., '-netdev', 'stream,id=lan,addr.type=fd,addr.str=3'], { stdio: [..., end] })
 * await network.release('server/lan')
 */
export async function startNetwork(plan: NetworkPlan, options: NetworkOptions): Promise<RunningNetwork> {
  options.signal?.throwIfAborted()
  const network = new SwitchProcess(plan, options)
  await network.started
  return network
}

/** The built switch, or the source as it is. */
function program(): readonly string[] {
  return BUILD_ID === undefined
    ? [join(PACKAGE_FOLDER, 'scripts/run-source.mjs'), join(PACKAGE_FOLDER, 'src/network/switch-process.ts')]
    : [join(PACKAGE_FOLDER, 'dist/network/switch-process.js')]
}

class SwitchProcess implements RunningNetwork {
  readonly plan: NetworkPlan
  readonly captureFile?: string
  readonly started: Promise<void>
  readonly #options: NetworkOptions
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #plugs = new Map<string, Socket>()
  #nextCall = 0
  #nextFault = 0
  readonly #faults = new Set<number>()
  readonly #down = new Set<string>()
  #isHealed = false
  #isPartitioned = false
  #stderr = ''
  #isEnding = false
  #end: string | undefined

  constructor(plan: NetworkPlan, options: NetworkOptions) {
    this.plan = plan
    this.#options = options
    if (plan.captureBytes !== undefined) this.captureFile = join(options.folder, `${plan.name}.pcapng`)
    const child = spawn(process.execPath, program(), {
      // Both ends of a cable exist from here on: the switch has one, the other is given to a QEMU.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...plan.ports.map(() => 'pipe' as const)],
      serialization: 'advanced',
      // Ctrl-C on the terminal is for the process that has started it.
      detached: true,
      cwd: '/',
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    })
    this.#child = child
    for (const [index, { id }] of plan.ports.entries()) {
      const plug = child.stdio[FIRST_FD + index] as unknown as Socket
      plug.on('error', () => {})
      this.#plugs.set(id, plug)
    }
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-16_384)
    })
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => this.#ended(error.message, resolve))
      child.once('exit', (status, signal) => this.#ended(`it ended with ${signal ?? status}`, resolve))
    })
    this.started = this.#start()
    const abort = () => void this[Symbol.asyncDispose]()
    options.signal?.addEventListener('abort', abort, { once: true })
    void this.#exited.then(() => options.signal?.removeEventListener('abort', abort))
  }

  #start(): Promise<void> {
    const { captureFile } = this
    const { kept } = this.#options
    const started = new Promise<void>((resolve, reject) => {
      const fail = (problem: string) =>
        reject(
          new BringupError([
            problems.NETWORK_NOT_STARTED.at(`networks.${this.plan.name}`, problem, {
              evidence: this.#stderr === '' ? [] : this.#stderr.trimEnd().split('\n'),
            }),
          ]),
        )
      this.#child.on('message', (message: FromSwitch) => {
        if (message.kind === 'started') resolve()
        else if (message.kind === 'not-started') {
          fail(message.problem)
          void this[Symbol.asyncDispose]()
        } else this.#receive(message)
      })
      void this.#exited.then(() => fail(this.#end ?? 'it ended'))
    })
    this.#send({
      kind: 'start',
      plan: this.plan,
      firstFd: FIRST_FD,
      ...(captureFile === undefined ? {} : { captureFile }),
      ...(kept === undefined ? {} : { kept }),
    })
    return started
  }

  /** That a machine ends while the network ends is no news. */
  #tell(event: NetworkEvent): void {
    if (!this.#isEnding) this.#options.onEvent?.(event)
  }

  #receive(message: FromSwitch): void {
    if (message.kind === 'event') {
      this.#tell(message.event)
      return
    }
    if (message.kind !== 'answer') return
    const waiting = this.#calls.get(message.id)
    this.#calls.delete(message.id)
    if (message.problem === undefined) waiting?.resolve(message.value)
    else waiting?.reject(new Error(`the switch of network ${this.plan.name}: ${message.problem}`))
  }

  #ended(how: string, resolve: () => void): void {
    this.#end = how
    for (const plug of this.#plugs.values()) plug.destroy()
    for (const { reject } of this.#calls.values()) reject(this.#hasEnded())
    this.#calls.clear()
    this.#tell({ type: 'switch ended', problem: how })
    resolve()
  }

  #hasEnded(): BringupError {
    const what = `the switch of network "${this.plan.name}" is gone: ${this.#end ?? 'the network was ended'}`
    const evidence = this.#stderr === '' ? [] : this.#stderr.trimEnd().split('\n')
    return new BringupError([problems.NETWORK_ENDED.at(`networks.${this.plan.name}`, what, { evidence })])
  }

  #send(message: ToSwitch): void {
    // `exit` reports a closed channel.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  #call<M extends keyof SwitchCalls>(
    method: M,
    ...args: Parameters<SwitchCalls[M]>
  ): Promise<Awaited<ReturnType<SwitchCalls[M]>>> {
    if (this.#end !== undefined || (this.#isEnding && method !== 'close'))
      return Promise.reject(this.#hasEnded())
    const id = this.#nextCall++
    return new Promise((resolve, reject) => {
      this.#calls.set(id, {
        resolve: (value) => resolve(value as Awaited<ReturnType<SwitchCalls[M]>>),
        reject,
      })
      this.#send({ kind: 'call', id, method, args })
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get ended(): Promise<string | undefined> {
    return this.#exited.then(() => (this.#isEnding ? undefined : this.#end))
  }

  attach(port: string): Socket {
    const plug = this.#plugs.get(port)
    if (plug === undefined) throw new Error(`network ${this.plan.name} has no free port ${port}`)
    return plug
  }

  async release(port: string): Promise<void> {
    this.attach(port).destroy()
    this.#plugs.delete(port)
    await this.#call('attach', port)
  }

  async fault(input: FaultInput): Promise<AppliedFault> {
    const { data: fault, error } = faultSchema.safeParse(input)
    if (fault === undefined)
      throw new BringupError(
        error.issues.map(({ path, message }) =>
          problems.NETWORK_FAULT_INVALID.at(
            path.join('.'),
            path.length === 0 ? message : `${path.join('.')}: ${message}`,
          ),
        ),
      )
    const { between = [], from, to } = fault
    this.#checkNames([...between, ...(from === undefined ? [] : [from]), ...(to === undefined ? [] : [to])])
    const id = this.#nextFault++
    await this.#call('addFault', id, fault)
    this.#faults.add(id)
    this.#tell({ type: 'fault applied', fault })
    const clear = async () => {
      if (this.#isEnding) return
      await this.#call('removeFault', id)
      this.#faults.delete(id)
      this.#tell({ type: 'fault cleared', fault })
    }
    return { clear, [Symbol.asyncDispose]: clear }
  }

  async partition(...groups: readonly (readonly string[])[]): Promise<void> {
    this.#checkNames(groups.flat())
    await this.#call('partition', groups)
    this.#isPartitioned = groups.length > 0
    this.#tell({ type: 'partitioned', groups })
  }

  async heal(): Promise<void> {
    await this.#call('heal')
    this.#faults.clear()
    this.#isPartitioned = false
    this.#isHealed = this.plan.faults.length > 0
    this.#tell({ type: 'healed' })
  }

  async link(guest: string, state: 'up' | 'down'): Promise<void> {
    this.#checkNames([guest])
    await this.#call('link', guest, state === 'up')
    const ports = this.plan.ports.filter(({ id, guest: owner }) => guest === id || guest === owner)
    for (const { id } of ports) {
      if (state === 'up') this.#down.delete(id)
      else this.#down.add(id)
      this.#tell({ type: state === 'up' ? 'link up' : 'link down', port: id })
    }
  }

  get changes(): readonly string[] {
    return [
      ...(this.#faults.size > 0 ? ['it has faults that were set while it ran'] : []),
      ...(this.#isHealed ? ['its described faults were taken back'] : []),
      ...(this.#isPartitioned ? ['it is partitioned'] : []),
      ...[...this.#down].map((port) => `the link of ${port} is down`),
    ]
  }

  hold(): Promise<void> {
    return this.#call('hold')
  }

  async backlog(): Promise<ReadonlyMap<string, number>> {
    const { ports } = this.plan
    // First what is to go into the sockets, then what is in them.
    const unsent = await this.#call('unsent')
    const unread = await unreadBehind(
      this.pid,
      ports.map((_, index) => FIRST_FD + index),
    )
    return new Map(ports.map(({ id }, index) => [id, (unsent[index] ?? 0) + (unread[index] ?? 0)]))
  }

  probe(port: string): Promise<void> {
    return this.#call('probe', port)
  }

  held(): Promise<readonly KeptFrame[]> {
    return this.#call('held')
  }

  letGo(): Promise<void> {
    return this.#call('letGo')
  }

  async frames(filter: FrameFilter = {}): Promise<readonly NetworkFrame[]> {
    const { from, to } = filter
    this.#checkNames([...(from === undefined ? [] : [from]), ...(to === undefined ? [] : [to])])
    return this.#call('frames', filter)
  }

  async stats(): Promise<NetworkStats> {
    return this.#call('stats')
  }

  #checkNames(names: readonly string[]): void {
    const known = [...new Set(this.plan.ports.flatMap(({ id, guest }) => [guest, id])), GATEWAY]
    const unknown = names.filter((name) => !known.includes(name))
    if (unknown.length === 0) return
    throw new BringupError(
      unknown.map((name) => {
        const meant = nearest(name, known)
        const remedy = `${meant === undefined ? '' : `did you mean "${meant}"? `}The network has: ${known.join(', ')}`
        const what = `network "${this.plan.name}" has no guest "${name}"`
        return problems.NETWORK_GUEST_UNKNOWN.at(`networks.${this.plan.name}`, what, { remedy })
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isEnding) {
      this.#isEnding = true
      // It closes the capture when its channel closes.
      if (this.#child.connected) this.#child.disconnect()
    }
    const killer = startTimer(END_MS, () => this.#child.kill('SIGKILL'))
    await this.#exited
    killer.clear()
  }
}
