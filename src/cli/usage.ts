/** Errors about the command line itself. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  USAGE: {
    title:
      'The command line is wrong: an unknown command or option, or a value that is missing or not allowed.',
    why: 'the command line is checked first, and the command was not run',
    remedy: 'see `bringup --help`, or `bringup COMMAND --help`',
  },
})

/** For commands that check their own arguments. The remedy defaults to a pointer to `--help`. */
export function usageError(what: string, remedy?: string): BringupError {
  return new BringupError([problems.USAGE.at('', what, remedy === undefined ? undefined : { remedy })])
}
