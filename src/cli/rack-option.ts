/** `--rack NAME`, and the options that it excludes. */
import type { OptionSpec } from './command.ts'
import { MACHINE_OPTIONS } from './machine-options.ts'
import { usageError } from './usage.ts'

export const RACK_OPTION: OptionSpec = {
  flags: '--rack <name>',
  description: 'several machines in one run: a rack of the project',
  from: 'racks',
}

/**
 * The rack that the command line names.
 *
 * @throws usage error for a flag that describes one machine, or a command: a rack says both for each guest
 */
export function rackOf(
  options: Readonly<Record<string, unknown>>,
  rest: readonly string[] | undefined,
): string | undefined {
  const { rack } = options
  if (typeof rack !== 'string') return undefined
  refuseMachineFlags(
    options,
    `--rack ${rack} runs several`,
    `describe it in the config: racks.${rack}.guests.NAME.machine`,
  )
  if (rest !== undefined && rest.length > 0)
    throw usageError(
      `a command is for one guest, and --rack ${rack} runs several`,
      `describe it in the config: racks.${rack}.guests.NAME.command`,
    )
  return rack
}

/** @throws usage error for a flag that describes one machine */
export function refuseMachineFlags(
  options: Readonly<Record<string, unknown>>,
  because: string,
  remedy: string,
): void {
  const flags = MACHINE_OPTIONS.map((option) => /--[a-z0-9-]+/.exec(option.flags)?.[0] ?? '')
  const wrong = flags.find((flag) => isGiven(flag, options))
  if (wrong !== undefined) throw usageError(`${wrong} describes one machine, and ${because}`, remedy)
}

/** An option such as `--no-verify` is true until it is given. */
function isGiven(flag: string, options: Readonly<Record<string, unknown>>): boolean {
  const value = options[camelCase(flag.replace(/^--(?:no-)?/, ''))]
  return flag.startsWith('--no-') ? value === false : value !== undefined
}

const camelCase = (name: string) => name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
