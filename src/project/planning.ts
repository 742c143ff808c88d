/** Brings together what a plan is made of: project, profile, flags, host facts and QEMU's own answers. Reads, never acts. */

import { setMaxListeners } from 'node:events'
import { existsSync } from 'node:fs'
import type { BuildOptionSpec } from '../build/options.ts'
import { BringupError, isClean } from '../diagnostics.ts'
import { type LockReading, startReadingLocks } from '../host/file-locks.ts'
import { settleDefaults } from '../machine/defaults.ts'
import type { SharedMemory } from '../machine/devices/ivshmem-schema.ts'
import type { Facts, FileFact } from '../machine/facts.ts'
import { asWritten, type Layer, mergeLayers } from '../machine/layers.ts'
import { checkMachine, type MachineConfig, type MachineInput } from '../machine/machine.ts'
import { withMemories } from '../machine/parts.ts'
import { gatherFacts } from '../plan/gather.ts'
import { makePlan } from '../plan/make-plan.ts'
import { pathsOf, placeMachine } from '../plan/place.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { cacheFolder } from './cache-folder.ts'
import { type FactMeans, factsFor, UNTRIED } from './facts-for.ts'
import { parseKeptMachine } from './kept-machine.ts'
import { withPassPatterns } from './kernel-form.ts'
import { pinFolderOf } from './pin-folder.ts'
import type {
  Pending,
  PrepareContext,
  Prepared,
  Preview,
  PreviewContext,
  Profile,
  ProjectShare,
} from './profile.ts'
import { withProfileNeeds } from './profile-needs.ts'
import type { Project } from './project.ts'
import {
  buildFolderOf,
  buildOptionsOf,
  chooseRun,
  layerOf,
  refuseTakenIds,
  type Selection,
  withPlaces,
} from './selection.ts'

type OptionValues = Readonly<Record<string, unknown>>

/** What the caller wants to boot. */
export interface PlanningRequest {
  readonly project: Project
  /** Name of a machine in the project; the project's default without it. */
  readonly machine?: string
  /** Name under which stores, MAC addresses and locks are kept. Default: the machine's. */
  readonly name?: string
  /**
   * Where machines are described that the config file does not have under `machines`, by their names.
   *
   * @internal
   */
  readonly describedAt?: Readonly<Record<string, readonly PropertyKey[]>>
  readonly profile?: string
  /** What the command line says; it wins over the description. */
  readonly overrides?: MachineInput
  /** What stands for a path of the overrides, in findings about them: `--memory`. Default: the path. */
  readonly overridesPlace?: Layer['place']
  /**
   * The machine was described in code, so findings about it do not name a machine of the config file.
   *
   * @internal
   */
  readonly isUnnamed?: boolean
  /** Shares the folder of the project with the guest, at its own path; for profiles that can mount it. */
  readonly sharesProject?: ProjectShare
  /** Commands of the guest have the file system of this computer for a root; for profiles with `inHostRoot`. */
  readonly hasHostRoot?: boolean
  /**
   * Where machine and command are named, for findings. Default: `--machine` and `--`.
   *
   * @internal
   */
  readonly namedAt?: { readonly machine: string; readonly command: string }
  /** What follows `--`. */
  readonly command?: readonly string[]
  /** A person works at it: a command, or the profile's `terminalCommand`, runs on a terminal of the guest. */
  readonly terminal?: boolean
  /** Values of the profile's build options, over those of the config file; or what finds them once the profile is known. */
  readonly buildOptions?: OptionValues | ((specs: readonly BuildOptionSpec[]) => OptionValues)
  /** Values of the profile's machine flags, once the profile is known. */
  readonly machineFlags?: (specs: readonly BuildOptionSpec[]) => OptionValues
  /** Regular expressions for lines of the console: the first match is a pass and ends the guest; nothing else is one. */
  readonly until?: readonly string[]
  /** Networks of the rack that the guest is part of. */
  readonly networks?: readonly string[]
  /** Those of them that are bridges of this computer. */
  readonly hostNetworks?: readonly string[]
  /** Memory of the rack that the guest is part of, which its devices join by name. */
  readonly memories?: Readonly<Record<string, SharedMemory>>
  readonly signal?: AbortSignal
  readonly progress?: (what: string) => void
  /**
   * Who locks which file, where reading that was begun already. It is used while it is fresh.
   *
   * @internal
   */
  readonly locks?: LockReading
}

/** The plan of one guest with what it was made from. */
export interface PlannedGuest {
  readonly plan: GuestPlan
  readonly facts: Facts
  readonly profile: Profile
  /** What the profile calls that which boots: `Linux 6.1.0-50-cloud-amd64`. */
  readonly boots?: string
  /** What bringup chose where the request left it open, and what the profile wants a person to know; a line each. */
  readonly notes?: readonly string[]
}

/**
 * Makes a plan for one machine of a project. What the profile boots is prepared first, unless the description is wrong:
 * then the plan has the findings, and nothing was fetched or made.
 *
 * Problems that leave no machine to speak of (unknown keys, no such machine, no QEMU) throw, all at once;
 * problems of a machine that could be compiled are in `plan.diagnostics`.
 *
 * @throws BringupError
 */
export async function planGuest(request: PlanningRequest): Promise<PlannedGuest> {
  const selection = await chooseRun(request)
  const means = meansOf(selection, request)
  const early = await planAhead(selection, means, { wantsSizes: false })
  if (early.plan.pending.length === 0 || !isClean(early.plan.diagnostics)) return early
  const prepared = await prepareFor(selection, means)
  return planWith(selection, means, { ...prepared, pending: [] })
}

/** What is found wrong on the way has the path under which the user wrote it. */
async function prepareFor({ profile, layers }: Selection, { context }: Means): Promise<Prepared> {
  try {
    return await profile.prepare(context)
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    throw new BringupError(
      error.diagnostics.map((d) => asWritten(d, layers)),
      { cause: error },
    )
  }
}

/**
 * Makes the plan that `planGuest` would make, and neither builds, fetches nor makes anything for it: what a run would have
 * to do first is in `plan.pending`, and rules about those files wait.
 *
 * @throws BringupError as `planGuest` does
 */
export async function previewGuest(
  request: PlanningRequest,
  { wantsSizes = false }: { readonly wantsSizes?: boolean } = {},
): Promise<PlannedGuest> {
  const selection = await chooseRun(request)
  const means = meansOf(selection, request)
  const planned = await planAhead(selection, means, { wantsSizes })
  if (isClean(planned.plan.diagnostics) || !selection.profile.build) return planned
  const { pendingBuilds } = await import('./pending-builds.ts')
  const builds = await pendingBuilds(request, selection)
  if (builds.length === 0) return planned
  return planWith(
    selection,
    means,
    { ...planned, machine: planned.added, pending: planned.plan.pending },
    builds,
  )
}

/** A machine as it would be booted, and its profile. */
export interface DescribedRun {
  readonly profile: Profile
  /** Paths are as they were written. */
  readonly machine: MachineConfig
}

/**
 * The machine that `planGuest` would plan, from the description and what the profile adds; starts no QEMU. A profile that
 * cannot say beforehand what it adds is left out.
 *
 * @throws BringupError with unknown machines, profiles and keys
 */
export async function describeRun(request: PlanningRequest): Promise<DescribedRun> {
  const selection = await chooseRun(request)
  const { name, profile } = selection
  if (!profile.preview) return { profile, machine: selection.config }
  const { home, cache, context } = meansOf(selection, request)
  const added = await addedBy(profile, { ...context, wantsSizes: false })
  const { layers, whole } = complete(selection, added)
  const place = { cacheFolder: cache, place: [home.stateFolder, 'described'] }
  return { profile, machine: withPlaces(layers, () => parseKeptMachine(name, whole, place)) }
}

/** Nothing where the profile could not get ready here: a machine can be described all the same. */
async function addedBy({ preview }: Profile, context: PreviewContext): Promise<MachineInput> {
  try {
    return (await preview?.(context))?.machine ?? {}
  } catch (error) {
    if (error instanceof BringupError) return {}
    throw error
  }
}

/** The plan by what the profile says that it would add. */
async function planAhead(
  selection: Selection,
  means: Means,
  { wantsSizes }: { readonly wantsSizes: boolean },
): Promise<Ahead> {
  const { profile } = selection
  const preview = profile.preview
    ? await profile.preview({ ...means.context, wantsSizes })
    : await preparedUnlessWrong(selection, means)
  return planWith(selection, means, preview)
}

/** A profile that cannot say beforehand what it adds prepares once the description holds by itself. */
async function preparedUnlessWrong(selection: Selection, means: Means): Promise<Preview> {
  const machine = placeMachine(withMemories(selection.config, means.memories), means.home)
  const facts = gatherFacts(
    pathsOf(selection.name, machine),
    { accelerators: [UNTRIED] },
    means.home.stateFolder,
  )
  // What is booted may still come from the profile.
  const wrong = checkMachine(machine, facts, selection.name).filter(
    (d) => d.severity === 'error' && !d.path.startsWith('boot'),
  )
  if (wrong.length > 0) throw new BringupError(wrong.map((d) => asWritten(d, selection.layers)))
  return { ...(await selection.profile.prepare(means.context)), pending: [] }
}

interface Ahead extends PlannedGuest {
  /** What the profile adds. */
  readonly added: MachineInput
}

/** @param builds What a build would make anew, whatever lies there now. */
async function planWith(
  selection: Selection,
  means: Means,
  preview: Preview,
  builds: readonly Pending[] = [],
): Promise<Ahead> {
  const { name, profile } = selection
  const { layers, whole } = complete(selection, preview.machine)
  const place = [means.home.stateFolder, 'prepared']
  const parsed = withPlaces(layers, () => parseKeptMachine(name, whole, { cacheFolder: means.cache, place }))
  const machine = placeMachine(withMemories(parsed, means.memories), means.home)
  const refine = (known: Facts) => withoutAwaited(known, preview.pending, builds)
  const facts = await factsFor(machine, means, layers, refine)
  const judgement = withPassPatterns(profile.judgement, means.until)
  const plan = withProfileNeeds(
    makePlan({ name, profile: profile.name, machine, facts, judgement }),
    profile,
    facts,
  )
  return {
    plan: {
      ...plan,
      ...(preview.symbols === undefined ? {} : { symbols: preview.symbols }),
      pending: [...builds, ...preview.pending.filter(({ path }) => path === undefined || !existsSync(path))],
      diagnostics: [...(preview.diagnostics ?? []), ...plan.diagnostics].map((d) => asWritten(d, layers)),
    },
    facts,
    profile,
    ...(preview.boots === undefined ? {} : { boots: preview.boots }),
    notes: [...new Set([...selection.notes, ...(preview.notes ?? [])])],
    added: preview.machine,
  }
}

/** Rules about a file that is still to come have nothing to go by. */
function withoutAwaited(facts: Facts, pending: readonly Pending[], builds: readonly Pending[]): Facts {
  if (pending.length === 0 && builds.length === 0) return facts
  const isIn = (file: FileFact, list: readonly Pending[]) =>
    list.some(({ path }) => path !== undefined && isWithin(file.path, path))
  const isAwaited = (file: FileFact) => isIn(file, builds) || (file.kind === 'missing' && isIn(file, pending))
  return { ...facts, files: new Map([...facts.files].filter(([, file]) => !isAwaited(file))) }
}

const isWithin = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`)

/** Profile defaults beneath what the profile adds, beneath what the user wrote; command lines are joined. */
function complete(
  { profile, wanted, layers }: Selection,
  added: MachineInput,
): { readonly whole: MachineInput; readonly layers: readonly Layer[] } {
  const [defaults, ...written] = layers
  const all = [...(defaults ? [defaults] : []), layerOf(profile, settleDefaults(added, wanted)), ...written]
  refuseTakenIds(added, written)
  const machine = withGdbTime(mergeLayers(all), all)
  const own = all.filter((layer) => !layer.isWritten).map((layer) => layer.machine)
  const append = [...own, wanted].flatMap(({ boot }) => boot?.append || [])
  const whole =
    append.length > 1 ? { ...machine, boot: { ...machine.boot, append: append.join(' ') } } : machine
  return { whole, layers: all }
}

/** A person at a debugger needs longer than any profile's own time-out. */
const WITH_GDB = '12h'

function withGdbTime(machine: MachineInput, layers: readonly Layer[]): MachineInput {
  const isSet = layers.some((layer) => layer.isWritten && layer.machine.timeout !== undefined)
  const waits = machine.gdb !== undefined && machine.gdb !== false
  return waits && !isSet ? { ...machine, timeout: WITH_GDB } : machine
}

/** What planning works with, besides the description. */
interface Means extends FactMeans {
  readonly memories: Readonly<Record<string, SharedMemory>>
  readonly context: PrepareContext
  readonly until: readonly string[]
}

function meansOf({ name, profile, machine }: Selection, request: PlanningRequest): Means {
  const { project, progress = () => {}, signal = neverAborted() } = request
  const cache = cacheFolder()
  return {
    home: { machine: name, folder: project.folder, stateFolder: project.stateFolder },
    cache,
    locks: machine.devices?.length ? (request.locks ?? startReadingLocks()) : undefined,
    networks: request.networks ?? [],
    hostNetworks: request.hostNetworks ?? [],
    memories: request.memories ?? {},
    signal,
    progress,
    until: request.until ?? [],
    context: {
      machine,
      command: request.command ?? [],
      terminal: request.terminal ?? false,
      projectFolder: project.folder,
      ...(request.sharesProject === undefined ? {} : { sharesProject: request.sharesProject }),
      ...(request.hasHostRoot === true ? { hasHostRoot: true } : {}),
      buildFolder: buildFolderOf(project),
      buildOptions: buildOptionsOf(profile, request),
      pinFolder: pinFolderOf(project),
      cacheFolder: cache,
      signal,
      progress,
    },
  }
}

/** Many compilers may listen to it at once; that is no leak. */
function neverAborted(): AbortSignal {
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  return signal
}
