/** From a command line with machine flags to a plan: what `build`, `run` and `plan` share. */
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
  return {
    project: await invocation.project(),
    ...(rack === undefined ? {} : { rack }),
    ...text('machine'),
    ...text('profile'),
    ...(describesMachine(own)
      ? {
          ...(options.rw === true
            ? { sharesProject: 'rw' as const }
            : options.projectFolder === true
              ? { sharesProject: 'overlay' as const }
              : {}),
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
    terminal: wantsTerminal(invocation),
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

/** Whether a command in the guest gets a terminal: the console is wanted instead where an option is about it. */
function wantsTerminal({ options, output }: Invocation): boolean {
  const isAboutConsole = options.console === true || options.quiet === true
  return isAtTerminal(output) && !isAboutConsole && untilPatterns(options).length === 0
}

/** Where a command has no flags for a machine, options of the same names are the profile’s. */
const describesMachine = (own: readonly OptionSpec[]) =>
  own.some(({ flags }) => flags.startsWith('--memory '))
