/** The one door to root: finds out how to become root here, without a prompt. */
import { spawnSync } from 'node:child_process'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { plural } from '../plural.ts'
import { formatCommand, type HostCommand, type RootPrefix } from './host-command.ts'

export const problems = defineDiagnostics({
  ROOT_NEEDED: {
    title: 'Some commands need root, and there is no way to become root here.',
    why: 'this user is not root, and sudo is missing, not allowed, or needs a password and has no terminal for the prompt',
    remedy: 'have an administrator run the commands below, then run this again; finished steps are skipped',
  },
  ROOT_REFUSED: {
    title: 'sudo refused this user.',
    why: 'sudo prints the reason on the terminal',
    remedy: 'have an administrator run the commands of `--dry-run`, or try again',
  },
})

export type RootAccess =
  /** This process is root. */
  | { readonly kind: 'root'; readonly prefix: RootPrefix }
  /** sudo asks for no password. */
  | { readonly kind: 'sudo'; readonly prefix: RootPrefix }
  /** sudo wants a password, and there is a terminal to ask on. */
  | { readonly kind: 'sudo-asks'; readonly prefix: RootPrefix }
  | { readonly kind: 'none'; readonly prefix: RootPrefix }

/** @param hasTerminal Whether sudo could ask a person for a password. */
export function findRoot(hasTerminal: boolean, uid: number = process.getuid?.() ?? -1): RootAccess {
  if (uid === 0) return { kind: 'root', prefix: [] }
  // -n: fails where a password would be asked for, instead of asking.
  const { status, error } = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' })
  if (status === 0) return { kind: 'sudo', prefix: ['sudo', '-n'] }
  if (error === undefined && hasTerminal) return { kind: 'sudo-asks', prefix: ['sudo'] }
  return { kind: 'none', prefix: ['sudo'] }
}

/**
 * Requests root access before the work starts, so that sudo prompts for no password in the middle of it.
 *
 * @param willNeedMore A later step needs root, and its commands are not known yet.
 * @throws BringupError ROOT_NEEDED with the commands for an administrator, ROOT_REFUSED
 */
export function openDoor(access: RootAccess, commands: readonly HostCommand[], willNeedMore = false): void {
  const needed = commands.filter((c) => c.asRoot)
  if (needed.length === 0 && !willNeedMore) return
  if (access.kind === 'none') throw new BringupError([rootNeeded(needed, willNeedMore)])
  if (access.kind !== 'sudo-asks') return
  const { status } = spawnSync('sudo', ['-v'], { stdio: 'inherit' })
  if (status !== 0)
    throw new BringupError([problems.ROOT_REFUSED.at('', `sudo ended with ${status ?? 'a signal'}`)])
}

function rootNeeded(commands: readonly HostCommand[], willNeedMore: boolean): Diagnostic {
  const count = `${plural(commands.length, 'command')} ${commands.length === 1 ? 'needs' : 'need'}`
  const more = willNeedMore ? '; more follow, which are known once these have run' : ''
  return problems.ROOT_NEEDED.at('', `${count} root${more}`, {
    evidence: commands.flatMap((c) => formatCommand(c, ['sudo']).split('\n')),
  })
}
