/** Starts a host network: its namespace, its bridge and taps as journalled steps, and what answers DHCP and DNS on it. */
import { setMaxListeners } from 'node:events'
import { mkdirSync } from 'node:fs'
import { BringupError, type Diagnostic } from '../../diagnostics.ts'
import { OWN_FOLDER } from '../../own-files.ts'
import { randomDigits } from '../../random-name.ts'
import type { ServiceSpec } from '../../services/service.ts'
import { type Service, type ServiceEvent, startService } from '../../services/start-service.ts'
import { type ApplyContext, applyOperation, type StepEvent } from '../../steps/apply.ts'
import { formatCommand } from '../../steps/host-command.ts'
import { createHostReader } from '../../steps/host-reader.ts'
import { createJournal, type Journal, journalFolder, readOperation } from '../../steps/journal.ts'
import { planOperation } from '../../steps/plan-operation.ts'
import { findRoot, openDoor } from '../../steps/root.ts'
import type { StepKinds } from '../../steps/step.ts'
import { undoOperation } from '../../steps/undo.ts'
import type { NetworkEvent } from '../network-event.ts'
import type { NetworkPlan } from '../network-plan.ts'
import { addressService } from './dhcp-server.ts'
import { type HostNames, hostNames, hostSteps } from './host-steps.ts'
import { type Namespace, openNamespace } from './namespace.ts'
import { inPlace, type Place, serviceWords } from './place.ts'
import { OPERATION_NAME, settleDead } from './settle-dead.ts'
import { buildTapOpener, type TapEnd, tapEnd } from './tap-opener.ts'

export interface HostNetworkOptions {
  /** For leases. */
  readonly folder: string
  /** Folder of the run, for the logs of services. */
  readonly runFolder: string
  /** What the journal calls the run. */
  readonly run: string
  readonly cacheFolder: string
  readonly kinds: StepKinds
  readonly signal: AbortSignal
  /** Whether sudo can ask a person. */
  readonly hasTerminal: boolean
  readonly onEvent: (event: NetworkEvent) => void
  readonly onService: (event: ServiceEvent) => void
}

/** A bridge of this computer that guests are on. Disposing of it takes back all that was made for it. */
export interface RunningHostNetwork extends AsyncDisposable {
  readonly plan: NetworkPlan
  /** The bridge, in the namespace of the network. */
  readonly bridge: string
  /** The device of this computer that leads to it, if any. */
  readonly device?: string
  /** A process in its namespaces: `nsenter --target PID --user --net --preserve-credentials`. */
  readonly pid: number
  /** The tap of a port, for one QEMU. */
  attach(port: string): TapEnd
  /**
   * The words that run a program of this computer on the network: it has the address of the bridge, and reaches the guests.
   *
   * @example
   * const [program = '', ...args] = network.words(['ping', '-c', '1', '10.1.0.10'])
   * execFileSync(program, args)
   */
  words(argv: readonly string[]): readonly string[]
  /** The same for a service, which ends with its supervisor. */
  readonly serviceWords: readonly [string, ...string[]]
  /** Resolves with what has died of it while it was in use. Never rejects. */
  readonly died: Promise<Diagnostic>
}

/**
 * Starts a host network.
 *
 * @throws BringupError NETWORK_NAMESPACE_REFUSED, NETWORK_SERVER_MISSING, NETWORK_TAP_BUILD_FAILED, ROOT_NEEDED, and those of
 * steps and services; nothing is left then
 */
export async function startHostNetwork(
  plan: NetworkPlan,
  options: HostNetworkOptions,
): Promise<RunningHostNetwork> {
  const { signal, cacheFolder, folder } = options
  signal.throwIfAborted()
  // Each program that a step asks listens to it for a while.
  setMaxListeners(0, signal)
  mkdirSync(folder, { mode: OWN_FOLDER, recursive: true })
  const names = hostNames(plan, randomDigits(7))
  // What is missing on this computer is said before anything is made.
  const spec = addressService(plan, { bridge: names.bridge, folder, cacheFolder })
  const opener = await buildTapOpener(cacheFolder, signal)
  await settleDead(options)
  const made: AsyncDisposable[] = []
  const end = async () => {
    for (const one of made.splice(0).reverse()) await one[Symbol.asyncDispose]()
  }
  const keep = <T extends AsyncDisposable>(one: T): T => {
    made.push(one)
    return one
  }
  const { namespace, service } = await startParts(plan, names, spec, keep, options).catch(
    async (error: unknown) => {
      await end()
      throw error
    },
  )
  const { reachable } = plan.host ?? {}
  options.onEvent({
    type: 'host network ready',
    bridge: names.bridge,
    pid: namespace.place.pid,
    ...(reachable === undefined ? {} : { device: names.link, address: reachable }),
  })
  return {
    plan,
    bridge: names.bridge,
    ...(reachable === undefined ? {} : { device: names.link }),
    pid: namespace.place.pid,
    attach: (port) => tapOf(port, { plan, names, opener, place: namespace.place }),
    words: (argv) => inPlace(namespace.place, argv),
    serviceWords: serviceWords(namespace.place),
    died: service?.died ?? new Promise(() => {}),
    [Symbol.asyncDispose]: end,
  }
}

/** Each part is handed to `keep` once it is there. */
async function startParts(
  plan: NetworkPlan,
  names: HostNames,
  spec: ServiceSpec | undefined,
  keep: <T extends AsyncDisposable>(one: T) => T,
  options: HostNetworkOptions,
): Promise<{ readonly namespace: Namespace; readonly service: Service | undefined }> {
  const namespace = keep(await openNamespace())
  keep(await makeDevices(plan, names, namespace.place, options))
  const service = spec && keep(await serve(spec, namespace.place, options))
  return { namespace, service }
}

function tapOf(
  port: string,
  {
    plan,
    names,
    opener,
    place,
  }: {
    readonly plan: NetworkPlan
    readonly names: HostNames
    readonly opener: string
    readonly place: Place
  },
): TapEnd {
  const tap = names.taps.get(port)
  if (tap === undefined) throw new Error(`network ${plan.name} has no port ${port}`)
  const queues = plan.ports.find(({ id }) => id === port)?.queues ?? 1
  return tapEnd(opener, { pid: place.pid, tap, queues })
}

function serve(
  spec: ServiceSpec,
  place: Place,
  { runFolder, signal, onService }: HostNetworkOptions,
): Promise<Service> {
  return startService(spec, {
    logPath: `${runFolder}/services/${spec.name}/log`,
    signal,
    onEvent: onService,
    enter: serviceWords(place),
  })
}

/** Applies the steps, each journalled before it changes anything. Disposing of it takes them back. */
async function makeDevices(
  plan: NetworkPlan,
  names: HostNames,
  place: Place,
  options: HostNetworkOptions,
): Promise<AsyncDisposable> {
  const { kinds, run, signal, hasTerminal, onEvent } = options
  const steps = hostSteps(plan, names, place)
  const host = createHostReader(signal)
  const { blockers, steps: planned } = await planOperation(steps, kinds, host)
  if (blockers.length > 0) throw new BringupError(blockers)
  const access = findRoot(hasTerminal)
  openDoor(
    access,
    planned.flatMap(({ commands }) => commands),
  )
  const journal = createJournal(journalFolder(), {
    name: OPERATION_NAME,
    title: `network ${plan.name} of run ${run}`,
    steps,
  })
  const context: ApplyContext = {
    kinds,
    host,
    journal,
    prefix: access.prefix,
    onEvent: (event) => tell(event, access.prefix, onEvent),
  }
  const takeBack = () => undoDevices(context, journal)
  try {
    await applyOperation(context)
  } catch (error) {
    await takeBack()
    throw error
  }
  return { [Symbol.asyncDispose]: takeBack }
}

/** An aborted run takes back what it has made, too. */
async function undoDevices(context: ApplyContext, journal: Journal): Promise<void> {
  const operation = readOperation(journal.folder)
  try {
    const host = createHostReader(new AbortController().signal)
    if (operation) await undoOperation(operation, { ...context, host })
  } finally {
    journal.close()
  }
}

/** Commands that change this computer beyond the namespace of the run are events of it. */
function tell(event: StepEvent, prefix: readonly string[], onEvent: HostNetworkOptions['onEvent']): void {
  if (event.kind === 'command' && event.command.asRoot)
    onEvent({ type: 'host changed', command: formatCommand(event.command, prefix) })
}
