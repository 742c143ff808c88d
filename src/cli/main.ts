/** The command line: loads and runs the chosen command, and reports errors. */
import { CommanderError } from 'commander'
import type { BringupError } from '../diagnostics.ts'
import { EXIT_CODES } from '../guest/verdict.ts'
import type { LockReading } from '../host/file-locks.ts'
import { allNearest } from '../nearest.ts'
import type { Project } from '../project/project.ts'
import type { Peek } from './command.ts'
import { COMMANDS } from './commands.ts'
import { reportError } from './errors.ts'
import {
  addCommand,
  EXIT_CODE_HELP,
  GLOBAL_OPTIONS,
  helpItem,
  Parser,
  toOption,
  unknownCommand,
} from './help.ts'
import { createOutput, type Output, type Sink, wantsColor } from './output.ts'
import { peekValue } from './peek.ts'
import { usageError } from './usage.ts'
import { fitText } from './width.ts'

/** The process, passed in so that tests can replace it. */
export interface Environment {
  readonly stdout: Sink
  readonly stderr: Sink
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly signal: AbortSignal
  readonly version: string
  readonly locks?: LockReading
}

/** Runs one command line (without `node` and the script's path) and returns the exit code. Never throws. */
export async function main(argv: readonly string[], environment: Environment): Promise<number> {
  const dashes = argv.indexOf('--')
  const words = asOptions(dashes === -1 ? argv : argv.slice(0, dashes))
  const rest = dashes === -1 ? undefined : argv.slice(dashes + 1)
  const output = createOutput({ isJson: words.includes('--json'), ...environment })
  let exitCode: number = EXIT_CODES.passed
  try {
    const parser = createParser(environment, output)
    const loadFor = loader(environment)
    const outlineOf = (options: ProjectOptions) => loadOutline(environment, options)
    const isHelp = words.some((word) => word === '--help' || word === '-h')
    const load = () => loadFor(parser.opts<ProjectOptions>())
    const peek: Peek = {
      valueOf: (...names) => peekValue(words, names),
      project: () =>
        (isHelp ? outlineOf : loadFor)({
          project: peekValue(words, ['--project']),
          state: peekValue(words, ['--state']),
        }),
    }
    const wordsToRead = await addEntries(parser, words, { output, peek }, async (command, args, options) => {
      if (rest !== undefined && command.rest === undefined)
        throw usageError('nothing may follow -- for this command')
      if (!command.run) throw usageError('this command needs a subcommand')
      const { signal, locks } = environment
      const outline = () => outlineOf(parser.opts<ProjectOptions>())
      const more = locks ? { locks } : {}
      exitCode = await command.run({ args, rest, options, output, signal, project: load, outline, ...more })
    })
    await parser.parseAsync([...wordsToRead], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0
        ? EXIT_CODES.passed
        : reportError(usageOf(error, rest), output, environment.signal)
    return reportError(error, output, environment.signal)
  }
}

/** `help`, `help run` and `-v`, which people type in place of `--help`, `run --help` and `--version`. */
function asOptions(words: readonly string[]): readonly string[] {
  const at = words.indexOf('help')
  if (at !== -1 && words.slice(0, at).every((word) => word.startsWith('-')))
    return [...words.slice(0, at), ...words.slice(at + 1), '--help']
  return words.length === 1 && words[0] === '-v' ? ['--version'] : words
}

function createParser(environment: Environment, output: Output): Parser {
  const parser: Parser = new Parser('bringup')
  parser
    .description("Brings up an operating system on hardware you don't have.")
    .version(environment.version, '-V, --version', 'print the version')
    .usage('[options] COMMAND')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .allowExcessArguments()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.raw(fitText(text, output.columns)),
      // Lines are broken by `fitText`, which keeps indents and commands.
      getOutHelpWidth: () => Number.MAX_SAFE_INTEGER,
      // Errors are thrown and printed by reportError.
      writeErr: () => {},
      getOutHasColors: () => wantsColor(environment.stdout, environment.env),
    })
    .configureHelp({
      showGlobalOptions: true,
      formatItem: (term, width, description) => helpItem(term, width, description, output.columns),
      // On the page of bringup itself they are its options already.
      visibleGlobalOptions: (shown) => (shown === parser ? [] : [...parser.options]),
      styleTitle: (text) => output.colors.bold(text === 'Global Options:' ? 'Global options:' : text),
      styleCommandText: (text) => output.colors.cyan(text),
      styleSubcommandText: (text) => output.colors.cyan(text),
      styleOptionText: (text) => output.colors.cyan(text),
    })
    .addHelpText('after', `\n${EXIT_CODE_HELP}`)
  for (const option of GLOBAL_OPTIONS) parser.addOption(toOption(option))
  parser.action(() => {
    const word = parser.args[0]
    if (word !== undefined)
      throw unknownCommand(
        word,
        COMMANDS.map((entry) => entry.name),
      )
    parser.outputHelp()
  })
  return parser
}

/** Adds the called command in full, the others by name and summary; returns the words that are to be read. */
async function addEntries(
  parser: Parser,
  words: readonly string[],
  { output, peek }: { readonly output: Output; readonly peek: Peek },
  onChosen: Parameters<typeof addCommand>[4],
): Promise<readonly string[]> {
  let wordsToRead = words
  const word = commandWord(words)
  const called = COMMANDS.find((entry) => entry.name === word)
  // With --help, commander would print the help of bringup itself for a misspelt command.
  if (word !== undefined && called === undefined && (words.includes('--help') || words.includes('-h')))
    throw unknownCommand(
      word,
      COMMANDS.map((entry) => entry.name),
    )
  for (const entry of COMMANDS) {
    if (entry === called) {
      const { command } = await entry.load()
      const more = (await command.moreOptions?.(peek)) ?? []
      const whole =
        more.length === 0 ? command : { ...command, options: [...(command.options ?? []), ...more] }
      addCommand(parser, entry.name, whole, output, onChosen)
      wordsToRead = (await command.rewrite?.(peek, words)) ?? words
    } else parser.command(entry.name).summary(entry.summary).helpGroup(entry.group)
  }
  return wordsToRead
}

/** The first word that is neither a global option nor the value of one. */
function commandWord(words: readonly string[]): string | undefined {
  const takesValue = GLOBAL_OPTIONS.filter((o) => o.flags.includes('<')).map((o) => o.flags.split(' ')[0])
  return words.find((word, index) => !word.startsWith('-') && !takesValue.includes(words[index - 1]))
}

interface ProjectOptions {
  readonly project?: string | undefined
  readonly state?: string | undefined
}

/** Loads a project once, whether the command or its options ask for it. */
function loader(environment: Environment): (options: ProjectOptions) => Promise<Project> {
  const projects = new Map<string, Promise<Project>>()
  return ({ project: named, state }) => {
    const key = JSON.stringify([named, state])
    const project =
      projects.get(key) ??
      import('../project/project.ts').then(({ loadProject }) =>
        loadProject({ cwd: environment.cwd, project: named, state }),
      )
    projects.set(key, project)
    return project
  }
}

/** As far as the project is known without running its config. */
async function loadOutline({ cwd }: Environment, { project, state }: ProjectOptions): Promise<Project> {
  const { outlineProject } = await import('../project/project.ts')
  return outlineProject({ cwd, project, state })
}

/** @param rest what follows `--` */
function usageOf(error: CommanderError, rest: readonly string[] | undefined): BringupError {
  const [first = '', ...more] = error.message.replace(/^error: /, '').split('\n')
  const choice = CHOICE.exec(first)
  if (choice !== null) return wrongChoice(choice.slice(1))
  if (error.code === 'commander.missingArgument' && rest !== undefined)
    return usageError(first, 'put it in front of `--`')
  const suggestion = more.join(' ').match(/\(Did you mean (.*)\?\)/)?.[1]
  return usageError(first, suggestion === undefined ? undefined : `did you mean ${suggestion}?`)
}

/** How commander says that the value of an option or argument is not one of its choices. */
const CHOICE =
  /^(?:option '([^']*)' argument|command-argument value) '(.*)' is invalid(?: for argument '([^']*)')?\. Allowed choices are (.*)\.$/

function wrongChoice([option, value = '', argument, list = '']: readonly (
  | string
  | undefined
)[]): BringupError {
  const flag = option === undefined ? argument : (/--[a-z-]+/.exec(option)?.[0] ?? option)
  const choices = list.split(', ')
  const meant = allNearest(value, choices)
  const values = `the values are ${new Intl.ListFormat('en').format(choices)}`
  return usageError(
    `${flag} ${value}: "${value}" is not a value of ${flag}`,
    meant.length === 0 ? values : `did you mean ${meant.join(' or ')}? ${capitalised(values)}`,
  )
}

const capitalised = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`
