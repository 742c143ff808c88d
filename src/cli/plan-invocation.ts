/** From a command line with machine flags to a plan: what `build`, `run` and `plan` share. */
import { type Planned, type PlanningRequest, planRun } from '../project/planning.ts'
import type { Project } from '../project/project.ts'
import { buildValues, refuseClashes } from './build-options.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { MACHINE_OPTIONS, machineFromOptions } from './machine-options.ts'

/**
 * What the command line asks for.
 *
 * @throws BringupError with every flag that cannot be understood
 */
export async function requestOf(
  invocation: Invocation,
  own: readonly OptionSpec[] = MACHINE_OPTIONS,
): Promise<PlanningRequest> {
  const { options, output, rest, signal, locks } = invocation
  const text = (key: string) => {
    const value = options[key]
    return typeof value === 'string' ? { [key]: value } : {}
  }
  return {
    project: await invocation.project(),
    ...text('machine'),
    ...text('profile'),
    overrides: machineFromOptions(options),
    buildOptions: (specs) => {
      refuseClashes(specs, own)
      return buildValues(specs, options)
    },
    machineFlags: (specs) => buildValues(specs, options),
    command: rest ?? [],
    signal,
    ...(locks ? { locks } : {}),
    progress: (what) => output.note(output.errorColors.dim(`${what} …`)),
  }
}

/** @throws BringupError with every flag, key and name that cannot be understood */
export async function planInvocation(
  invocation: Invocation,
): Promise<Planned & { readonly project: Project }> {
  const request = await requestOf(invocation)
  return { ...(await planRun(request)), project: request.project }
}
