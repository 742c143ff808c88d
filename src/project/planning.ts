/** Brings together what a plan is made of: project, profile, flags, host facts and QEMU's own answers. Reads, never acts. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { AcceleratorFact, Facts, QemuCapabilities } from '../machine/facts.ts'
import { mergeMachine } from '../machine/flags.ts'
import { type MachineConfig, type MachineInput, parseMachine, resolveMachines } from '../machine/machine.ts'
import { gatherFacts } from '../plan/gather.ts'
import { makePlan } from '../plan/make-plan.ts'
import { pathsOf, placeMachine } from '../plan/place.ts'
import type { Plan } from '../plan/plan.ts'
import { proveAccelerators } from '../qemu/accelerators.ts'
import { readCapabilities } from '../qemu/capabilities.ts'
import { findQemu } from '../qemu/find.ts'
import { cacheFolder } from './cache-folder.ts'
import { buildProbe } from './probe-build.ts'
import type { Profile } from './profile.ts'
import { defaultProfile, findProfile } from './profiles/index.ts'
import type { Project } from './project.ts'

export const problems = defineDiagnostics({
  MACHINE_UNKNOWN: {
    title: 'The project has no machine of that name.',
    why: '--machine names one of the machines in bringup.config',
    remedy: '`bringup machines` lists them',
  },
  PROFILE_HAS_NO_SHELL: {
    title: 'A command was given for a guest that cannot run commands.',
    why: 'what follows -- runs inside the guest, over a command channel that this profile’s guests do not have',
    remedy: 'leave the command away, or choose a profile with a command channel, such as --profile linux',
  },
})

/** What the caller wants to boot. */
export interface PlanningRequest {
  readonly project: Project
  /** Name of a machine in the project; the project's default without it. */
  readonly machine?: string
  readonly profile?: string
  /** What the command line says; it wins over the description. */
  readonly overrides?: MachineInput
  /** What follows `--`. */
  readonly command?: readonly string[]
  readonly signal?: AbortSignal
  readonly progress?: (what: string) => void
}

/** A plan with what it was made from. */
export interface Planned {
  readonly plan: Plan
  readonly facts: Facts
  readonly profile: Profile
}

/**
 * Makes a plan for one machine of a project.
 *
 * Problems that leave no machine to speak of (unknown keys, no such machine, no QEMU) throw, all at once;
 * problems of a machine that could be compiled are in `plan.diagnostics`.
 *
 * @throws BringupError
 */
export async function planRun(request: PlanningRequest): Promise<Planned> {
  const { project, progress = () => {}, signal = new AbortController().signal } = request
  const name = request.machine ?? project.defaultMachine
  const described = resolveMachines(project.machines)[name]
  if (!described)
    throw new BringupError([problems.MACHINE_UNKNOWN.at('machine', `there is no machine "${name}"`)])
  const wanted = mergeMachine(isWholeMachine(request) ? {} : described, request.overrides ?? {})
  const profile = await findProfile(
    request.profile ?? wanted.profile ?? project.profile ?? defaultProfile(wanted),
    project,
  )
  const command = request.command ?? []
  if (command.length > 0 && !profile.hasShell) {
    throw new BringupError([
      problems.PROFILE_HAS_NO_SHELL.at('', `profile "${profile.name}" cannot run "${command.join(' ')}"`),
    ])
  }
  const cache = cacheFolder()
  const merged = mergeMachine(profile.defaults, wanted)
  parseMachine(name, merged)
  const prepared = await profile.prepare({
    machine: merged,
    command,
    projectFolder: project.folder,
    cacheFolder: cache,
    signal,
    progress,
  })
  const home = { machine: name, folder: project.folder, stateFolder: project.stateFolder }
  const machine = placeMachine(parseMachine(name, complete(profile, prepared.machine, wanted)), home)
  const facts = await factsFor(machine, name, { cache, signal, progress })
  return {
    plan: makePlan({ name, profile: profile.name, machine, facts, judgement: profile.judgement }),
    facts,
    profile,
  }
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

/** Profile defaults beneath what the profile prepared, beneath what the user wrote; command lines are joined. */
function complete(profile: Profile, prepared: MachineInput, wanted: MachineInput): MachineInput {
  const machine = mergeMachine(mergeMachine(profile.defaults, prepared), wanted)
  const append = [profile.defaults.boot?.append, prepared.boot?.append, wanted.boot?.append].filter(
    (words) => words !== undefined && words !== '',
  )
  return append.length > 1 ? { ...machine, boot: { ...machine.boot, append: append.join(' ') } } : machine
}

async function factsFor(machine: MachineConfig, name: string, context: Means): Promise<Facts> {
  const path = findQemu(machine.arch, machine.qemu)
  const qemu = await readCapabilities(path, machine.arch, context.cache)
  const accelerators = await acceleratorsFor(machine, qemu, context)
  return gatherFacts(pathsOf(name, machine), { qemu, accelerators })
}

interface Means {
  readonly cache: string
  readonly signal: AbortSignal
  readonly progress: (what: string) => void
}

/** Proves what may be used, with the probe kernel as the throw-away guest. */
async function acceleratorsFor(
  machine: MachineConfig,
  qemu: QemuCapabilities,
  { cache, signal, progress }: Means,
): Promise<readonly AcceleratorFact[]> {
  const names = machine.accel === 'auto' ? (['kvm', 'tcg'] as const) : [machine.accel]
  const kernel = await buildProbe({ cacheFolder: cache, signal, progress }).catch((error: unknown) => {
    if (error instanceof BringupError) return error
    throw error
  })
  const trial =
    kernel instanceof BringupError
      ? { probeKernel: undefined, kernelProblem: kernel.diagnostics[0]?.what }
      : { probeKernel: kernel.pvh }
  return proveAccelerators({ qemu, names, cpuModel: machine.cpu.model, cacheFolder: cache, signal, ...trial })
}
