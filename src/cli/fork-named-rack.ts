/** `bringup state fork` of a rack: all of its guests, and a command in one of them. */
import { cacheFolder } from '../project/cache-folder.ts'
import type { PlannedGuest } from '../project/planning.ts'
import type { PlannedRun } from '../project/run-planning.ts'
import { replanGuests } from '../project/saved-plan.ts'
import { quoteCommand } from '../quote.ts'
import { plannedFork, startFork } from '../runs/fork-rack.ts'
import type { RunResult } from '../runs/record.ts'
import { readNamedRack, refuseOtherRack } from '../states/named-rack.ts'
import type { Forking } from './commands/state/fork.ts'
import { isSupervised } from './detach-options.ts'
import { withForkEnds } from './fork-ends.ts'
import { isAtTerminal } from './guest-terminal.ts'
import { runRack } from './run-rack.ts'
import { usageError } from './usage.ts'

export async function forkNamedRack(forking: Forking): Promise<number> {
  const { invocation, project, name, folder, common, ends } = forking
  const { options, rest = [], signal } = invocation
  const named = readNamedRack(folder, name)
  const replanned = await replanGuests(named.plan, { project, signal })
  const on = guestFor(forking, replanned)
  refuseOtherRack(named, (index) => ({
    cache: cacheFolder(),
    firmware: replanned[index]?.facts.qemu?.dataFolders ?? [],
  }))
  const guests = named.guests.flatMap((guest, index) => {
    const now = replanned[index]
    if (!now) return []
    const plan = withForkEnds({ ...guest.plan, timeoutMs: now.plan.timeoutMs }, ends)
    return { ...guest, plan, facts: now.facts, profile: now.profile }
  })
  const saved = { folder, record: named.record, plan: named.plan, guests }
  const fork = withCommand(plannedFork(saved, options.same === true), on, rest)
  const result = await runRack(
    fork.plan,
    (shown) => startFork(saved, fork, { ...shown, ...common }),
    invocation,
  )
  return exitCodeOf(result, on)
}

/**
 * The guest that runs the command; undefined without a command.
 *
 * @throws usage error if it is not clear, or if nothing would end the fork
 */
function guestFor(
  { invocation: { options, output, rest = [] }, name, ends }: Forking,
  guests: readonly PlannedGuest[],
): string | undefined {
  const shells = guests.filter(({ profile }) => profile.hasShell).map(({ plan }) => plan.guest)
  const again = `bringup state fork ${name}`
  const { on } = options
  if (rest.length === 0) {
    if (on !== undefined)
      throw usageError('--on names the guest of a command, and no command was given', `omit --on`)
    const isSeen = isAtTerminal(output) || options.console === true || isSupervised(options)
    if (shells.length === guests.length && !isSeen && ends.until.length === 0)
      throw usageError(
        'the fork has no command that would end it',
        `give a command: ${again} --on ${shells[0]} -- COMMAND; or start it in the background: ${again} -d`,
      )
    return undefined
  }
  const wanted = on ?? (guests.length === 1 ? guests[0]?.plan.guest : undefined)
  const found = shells.find((guest) => guest === wanted)
  if (found !== undefined) return found
  const names = `guests that run commands: ${shells.join(', ') || '(none)'}`
  if (wanted === undefined)
    throw usageError(
      `the fork has ${guests.length} guests, and the command is for one; ${names}`,
      `name it: ${again} --on ${shells[0] ?? 'GUEST'} -- ${quoteCommand(rest).join(' ')}`,
    )
  throw usageError(`no guest "${wanted}" runs commands; ${names}`, `name one of those guests with --on`)
}

/** With a command, the fork ends when the command does. */
function withCommand(
  { plan, guests }: PlannedRun,
  on: string | undefined,
  command: readonly string[],
): PlannedRun {
  if (on === undefined) return { plan, guests }
  const seats = guests.map((one) => {
    const isThat = one.plan.guest === on
    return { ...one, plan: { ...one.plan, counts: isThat, command: isThat ? command : [] } }
  })
  return { plan: { ...plan, guests: seats.map((one) => one.plan) }, guests: seats }
}

/** That of the command, unless the run failed although the command passed. */
function exitCodeOf({ guests, exitCode }: RunResult, on: string | undefined): number {
  const own = guests.find(({ guest }) => guest === on)?.result
  return own === undefined || own.exitCode === 0 ? exitCode : own.exitCode
}
