/** A command that changes the host: plain data, shown to a person exactly as it will be run. */
import { quoteCommand } from '../quote.ts'

/** What is run, as whom. Never a shell: each word of `argv` reaches the program as it is. */
export interface HostCommand {
  readonly argv: readonly string[]
  /** Run through the one door to root (`root.ts`). */
  readonly asRoot?: boolean
  /** Set on top of the environment of bringup; handed on through sudo by env(1). */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What the program reads from standard input; Base64 where it is no text. */
  readonly stdin?: string | { readonly base64: string }
  /**
   * What becomes of it when bringup is killed. `die` (the default): it is killed too. `finish`: it comes to its end,
   * because half of it would be worse, as with a package manager that is configuring packages.
   */
  readonly whenOrphaned?: 'die' | 'finish'
  /** Its failure alone does not fail the step: the commands after it and the check decide. Shown as `… || true`. */
  readonly mayFail?: boolean
}

/** How to become root, as words before the command: none, `sudo`, `sudo -n`. */
export type RootPrefix = readonly string[]

/** The words that are run, and shown: sudo where root is needed and not here, env(1) where sudo would lose variables. */
export function wordsOf(command: HostCommand, prefix: RootPrefix): readonly string[] {
  if (!command.asRoot || prefix.length === 0) return command.argv
  const variables = Object.entries(command.env ?? {}).map(([name, value]) => `${name}=${value}`)
  return [...prefix, ...(variables.length > 0 ? ['env', ...variables] : []), ...command.argv]
}

/**
 * The command as a person can paste it into a POSIX shell, with its input as a here-document.
 *
 * @param prefix How root is had; `sudo` where an administrator is to run it.
 */
export function formatCommand(command: HostCommand, prefix: RootPrefix = ['sudo']): string {
  const variables =
    command.asRoot && prefix.length > 0
      ? []
      : Object.entries(command.env ?? {}).map(([name, value]) => `${name}=${quoteCommand([value]).join('')}`)
  const words = [...variables, ...quoteCommand(wordsOf(command, prefix))].join(' ')
  const line = command.mayFail ? `${words} || true` : words
  const placed = command.cwd === undefined ? line : `(cd ${quoteCommand([command.cwd]).join('')} && ${line})`
  if (command.stdin === undefined) return placed
  if (typeof command.stdin !== 'string')
    return `printf %s ${command.stdin.base64} | base64 --decode | ${placed}`
  const isLines = command.stdin.endsWith('\n') && !/^END$/m.test(command.stdin)
  return isLines
    ? `${placed} <<'END'\n${command.stdin}END`
    : `printf %s ${quoteCommand([command.stdin]).join('')} | ${placed}`
}
