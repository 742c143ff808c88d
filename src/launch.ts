/** The library's way to a guest: describe, launch, look, close. */

import type { Guest } from './guest/guest.ts'
import { launchPlan } from './guest/launch.ts'
import type { MachineInput } from './machine/machine.ts'
import { planRun } from './project/planning.ts'
import { loadProject, type Project } from './project/project.ts'

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
  /** Lets the guest go on after it reset itself. */
  readonly allowReboot?: boolean
  readonly onConsole?: (chunk: Buffer) => void
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
  const found = await loadProject({
    cwd: request.folder ?? process.cwd(),
    ...(request.state === undefined ? {} : { state: request.state }),
  })
  const { project, name } =
    typeof machine === 'string'
      ? { project: found, name: machine }
      : { project: withMachine(found, machine), name: ANONYMOUS }
  const { plan, facts, profile } = await planRun({ project, machine: name, ...request })
  const { signal, allowReboot, onConsole } = request
  return launchPlan(plan, {
    stateFolder: project.stateFolder,
    facts,
    profile,
    signal,
    allowReboot,
    onConsole,
  })
}

/** Name of a machine that was described in code. */
const ANONYMOUS = 'machine'

function withMachine(project: Project, machine: MachineInput): Project {
  return { ...project, machines: { ...project.machines, [ANONYMOUS]: machine } }
}
