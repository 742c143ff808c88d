/** A run of one guest on this terminal: its console, a command or a session in it, then the report. */
import { basename } from 'node:path'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import type { Guest } from '../guest/guest.ts'
import { LaunchError } from '../guest/launch.ts'
import { EXIT_CODES } from '../guest/verdict.ts'
import type { PlannedGuest } from '../project/planning.ts'
import type { PlannedRun, RunRequest } from '../project/run-planning.ts'
import type { RunResult } from '../runs/record.ts'
import { type Run, type RunOptions, startRun } from '../runs/run.ts'
import type { BootProgress } from './boot-progress.ts'
import type { Invocation } from './command.ts'
import { type Copies, copiesOf, copyAllIn, copyAllOut, missedCopies } from './copy-options.ts'
import { formatDiagnostics } from './errors.ts'
import { followConsole, passTo, placeInGuest, runCommand } from './follow-guest.ts'
import { sayGdb } from './gdb-lines.ts'
import { runOnTerminal } from './guest-terminal.ts'
import { headline, reportRun } from './run-report.ts'
import { showScreenLines } from './screen-lines.ts'

/** How the one guest of a run is followed. */
interface Following {
  readonly common: RunOptions
  readonly invocation: Invocation
  readonly request: RunRequest
  readonly progress: BootProgress | undefined
}

export async function runGuest(
  planned: PlannedRun,
  guest: PlannedGuest,
  following: Following,
): Promise<number> {
  const { common, invocation, request, progress } = following
  const { options, output } = invocation
  const words = guest.plan.command.length
    ? guest.plan.command
    : request.terminal === true
      ? (guest.profile.terminalCommand?.() ?? [])
      : []
  const inRoot = request.hasHostRoot === true && words.length > 0 ? guest.profile.inHostRoot : undefined
  const argv = inRoot?.(words, process.cwd()) ?? words
  const isCommand = argv.length > 0
  const isSession = isCommand && request.terminal === true && guest.profile.hasShell
  const showsConsole =
    !output.isJson &&
    options.quiet !== true &&
    options.events !== true &&
    (options.console === true || !(isCommand || guest.profile.verifiesByDefault))
  if (!isCommand && options.events !== true) {
    progress?.clear()
    output.print(headline(guest.plan, output))
  }
  if (isSession || showsConsole)
    progress?.boots(nameOfBooted(guest), guest.plan.origin?.kind === 'state' ? 'restoring' : 'booting')
  else progress?.clear()
  let isInLine = false
  const pass = showsConsole ? passTo(process.stdout, progress) : isSession ? progress?.saw : undefined
  const drawn = showsConsole
    ? showScreenLines((line) => {
        progress?.clear()
        // The guest may be in the middle of a line of its console.
        if (isInLine) output.raw('\n')
        isInLine = false
        output.print(`${output.colors.dim('screen │')} ${line}`)
      })
    : undefined
  const run = startRun(planned, {
    ...common,
    onEvent: (event) => {
      common.onEvent?.(event)
      drawn?.(event)
    },
    // With this process's input and output, or on its terminal.
    leavesCommands: true,
    endsWhenHalted: true,
    ...(pass
      ? {
          onConsole: (_name: string, chunk: Buffer) => {
            isInLine = chunk.at(-1) !== 0x0a
            pass(chunk)
          },
        }
      : {}),
  })
  const copies = copiesOf(options)
  const uncopied = await followGuest(run, argv, { isSession, showsConsole, copies }, following)
  const result = await run.done
  progress?.clear()
  if (uncopied.length > 0) output.error(formatDiagnostics(uncopied, output.errorPage))
  output.json(result)
  const [own] = result.guests
  if (options.states === true)
    for (const { code, what } of own?.result?.diagnostics ?? [])
      if (code === 'STATE_NOT_SAVED') output.note(`not saved: ${what}`)
  if (!output.isJson && options.events !== true && own?.result)
    reportRun(guest, { ...own.result, ...ofRun(result) }, { isCommand, isSession }, output)
  // A guest that crashed or timed out has no code of its own: the verdict's counts.
  const code = options.exitCode === 'guest' ? (own?.result?.guestCode ?? result.exitCode) : result.exitCode
  return code === 0 && uncopied.length > 0 ? EXIT_CODES.failed : code
}

/**
 * @returns What was not copied out of the guest.
 * @throws BringupError with what kept the guest from starting, where that is not its result
 */
async function followGuest(
  run: Run,
  argv: readonly string[],
  {
    isSession,
    showsConsole,
    copies,
  }: { readonly isSession: boolean; readonly showsConsole: boolean; readonly copies: Copies },
  { invocation: { options, output }, progress }: Following,
): Promise<readonly Diagnostic[]> {
  let uncopied = missedCopies(copies)
  const guest = await run.guest(run.plan.guests[0]?.guest ?? '').catch((error: unknown) => {
    progress?.clear()
    if (error instanceof LaunchError) return undefined
    throw error
  })
  if (!guest || !(await fill(guest, copies))) return uncopied
  if (guest.gdb) {
    progress?.clear()
    sayGdb(guest, output)
  }
  const beforeEnd = async () => {
    uncopied = await copyAllOut(guest, copies)
  }
  if (isSession && progress)
    await runOnTerminal(guest, argv, {
      progress,
      cwd: placeInGuest(guest),
      mayRestart: options.reboots === true,
      beforeEnd,
    })
  else if (argv.length > 0) await runCommand(guest, argv, output, beforeEnd)
  else await followConsole(guest, showsConsole)
  return uncopied
}

/** Copies what the command needs; false where the guest has ended meanwhile. */
async function fill(guest: Guest, copies: Copies): Promise<boolean> {
  try {
    await copyAllIn(guest, copies)
    return true
  } catch (error) {
    if (error instanceof BringupError && error.code === 'SHELL_ENDED') return false
    await guest.close()
    throw error
  }
}

/** What the header calls it: the profile's name for it, the kernel's file, or the machine. */
function nameOfBooted({ plan, boots }: PlannedGuest): string {
  const { kernel } = plan.machine.boot
  return boots ?? (kernel === undefined ? `${plan.name} (${plan.profile})` : basename(kernel))
}

/** What counts for the process: the guest's own result may be a pass although the run has failed. */
function ofRun({ verdict, exitCode, meaning, diagnostics, folder }: RunResult) {
  return { verdict, exitCode, meaning, diagnostics, folder }
}
