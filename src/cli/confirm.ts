/** Asks a person before something is changed that does not come back by itself. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { Invocation } from './command.ts'

export const problems = defineDiagnostics({
  CONFIRMATION_NEEDED: {
    title: 'The change was not confirmed, and there is no terminal for the question.',
    why: 'bringup changes this computer only after confirmation',
    remedy: 'preview it with --dry-run if the command has it, then run it again with --yes',
  },
})

/** Whether a terminal can ask. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/**
 * True for --yes, else what the person says.
 *
 * @param what would happen, for the error where no terminal can ask
 * @throws BringupError CONFIRMATION_NEEDED
 */
export async function isConfirmed(
  { options, output }: Pick<Invocation, 'options' | 'output'>,
  { what, message }: { readonly what: string; readonly message: string },
): Promise<boolean> {
  if (options.yes === true) return true
  if (!hasTerminal() || output.isJson) throw new BringupError([problems.CONFIRMATION_NEEDED.at('', what)])
  const { confirm } = await import('@clack/prompts')
  return (await confirm({ message, output: process.stderr, initialValue: false })) === true
}
