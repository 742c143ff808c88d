/** From a command line with machine flags to a plan: what `build`, `run` and `plan` share. */

import type { ProjectShare } from '../project/profile.ts'
import { type PlannedRun, planOnly, type RunRequest } from '../project/run-planning.ts'
import { besideOwn, buildValues, refuseClashes } from './build-options.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { isAtTerminal } from './guest-terminal.ts'
import { flagPlace, MACHINE_OPTIONS, machineFromOptions } from './machine-options.ts'
import { rackOf } from './rack-option.ts'
import { untilPatterns } from './until-options.ts'

/**
 * What the command line asks for.
 *
 * @throws BringupError with every flag that cannot be understood
 */
export async function requestOf(
  invocation: Invocation,
  own: readonly OptionSpec[] = MACHINE_OPTIONS,
): Promise<RunRequest> {
  const { options, output, rest, signal, locks } = invocation
  const text = (key: string) => {
    const value = options[key]
    return typeof value === 'string' ? { [key]: value } : {}
  }
  const rack = rackOf(options, rest)
  const project = await invocation.project()
  const isCommand = rest !== undefined && rest.length > 0
  const terminal = wantsTerminal(invocation)
  return {
    project,
    ...(rack === undefined ? {} : { rack }),
    ...text('machine'),
    ...text('profile'),
    ...(describesMachine(own)
      ? {
          ...shareOf(options, {
            mayShare: project.configFile !== undefined && rack === undefined && (isCommand || terminal),
          }),
          ...(options.root === 'host' ? { hasHostRoot: true } : {}),
          overrides: machineFromOptions(options),
          overridesPlace: flagPlace(options),
        }
      : {}),
    buildOptions: (specs) => {
      refuseClashes(specs, own)
      return buildValues(specs, options)
    },
    machineFlags: (specs) => buildValues(besideOwn(specs, own), options),
    until: untilPatterns(options),
    command: rest ?? [],
    terminal,
    signal,
    ...(locks ? { locks } : {}),
    progress: (what) => output.progress(output.errorColors.dim(`${what} …`)),
  }
}

/**
 * The plan of what the command line asks for; nothing is fetched, built or made for it.
 *
 * @throws BringupError with every flag, key and name that cannot be understood
 */
export async function planInvocation(invocation: Invocation): Promise<PlannedRun> {
  return planOnly(await requestOf(invocation), { wantsSizes: true })
}

/** In a project, commands and shells see its folder by default. */
function shareOf(
  { rw, projectFolder }: Invocation['options'],
  { mayShare }: { readonly mayShare: boolean },
): { readonly sharesProject?: ProjectShare } {
  if (rw === true) return { sharesProject: 'rw' }
  if (projectFolder === true) return { sharesProject: 'overlay' }
  return mayShare && projectFolder !== false ? { sharesProject: 'if-possible' } : {}
}

/** Whether a command in the guest gets a terminal: the console is wanted instead where an option is about it. */
function wantsTerminal({ options, output }: Invocation): boolean {
  const isAboutConsole = options.console === true || options.quiet === true
  return isAtTerminal(output) && !isAboutConsole && untilPatterns(options).length === 0
}

/** Where a command has no flags for a machine, options of the same names are the profile’s. */
const describesMachine = (own: readonly OptionSpec[]) =>
  own.some(({ flags }) => flags.startsWith('--memory '))
