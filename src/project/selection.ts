/** Which machine, profile and build options a request means: what building and planning begin with. */
import { join } from 'node:path'
import { type BuildOptionValues, resolveBuildOptions } from '../build/options.ts'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { mergeMachine } from '../machine/flags.ts'
import { type MachineInput, resolveMachines } from '../machine/machine.ts'
import { nearest } from '../nearest.ts'
import { cacheFolder } from './cache-folder.ts'
import { parseKeptMachine } from './kept-machine.ts'
import { withKernel } from './kernel-form.ts'
import type { PlanningRequest } from './planning.ts'
import type { Profile } from './profile.ts'
import { defaultProfile, findProfile } from './profiles/index.ts'
import type { Project } from './project.ts'

export const problems = defineDiagnostics({
  MACHINE_UNKNOWN: {
    title: 'The project has no machine of that name.',
    why: '--machine names one of the machines in bringup.config',
    remedy: '`bringup machines` lists them',
  },
  GUEST_NAME_TAKEN: {
    title: 'The name of a guest is the name of another machine.',
    why: 'stores, MAC addresses and records are kept by name; two machines would share them',
    remedy: 'give the guest another name',
  },
  PROFILE_HAS_NO_SHELL: {
    title: 'A command was given for a guest that cannot run commands.',
    why: 'what follows -- runs inside the guest, over a command channel that this profile’s guests do not have',
    remedy: 'leave the command away, or choose a profile with a command channel, such as --profile linux',
  },
})

/** What a request means, before anything is built or asked. */
export interface Selection {
  /** Name of the machine. */
  readonly name: string
  /** What the user wrote and said, without the profile's defaults. */
  readonly wanted: MachineInput
  readonly profile: Profile
  /** The profile's defaults beneath what was wanted. */
  readonly machine: MachineInput
}

/**
 * Finds the machine and the profile of a request.
 *
 * @throws BringupError with an unknown machine or profile, unknown keys, or a command for a guest without shell
 */
export async function chooseRun(request: PlanningRequest): Promise<Selection> {
  const { project } = request
  const name = request.machine ?? project.defaultMachine
  const described = resolveMachines(project.machines)[name]
  if (!described) throw unknownMachine(project, name)
  const profile = await profileOf(project, mergeMachine(described, request.overrides ?? {}), request.profile)
  const overrides = mergeMachine(flaggedMachine(profile, request), request.overrides ?? {})
  const wanted = mergeMachine(isWholeMachine({ ...request, overrides }) ? {} : described, overrides)
  const command = request.command ?? []
  if (command.length > 0 && !profile.hasShell) {
    throw new BringupError([
      problems.PROFILE_HAS_NO_SHELL.at('', `profile "${profile.name}" cannot run "${command.join(' ')}"`),
    ])
  }
  const machine = mergeMachine(profile.defaults, wanted)
  parseKeptMachine(name, machine, { cacheFolder: cacheFolder(), place: [project.stateFolder, 'asked'] })
  return { name, wanted, profile, machine }
}

/**
 * The profile that a machine of a project boots with: the one named, the machine's, the project's, else the default
 * one. A kernel in the short form goes with the profile of machines that name none.
 *
 * @throws BringupError PROFILE_UNKNOWN
 */
export async function profileOf(project: Project, machine: MachineInput, named?: string): Promise<Profile> {
  const { kernel } = project
  const ofProject = project.profile ?? (kernel === undefined ? undefined : 'bare')
  const name = named ?? machine.profile ?? ofProject ?? defaultProfile(machine)
  const profile = await findProfile(name, project)
  return kernel !== undefined && name === ofProject ? withKernel(profile, kernel) : profile
}

/** The finding for a name that no machine has, with similar names first. */
export function unknownMachine(project: Project, name: string): BringupError {
  const names = Object.keys(project.machines)
  const near = nearest(name, names)
  const what = `no machine is named "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`
  const remedy = names.length === 0 ? 'describe it in bringup.config' : `use one of: ${names.join(', ')}`
  return new BringupError([problems.MACHINE_UNKNOWN.at('machine', what, { remedy })])
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

/** Where no config describes anything, flags that describe hardware describe all of it: nothing is added to them. */
function isWholeMachine({ project, machine, overrides = {} }: PlanningRequest): boolean {
  const hardware = ['cpu', 'memory', 'numa', 'devices', 'type'] as const
  return (
    project.configFile === undefined &&
    machine === undefined &&
    hardware.some((key) => overrides[key] !== undefined)
  )
}
