/** From a command line with machine flags to a plan: what `run` and `plan` share. */
import { type Planned, planRun } from '../project/planning.ts'
import type { Project } from '../project/project.ts'
import type { Invocation } from './command.ts'
import { machineFromOptions } from './machine-options.ts'

/** @throws BringupError with every flag, key and name that cannot be understood */
export async function planInvocation(
  invocation: Invocation,
): Promise<Planned & { readonly project: Project }> {
  const { options, output, rest, signal } = invocation
  const text = (key: string) => {
    const value = options[key]
    return typeof value === 'string' ? { [key]: value } : {}
  }
  const project = await invocation.project()
  const planned = await planRun({
    project,
    ...text('machine'),
    ...text('profile'),
    overrides: machineFromOptions(options),
    command: rest ?? [],
    signal,
    progress: (what) => output.note(output.errorColors.dim(`${what} …`)),
  })
  return { ...planned, project }
}
