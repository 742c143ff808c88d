/** The library's way to a guest: describe, launch, look, close. */

import { BringupError, type Diagnostic } from './diagnostics.ts'
import type { Guest } from './guest/guest.ts'
import type { MachineInput } from './machine/machine.ts'
import { type PlannedGuest, planGuest } from './project/planning.ts'
import { loadProject, type Project } from './project/project.ts'
import { parseRack } from './project/rack.ts'
import { planRun } from './project/run-planning.ts'
import { savedGuest } from './project/saved-guest.ts'
import { problems, unknownMachine } from './project/selection.ts'
import type { RackInput } from './rack/rack-schema.ts'
import type { RunEvent } from './runs/events.ts'
import { launchAlone, type Run, startRun, untilStarted } from './runs/run.ts'

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
  /**
   * `state`: the guest is restored from a saved state of the same machine. If no such state exists, it boots and is saved at its
   * first answer. If the machine cannot be saved, it boots, and `guest.plan.origin` says why. Default: `boot`.
   */
  readonly origin?: 'boot' | 'state'
  readonly onConsole?: (chunk: Buffer) => void
  /**
   * Compare what the guest found with the description as part of the result: a run without a whole report, or with a
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
  const { planned, stateFolder } = await planFor(machine, request)
  return launchAlone(planned, { stateFolder, ...runOptionsOf(request), ...onConsoleOf(request) })
}

const onConsoleOf = ({ onConsole }: LaunchRequest) => (onConsole ? { onConsole } : {})

function runOptionsOf({
  signal,
  allowReboot,
  verify,
}: Pick<LaunchRequest, 'signal' | 'allowReboot' | 'verify'>) {
  return {
    ...(signal ? { signal } : {}),
    ...(allowReboot === undefined ? {} : { allowReboot }),
    ...(verify === undefined ? {} : { verify }),
  }
}

export interface RackRequest
  extends Pick<LaunchRequest, 'folder' | 'state' | 'signal' | 'allowReboot' | 'verify'> {
  /** Name of a rack that is described in code: stores, MAC addresses and locks of its guests are kept under it. */
  readonly name?: string
  /** Every event of the run, as it happens. */
  readonly onEvent?: (event: RunEvent) => void
}

/**
 * Starts a rack and resolves when all of its guests run. Dispose of the run to end them.
 *
 * @param rack A description, or the name of a rack in the project's config.
 * @throws BringupError with every problem of the description, the host or QEMU; nothing is left running.
 *
 * @example
 * await using run = await launchRack({
 *   guests: {
 *     first: { machine: { memory: '64M' } },
 *     second: { machine: { memory: '64M' }, after: { first: { ends: 'passed' } } },
 *   },
 * })
 * const { verdict } = await run.done
 */
export async function launchRack(rack: RackInput | string, request: RackRequest = {}): Promise<Run> {
  const found = await projectFor(request)
  const name = typeof rack === 'string' ? rack : (request.name ?? ANONYMOUS_RACK)
  const project =
    typeof rack === 'string'
      ? found
      : { ...found, racks: { ...found.racks, [name]: parseRack(rack, ['racks', name]) } }
  const planned = await planRun({
    project,
    rack: name,
    ...(request.signal ? { signal: request.signal } : {}),
  })
  return untilStarted(
    startRun(planned, {
      stateFolder: project.stateFolder,
      ...runOptionsOf(request),
      ...(request.onEvent ? { onEvent: request.onEvent } : {}),
    }),
  )
}

function projectFor({ folder, state }: Pick<LaunchRequest, 'folder' | 'state'>): Promise<Project> {
  return loadProject({ cwd: folder ?? process.cwd(), ...(state === undefined ? {} : { state }) })
}

async function planFor(
  machine: MachineInput | string,
  request: LaunchRequest,
): Promise<{ readonly planned: PlannedGuest; readonly stateFolder: string }> {
  const found = await projectFor(request)
  const name = request.name ?? (typeof machine === 'string' ? machine : ANONYMOUS)
  const project = withMachine(found, name, machine)
  const { folder: _folder, state: _state, name: _name, origin, ...wanted } = request
  const planned = await planGuest({
    project,
    machine: name,
    isUnnamed: typeof machine !== 'string',
    ...wanted,
  })
  return {
    planned: origin === 'state' ? savedGuest(planned) : planned,
    stateFolder: project.stateFolder,
  }
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
    const { planned } = await planFor(machine, request)
    return planned.plan.diagnostics
  } catch (error) {
    if (error instanceof BringupError) return error.diagnostics
    throw error
  }
}

/** Names of a machine and of a rack that were described in code. */
const ANONYMOUS = 'machine'
const ANONYMOUS_RACK = 'rack'

/** @throws BringupError GUEST_NAME_TAKEN where the name belongs to another machine of the project. */
function withMachine(project: Project, name: string, machine: MachineInput | string): Project {
  if (machine === name) {
    needMachine(project, name)
    return project
  }
  if (name !== ANONYMOUS && Object.hasOwn(project.machines, name))
    throw new BringupError([problems.GUEST_NAME_TAKEN.at('name', `"${name}" is a machine of this project`)])
  const known = typeof machine === 'string' ? needMachine(project, machine) : machine
  return { ...project, machines: { ...project.machines, [name]: known } }
}

/** @throws BringupError MACHINE_UNKNOWN */
function needMachine(project: Project, name: string): MachineInput {
  if (!Object.hasOwn(project.machines, name)) throw unknownMachine(project, name, 'machine')
  return { extends: name }
}
