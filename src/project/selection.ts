/** Which machine, profile and build options a request means: what building and planning begin with. */
import { join, resolve } from 'node:path'
import { type BuildOptionValues, resolveBuildOptions } from '../build/options.ts'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { settleDefaults } from '../machine/defaults.ts'
import { mergeMachine } from '../machine/flags.ts'
import { asWritten, type Layer, mergeLayers } from '../machine/layers.ts'
import {
  chainOf,
  type MachineConfig,
  type MachineInput,
  resolveMachines,
  viewOf,
} from '../machine/machine.ts'
import { formatPath } from '../machine/schema-issues.ts'
import { nearest } from '../nearest.ts'
import { plural } from '../plural.ts'
import { formatRoundBytes } from '../units.ts'
import { bootedMedium, unbootedMedium } from './booted-medium.ts'
import { cacheFolder } from './cache-folder.ts'
import { parseKeptMachine } from './kept-machine.ts'
import { judgedAs, withKernel } from './kernel-form.ts'
import type { KernelForm } from './kernel-schema.ts'
import type { PlanningRequest } from './planning.ts'
import type { Profile } from './profile.ts'
import { defaultProfile, findProfile } from './profiles/index.ts'
import { DEFAULT_MACHINE, type Project } from './project.ts'

export const problems = defineDiagnostics({
  MACHINE_UNKNOWN: {
    title: 'The project has no machine of that name.',
    why: '`machines` in bringup.config defines the names',
    remedy: '`bringup machines` lists them',
  },
  GUEST_NAME_TAKEN: {
    title: 'The name of a guest is the name of another machine.',
    why: 'stores, MAC addresses and records are kept by name; two machines would share them',
    remedy: 'give the guest another name',
  },
  PROFILE_HAS_NO_SHELL: {
    title: 'A command was given for a guest that cannot run commands.',
    why: 'the command runs inside the guest, over a command channel that this profile’s guests do not have',
    remedy: 'omit the command, or choose a profile with a command channel, such as --profile linux',
  },
  PROFILE_DEVICE_ID: {
    title: 'A device has the id of a device that the profile needs, and is of another kind.',
    why: 'a device with the id of one of the profile’s changes that device; another kind would take its place',
    remedy: 'choose another id',
  },
})

/** What a request means, before anything is built or asked. */
export interface Selection {
  /** Name under which stores, MAC addresses and locks are kept: that of the machine, unless the request has one. */
  readonly name: string
  /** What the user wrote and said, without the profile's defaults. */
  readonly wanted: MachineInput
  readonly profile: Profile
  /** The profile's defaults beneath what was wanted, where they do not contradict it. */
  readonly machine: MachineInput
  /** The same, parsed. */
  readonly config: MachineConfig
  /** Which of them says what: for the paths of findings. */
  readonly layers: readonly Layer[]
  /** What bringup chose where the request left it open, a line each for people. */
  readonly notes: readonly string[]
}

/**
 * Finds the machine and the profile of a request.
 *
 * @throws BringupError with an unknown machine or profile, unknown keys, or a command for a guest without shell
 */
export async function chooseRun(request: PlanningRequest): Promise<Selection> {
  const { project } = request
  const machineName = request.machine ?? project.defaultMachine
  const name = request.name ?? machineName
  const machines = resolveMachines(project.machines)
  const described = Object.hasOwn(machines, machineName) ? machines[machineName] : undefined
  if (!described) throw unknownMachine(project, machineName, request.namedAt?.machine)
  const merged = mergeMachine(described, request.overrides ?? {})
  const medium = namesWhatBoots(merged, request)
    ? undefined
    : (bootedMedium(merged, project.folder) ?? unbootedMedium(request.overrides ?? {}))
  const profile = await profileOf(
    project,
    merged,
    request.profile ?? (medium?.firmware === undefined ? undefined : 'bare'),
  )
  const said = writtenLayers(machineName, profile, request)
  const written = medium?.firmware === 'uefi' ? [UEFI, ...said] : said
  const wanted = mergeLayers(written)
  refuseCommand(profile, request.command ?? [], request.namedAt?.command)
  const layers = [layerOf(profile, settleDefaults(profile.defaults, wanted)), ...written]
  const machine = mergeLayers(layers)
  const place = { cacheFolder: cacheFolder(), place: [project.stateFolder, 'asked'] }
  const config = withPlaces(layers, () => parseKeptMachine(name, machine, place))
  refuseTakenIds(profile.defaults, layers)
  const notes = [
    ...(medium === undefined ? [] : [medium.note]),
    ...(medium?.firmware === undefined ? wholeMachineNotes(config, request) : []),
  ]
  return { name, wanted, profile, machine, config, layers, notes }
}

/** Whether the request or the project says what boots: then media are hardware and nothing else. */
function namesWhatBoots({ profile, boot = {} }: MachineInput, request: PlanningRequest): boolean {
  const { project } = request
  return (
    [request.profile, profile, project.profile, project.kernel].some((one) => one !== undefined) ||
    [boot.kernel, boot.esp, boot.firmware].some((one) => one !== undefined)
  )
}

/** A medium that only UEFI can boot. */
const UEFI: Layer = { machine: { boot: { firmware: 'uefi' } }, place: formatPath, isWritten: false }

/** What the profile adds, or takes for granted. */
export function layerOf({ name }: Pick<Profile, 'name'>, machine: MachineInput): Layer {
  return { machine, place: () => `profile ${name}`, isWritten: false }
}

/** All that users wrote: the machine with those that it starts from, the profile's own words, the flags. */
function writtenLayers(name: string, profile: Profile, request: PlanningRequest): readonly Layer[] {
  const { project, overrides = {} } = request
  const flagged = flaggedMachine(profile, request)
  const said: readonly Layer[] = [
    { machine: flagged, place: wordPlace(profile, request), isWritten: true },
    { machine: overrides, place: request.overridesPlace ?? formatPath, isWritten: true },
  ]
  if (isWholeMachine(flagged, request)) return said
  const isInFile = project.configFile !== undefined && !request.isUnnamed
  const placeOf = (machine: string) =>
    request.describedAt?.[machine] ?? (isInFile ? ['machines', machine] : [])
  const described = chainOf(project.machines, name).map(
    (link): Layer => ({
      machine: link.machine,
      place: (path) => formatPath([...placeOf(link.name), ...path]),
      isWritten: true,
    }),
  )
  const layers = [...described, ...said]
  const combined = profile.machineFlags?.combine?.(layers.map((l) => l.machine))
  return combined ? layers.map((layer, i) => ({ ...layer, machine: combined[i] ?? layer.machine })) : layers
}

/** Runs what may throw findings about the merged machine; they are thrown about what was written. */
export function withPlaces<T>(layers: readonly Layer[], run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (!(cause instanceof BringupError)) throw cause
    throw new BringupError(
      cause.diagnostics.map((d) => asWritten(d, layers)),
      { cause },
    )
  }
}

/** @throws BringupError PROFILE_DEVICE_ID */
export function refuseTakenIds({ devices: own = [] }: MachineInput, layers: readonly Layer[]): void {
  const wrong = layers
    .filter((layer) => layer.isWritten)
    .flatMap(({ machine, place }) =>
      (machine.devices ?? []).flatMap((device, index) => {
        const taken = own.find((other) => other.id !== undefined && other.id === device.id)
        if (!taken || taken.kind === device.kind) return []
        const what = `"${device.id}" is the id of the profile’s own ${taken.kind}, and this is a device of kind ${device.kind}`
        return [problems.PROFILE_DEVICE_ID.at(place(['devices', index, 'id']), what)]
      }),
    )
  if (wrong.length > 0) throw new BringupError(wrong)
}

/**
 * The profile that a machine of a project boots with: the one named, the machine's, the project's, else the default
 * one. A kernel in the short form goes with the profile of machines that name none.
 *
 * @throws BringupError PROFILE_UNKNOWN
 */
export async function profileOf(project: Project, machine: MachineInput, named?: string): Promise<Profile> {
  const { kernel } = project
  const isBooted = kernel !== undefined && !bootsAnother(machine, kernel, project.folder)
  const ofProject = project.profile ?? (kernel === undefined ? undefined : 'bare')
  const name = named ?? machine.profile ?? ofProject ?? defaultProfile(machine)
  const profile = await findProfile(name, project)
  if (kernel === undefined || name !== ofProject) return profile
  return isBooted ? withKernel(profile, kernel) : judgedAs(profile, kernel)
}

/** Whether the machine says that it boots another file than the project's kernel, which is not built then. */
function bootsAnother({ boot }: MachineInput, kernel: KernelForm, folder: string): boolean {
  const isOther = (said: string | undefined, own: string | undefined) =>
    said !== undefined && (own === undefined || resolve(folder, said) !== resolve(folder, own))
  return isOther(boot?.kernel, kernel.image) || isOther(boot?.esp, kernel.esp)
}

/** The finding for a name that no machine has, with similar names first. */
export function unknownMachine(project: Project, name: string, at = '--machine'): BringupError {
  const names = Object.keys(project.machines)
  const near = nearest(name, names)
  const what = `no machine is named "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`
  const remedy = names.length === 0 ? 'describe it in bringup.config' : `use one of: ${names.join(', ')}`
  return new BringupError([problems.MACHINE_UNKNOWN.at(at, what, { remedy })])
}

/** Where builds of a project keep what they make beside the source tree. */
export function buildFolderOf(project: Project): string {
  return join(project.stateFolder, 'build')
}

/** @throws BringupError BUILD_OPTION_UNKNOWN, BUILD_OPTION_WRONG */
export function buildOptionsOf(
  profile: Profile,
  { project, buildOptions = {} }: Pick<PlanningRequest, 'project' | 'buildOptions'>,
): BuildOptionValues {
  const specs = profile.buildOptions ?? []
  const given = typeof buildOptions === 'function' ? buildOptions(specs) : buildOptions
  // Options in the config file are meant for its profile; a bundled kernel that is booted once has none of them.
  const config = specs.length === 0 && profile.name !== project.profile ? {} : (project.build ?? {})
  return resolveBuildOptions(specs, { from: 'build', values: config }, { from: '--', values: given })
}

/** What the flags of the profile's own words describe. */
function flaggedMachine({ machineFlags }: Profile, request: PlanningRequest): MachineInput {
  if (!machineFlags || !request.machineFlags) return {}
  const values = resolveBuildOptions(machineFlags.specs, {
    from: '--',
    values: request.machineFlags(machineFlags.specs),
  })
  return machineFlags.toMachine(values)
}

/** The flag of the profile's own words that says what is at a path: the one that says it when it stands alone. */
function wordPlace({ machineFlags }: Profile, { machineFlags: given }: PlanningRequest): Layer['place'] {
  return (path) => {
    if (!machineFlags || !given) return formatPath(path)
    const values = given(machineFlags.specs)
    const says = (name: string) => {
      try {
        const machine = machineFlags.toMachine({ [name]: values[name] } as BuildOptionValues)
        return (
          path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], machine) !==
          undefined
        )
      } catch {
        return false
      }
    }
    const name = Object.keys(values).find(says)
    return name === undefined ? formatPath(path) : `--${kebabCase(name)}`
  }
}

const kebabCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/**
 * @param at where the command is named
 * @throws BringupError PROFILE_HAS_NO_SHELL
 */
export function refuseCommand(
  { name, hasShell }: Pick<Profile, 'name' | 'hasShell'>,
  command: readonly string[],
  at = '--',
): void {
  if (command.length === 0 || hasShell) return
  throw new BringupError([
    problems.PROFILE_HAS_NO_SHELL.at(at, `profile "${name}" cannot run "${command.join(' ')}"`),
  ])
}

/** Where no config describes a machine, flags that describe hardware describe all of it: nothing is added to them. */
function isWholeMachine(
  flagged: MachineInput,
  { project, machine, overrides = {} }: PlanningRequest,
): boolean {
  const hardware = ['cpu', 'memory', 'numa', 'devices', 'type'] as const
  return (
    project.machines[project.defaultMachine] === DEFAULT_MACHINE &&
    machine === undefined &&
    hardware.some((key) => flagged[key] !== undefined || overrides[key] !== undefined)
  )
}

/**
 * What such flags leave out of the built-in machine, unless they say as much as that one does. With a command, stderr is
 * that of the command.
 */
function wholeMachineNotes(config: MachineConfig, request: PlanningRequest): readonly string[] {
  const { cpu, numa, devices } = request.overrides ?? {}
  if (request.command !== undefined && request.command.length > 0) return []
  if (!isWholeMachine({}, request) || (cpu !== undefined && (numa ?? devices) !== undefined)) return []
  const { defaultMachine } = request.project
  const { cpus, ramBytes } = viewOf(defaultMachine, config)
  return [
    `hardware flags describe the whole machine, here ${plural(cpus.count, 'CPU')} and ${formatRoundBytes(ramBytes)} of RAM; to change the built-in machine instead (${DEFAULT_MACHINE.summary}), add -m ${defaultMachine}`,
  ]
}
