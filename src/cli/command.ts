/**
 * What a command is: data for the parser, the help, the completion and the reference, and one function that does it.
 * A command module exports `command` and is loaded only when it is called.
 */
import type { LockReading } from '../host/file-locks.ts'
import type { Project } from '../project/project.ts'
import type { Output } from './output.ts'

/** Where the values of an option or argument come from, for completion. */
export type ValueSource =
  | 'machines'
  | 'racks'
  | 'runs'
  | 'targets'
  | 'profiles'
  | 'sources'
  | 'files'
  | 'folders'
  | 'operations'
  | 'stores'
  | 'sets'
  | 'qemus'
  | 'states'
  | 'named states'
  | 'running'
  | 'sweeps'
  | 'sweep records'

export interface OptionSpec {
  /** As commander wants it: `-m, --machine <name>`, `--no-verify`. The value's key is the long name in camel case. */
  readonly flags: string
  readonly description: string
  /** The option may be given several times; its value is then `readonly string[]`, in the order given. */
  readonly isRepeatable?: boolean
  readonly choices?: readonly string[]
  readonly from?: ValueSource
  /** A flag that begins with `--no-` and is a name of its own, not the negation of another. */
  readonly isPlainNo?: boolean
  /** Understood, but neither in the help nor completed. */
  readonly isHidden?: boolean
  /** Heading in the help. */
  readonly group?: string
}

/** The options under one heading of the help. */
export function inGroup(group: string, specs: readonly OptionSpec[]): readonly OptionSpec[] {
  return specs.map((spec) => ({ group, ...spec }))
}

export interface ArgumentSpec {
  /** `<id>` is required, `[id]` is not, `[id...]` takes the rest. */
  readonly name: string
  readonly description: string
  readonly choices?: readonly string[]
  readonly from?: ValueSource
}

/** What can be known of a command line before it is read. */
export interface Peek {
  /** The last value given for an option by one of its names, such as `-m` and `--machine`. */
  readonly valueOf: (...names: readonly string[]) => string | undefined
  /** Where only help is asked for, no config is run. */
  readonly project: () => Promise<Project>
}

/** A line for `--help`: a command as it is typed, and what it is for. */
export interface Example {
  readonly command: string
  readonly says: string
}

/** What a command is given when it runs. */
export interface Invocation {
  /** Positional arguments, without what follows `--`. */
  readonly args: readonly string[]
  /** What follows `--`; undefined when there was no `--`. */
  readonly rest: readonly string[] | undefined
  /** Options of the command by their long name in camel case. Global ones are in `output` and `project` already. */
  readonly options: Readonly<Record<string, unknown>>
  readonly output: Output
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
  readonly signal: AbortSignal
  /** The project of this folder (or of --project), loaded at the first call. Throws BringupError. */
  readonly project: () => Promise<Project>
  /** The project as far as it is known without running a config: for completion. */
  readonly outline: () => Promise<Project>
  /** Begun before the command was loaded, for those that look at stores. */
  readonly locks?: LockReading
}

export interface Command {
  readonly summary: string
  /** More than the summary, for `--help`. */
  readonly description?: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options?: readonly OptionSpec[]
  /**
   * Options that depend on the project, found before the command line is read. They must not fail: what is wrong with
   * the project is said when the command runs.
   */
  readonly moreOptions?: (peek: Peek) => Promise<readonly OptionSpec[]>
  /** The words of the command line, before they are read; like `moreOptions`, it must not fail. */
  readonly rewrite?: (peek: Peek, words: readonly string[]) => Promise<readonly string[]>
  readonly examples: readonly Example[]
  /** What may follow `--`, in a line of help: `command for the guest`. Without it, `--` is refused. */
  readonly rest?: string
  /** Commands below this one, by name: `runs show`. */
  readonly subcommands?: Readonly<Record<string, Command>>
  /** What bringup itself calls, on another computer: neither in the help nor completed. */
  readonly isHidden?: boolean
  /** Returns the exit code of the process. Absent where only subcommands do something. */
  readonly run?: (invocation: Invocation) => Promise<number>
}

export type CommandGroup =
  | 'Machines and runs:'
  | 'Background runs:'
  | 'Source trees:'
  | 'Persistent memory:'
  | 'This computer:'

/** A command before it is loaded: enough for `bringup --help`. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  /** Heading in `bringup --help`. */
  readonly group: CommandGroup
  readonly load: () => Promise<{ readonly command: Command }>
}
