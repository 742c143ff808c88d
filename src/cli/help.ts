/** Builds commander's view of a command from its data, help with examples included. */
import { join } from 'node:path'
import { Argument, Option, Command as Parser } from 'commander'
import type { BringupError } from '../diagnostics.ts'
import { allNearest } from '../nearest.ts'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import type { ArgumentSpec, Command, OptionSpec } from './command.ts'
import { usageError } from './usage.ts'
import { fitCommand, type Page, widthOf } from './width.ts'

/** Options that every command takes. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--project <path>',
    description: 'a bringup.config file or its folder (default: the nearest one upwards)',
    from: 'files',
  },
  {
    flags: '--state <folder>',
    description: 'folder for runs and NVDIMM contents (default: .bringup in the project)',
    from: 'folders',
  },
  { flags: '--json', description: 'print one JSON value to stdout and nothing else' },
]

/** The guide that comes with the package. */
const GUIDE = join(PACKAGE_FOLDER, 'docs/guide/getting-started.md')

export const EXIT_CODE_HELP = `Exit codes:
  0    passed
  1    the guest failed
  2    wrong usage or description; nothing was started
  70   a bug in bringup
  74   the output could not be written
  123  the guest crashed
  124  timed out
  125  QEMU failed
  130  interrupted
  \`run -- COMMAND\` returns the exit code of the command.

Documentation:
  ${GUIDE}`

/** What a chosen command is given once commander has read the command line. */
export type OnChosen = (
  command: Command,
  args: readonly string[],
  options: Readonly<Record<string, unknown>>,
) => Promise<void>

/** Adds one loaded command, and those below it, to the parser. */
export function addCommand(
  parent: Parser,
  name: string,
  command: Command,
  page: Page,
  onChosen: OnChosen,
): void {
  const parser = parent
    .command(name, { hidden: command.isHidden === true })
    .summary(command.summary)
    .helpOption('-h, --help', 'show this help')
    .description(command.description ?? sentence(command.summary))
  for (const option of command.options ?? []) parser.addOption(toOption(option))
  for (const argument of command.arguments ?? []) parser.addArgument(toArgument(argument))
  parser.addHelpText('after', () => examplesText(command, page))
  for (const [below, subcommand] of Object.entries(command.subcommands ?? {}))
    addCommand(parser, below, subcommand, page, onChosen)
  // Where there are subcommands, a word too many is most likely one of them, misspelt.
  const hasOnlySubcommands = command.subcommands !== undefined && command.arguments === undefined
  parser.allowExcessArguments(hasOnlySubcommands)
  parser.action(() => {
    const [word] = parser.args
    if (hasOnlySubcommands && command.subcommands && word !== undefined)
      throw unknownCommand(word, Object.keys(command.subcommands))
    // An option that the command above has too is read there, wherever it stands.
    const above = parent.parent ? parent.opts() : {}
    return onChosen(command, parser.args, { ...above, ...parser.opts() })
  })
}

/** `delete a run` as `Delete a run.` */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** An error for a word where a command should be. */
export function unknownCommand(word: string, known: readonly string[]): BringupError {
  const meant = allNearest(word, known)
  return usageError(
    `there is no command "${word}"`,
    meant.length === 0 ? undefined : `did you mean ${meant.join(' or ')}?`,
  )
}

function examplesText(command: Command, { colors, columns }: Page): string {
  const rest = command.rest === undefined ? [] : ['', `After --: ${command.rest}`]
  const width = Math.max(...command.examples.map((e) => widthOf(e.command)))
  const fits = command.examples.every((e) => width + widthOf(e.says) + 4 <= columns)
  const lines = command.examples.flatMap((e) =>
    fits
      ? [`  ${colors.cyan(e.command.padEnd(width))}  ${colors.dim(e.says)}`]
      : [colors.cyan(fitCommand(`  ${e.command}`, columns)), `      ${colors.dim(e.says)}`],
  )
  return [...rest, '', 'Examples:', ...lines].join('\n')
}

/** Columns that a description needs beside its term; with less, it goes below. */
const LEAST_DESCRIPTION = 30

/** A term and its description: side by side, or one above the other on a narrow page. */
export function helpItem(term: string, termWidth: number, description: string, columns: number): string {
  if (description === '') return `  ${term}`
  return columns - termWidth - 4 < Math.max(LEAST_DESCRIPTION, columns * 0.4)
    ? `  ${term}\n      ${description}`
    : `  ${term}${' '.repeat(Math.max(0, termWidth - widthOf(term)))}  ${description}`
}

/** The option's key in `Invocation.options`, and what completion and the reference need of it. */
export function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description)
  if (spec.isPlainNo) option.negate = false
  if (spec.choices) option.choices(spec.choices)
  if (spec.isRepeatable)
    option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
  if (spec.isHidden) option.hideHelp()
  if (spec.group !== undefined) option.helpGroup(spec.group)
  return option
}

function toArgument(spec: ArgumentSpec): Argument {
  const argument = new Argument(spec.name, spec.description)
  return spec.choices ? argument.choices(spec.choices) : argument
}

export { Parser }
