/** Brings together what a plan is made of: project, profile, flags, host facts and QEMU's own answers. Reads, never acts. */
import type { BuildOptionSpec } from '../build/options.ts'
import { BringupError } from '../diagnostics.ts'
import { freshLocks, type LockReading, startReadingLocks } from '../host/file-locks.ts'
import type { Home } from '../machine/device.ts'
import type { AcceleratorFact, Facts, QemuCapabilities } from '../machine/facts.ts'
import { mergeMachine } from '../machine/flags.ts'
import type { MachineConfig, MachineInput } from '../machine/machine.ts'
import { gatherFacts } from '../plan/gather.ts'
import { makePlan } from '../plan/make-plan.ts'
import { pathsOf, placeMachine } from '../plan/place.ts'
import type { Plan } from '../plan/plan.ts'
import { proveAccelerators } from '../qemu/accelerators.ts'
import { readCapabilities } from '../qemu/capabilities.ts'
import { findQemu } from '../qemu/find.ts'
import { withMapSync } from '../stores/map-sync.ts'
import { cacheFolder } from './cache-folder.ts'
import { parseKeptMachine } from './kept-machine.ts'
import { buildProbe } from './probe-build.ts'
import type { Profile } from './profile.ts'
import type { Project } from './project.ts'
import { buildFolderOf, buildOptionsOf, chooseRun } from './selection.ts'

type OptionValues = Readonly<Record<string, unknown>>

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
  /** Values of the profile's build options, over those of the config file; or what finds them once the profile is known. */
  readonly buildOptions?: OptionValues | ((specs: readonly BuildOptionSpec[]) => OptionValues)
  /** Values of the profile's machine flags, once the profile is known. */
  readonly machineFlags?: (specs: readonly BuildOptionSpec[]) => OptionValues
  readonly signal?: AbortSignal
  readonly progress?: (what: string) => void
  /**
   * Who locks which file, where reading that was begun already. It is used while it is fresh.
   *
   * @internal
   */
  readonly locks?: LockReading
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
  const { name, wanted, profile, machine: merged } = await chooseRun(request)
  const locks = merged.devices?.length ? (request.locks ?? startReadingLocks()) : undefined
  const cache = cacheFolder()
  const prepared = await profile.prepare({
    machine: merged,
    command: request.command ?? [],
    projectFolder: project.folder,
    buildFolder: buildFolderOf(project),
    buildOptions: buildOptionsOf(profile, request),
    cacheFolder: cache,
    signal,
    progress,
  })
  const home = { machine: name, folder: project.folder, stateFolder: project.stateFolder }
  const whole = complete(profile, prepared.machine, wanted)
  const place = [project.stateFolder, 'prepared']
  const machine = placeMachine(parseKeptMachine(name, whole, { cacheFolder: cache, place }), home)
  const facts = await factsFor(machine, home, { cache, signal, progress, locks })
  return {
    plan: makePlan({ name, profile: profile.name, machine, facts, judgement: profile.judgement }),
    facts,
    profile,
  }
}

/** Profile defaults beneath what the profile prepared, beneath what the user wrote; command lines are joined. */
function complete(profile: Profile, prepared: MachineInput, wanted: MachineInput): MachineInput {
  const machine = mergeMachine(mergeMachine(profile.defaults, prepared), wanted)
  const append = [profile.defaults.boot?.append, prepared.boot?.append, wanted.boot?.append].filter(
    (words) => words !== undefined && words !== '',
  )
  return append.length > 1 ? { ...machine, boot: { ...machine.boot, append: append.join(' ') } } : machine
}

async function factsFor(machine: MachineConfig, home: Home, context: Means): Promise<Facts> {
  const path = findQemu(machine.arch, machine.qemu)
  const qemu = await readCapabilities(path, machine.arch, context.cache)
  const accelerators = await acceleratorsFor(machine, qemu, context)
  const facts = gatherFacts(
    pathsOf(home.machine, machine),
    { qemu, accelerators },
    home.stateFolder,
    context.locks && (await freshLocks(context.locks)),
  )
  const mayBeDax = [...facts.files.values()].some((file) => file.mayBeDax)
  return mayBeDax ? withMapSync(facts, { cacheFolder: context.cache, signal: context.signal }) : facts
}

interface Means {
  readonly cache: string
  readonly locks: LockReading | undefined
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
