/** The library's way to a guest: describe, launch, look, close. */

import { BringupError, type Diagnostic } from './diagnostics.ts'
import type { Guest } from './guest/guest.ts'
import { launchPlan } from './guest/launch.ts'
import type { MachineInput } from './machine/machine.ts'
import { planRun } from './project/planning.ts'
import { loadProject, type Project } from './project/project.ts'
import { problems, unknownMachine } from './project/selection.ts'

export interface LaunchRequest {
  /** Folder whose `bringup.config` counts; default: the current one. */
  readonly folder?: string
  /** Profile to boot; default: the machine's, then the project's, then `probe`. */
  readonly profile?: string
  /** Said on top of the description, as command-line flags are. */
  readonly overrides?: MachineInput
  /** Keeps runs and stores elsewhere than in `.bringup` of the folder. */
  readonly state?: string
  /** Aborting ends the guest; the verdict is then `interrupted`. */
  readonly signal?: AbortSignal
  /**
   * Name of this guest: its stores, MAC addresses and record are kept under it, apart from those of other guests on the
   * same machine. Default: the name of the machine, or `machine` for a description.
   */
  readonly name?: string
  /** Lets the guest go on after it reset itself. */
  readonly allowReboot?: boolean
  readonly onConsole?: (chunk: Buffer) => void
  /**
   * Compare what the guest saw with what was asked as part of the result: a run without a whole report, or with a
   * difference, fails then. Default: what the profile says.
   */
  readonly verify?: boolean
}

/**
 * Boots a machine and resolves when it runs. Dispose of the guest to end it.
 *
 * @param machine A description, or the name of a machine in the project's config.
 * @throws BringupError with every problem of the description, the host or QEMU, all at once; nothing is left running.
 *
 * @example
 * await using guest = await launch({ cpu: 2, numa: 2 })
 * const { verdict } = await guest.done
 */
export async function launch(machine: MachineInput | string, request: LaunchRequest = {}): Promise<Guest> {
  const { plan, facts, profile, stateFolder } = await planFor(machine, request)
  const { signal, allowReboot, onConsole, verify } = request
  return launchPlan(plan, {
    stateFolder,
    facts,
    profile,
    signal,
    allowReboot,
    onConsole,
    ...(verify === undefined ? {} : { verify }),
  })
}

async function planFor(machine: MachineInput | string, request: LaunchRequest) {
  const found = await loadProject({
    cwd: request.folder ?? process.cwd(),
    ...(request.state === undefined ? {} : { state: request.state }),
  })
  const name = request.name ?? (typeof machine === 'string' ? machine : ANONYMOUS)
  const project = withMachine(found, name, machine)
  const { plan, facts, profile } = await planRun({
    project,
    machine: name,
    isUnnamed: typeof machine !== 'string',
    ...request,
  })
  return { plan, facts, profile, stateFolder: project.stateFolder }
}

/**
 * All findings about a machine, without starting it.
 *
 * @param machine A description, or the name of a machine in the project's config.
 * @returns Errors and warnings; empty when the machine can run as described.
 * @example
 * const found = await checkDescription({ numa: 2, devices: [{ kind: 'nvdimm', size: '128M', node: 7 }] })
 * found.map((d) => d.code) // ['NVDIMM_NODE_MISSING']
 */
export async function checkDescription(
  machine: MachineInput | string,
  request: LaunchRequest = {},
): Promise<readonly Diagnostic[]> {
  try {
    const { plan } = await planFor(machine, request)
    return plan.diagnostics
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics
    throw error
  }
}

/** Name of a machine that was described in code. */
const ANONYMOUS = 'machine'

/** @throws BringupError GUEST_NAME_TAKEN where the name belongs to another machine of the project. */
function withMachine(project: Project, name: string, machine: MachineInput | string): Project {
  if (machine === name) return project
  if (name !== ANONYMOUS && Object.hasOwn(project.machines, name))
    throw new BringupError([problems.GUEST_NAME_TAKEN.at('name', `"${name}" is a machine of this project`)])
  const known = typeof machine === 'string' ? needMachine(project, machine) : machine
  return { ...project, machines: { ...project.machines, [name]: known } }
}

/** @throws BringupError MACHINE_UNKNOWN */
function needMachine(project: Project, name: string): MachineInput {
  if (!Object.hasOwn(project.machines, name)) throw unknownMachine(project, name)
  return { extends: name }
}
