/** `bringup run`: boots a kernel on a machine, and says how it went. */
import { basename } from 'node:path'
import { BringupError, isClean } from '../../diagnostics.ts'
import type { Guest } from '../../guest/guest.ts'
import { LaunchError, launchPlan } from '../../guest/launch.ts'
import { foldersOf, inGuest } from '../../machine/devices/folder-schema.ts'
import { viewOf } from '../../machine/machine.ts'
import type { Plan } from '../../plan/plan.ts'
import { type Planned, type PlanningRequest, planOnly, planRun } from '../../project/planning.ts'
import { quoteCommand } from '../../quote.ts'
import type { RunResult } from '../../runs/record.ts'
import { type BootProgress, showBootProgress } from '../boot-progress.ts'
import { profileOptions, profileWords } from '../build-options.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { formatDiagnostics } from '../errors.ts'
import { sayGdb } from '../gdb-lines.ts'
import { isAtTerminal, runOnTerminal } from '../guest-terminal.ts'
import { MACHINE_OPTIONS } from '../machine-options.ts'
import type { Output } from '../output.ts'
import { isPiped, typeInto } from '../piped-input.ts'
import { requestOf } from '../plan-invocation.ts'
import { reportRun } from '../run-report.ts'
import { attachTerminal } from '../terminal.ts'
import { guardTerminal } from '../terminal-modes.ts'
import { UNTIL_OPTIONS } from '../until-options.ts'

/** Every option but those of the profile. */
const RUN_OPTIONS: readonly OptionSpec[] = [
  ...MACHINE_OPTIONS,
  ...UNTIL_OPTIONS,
  { flags: '--no-build', description: 'boot what was built before' },
  {
    flags: '--verify',
    description: 'compare what the guest saw with what was asked (the default for the probe kernel)',
  },
  { flags: '--no-verify', description: 'do not compare' },
  { flags: '--console', description: 'show the console even where a report is printed instead' },
  { flags: '--quiet', description: 'show no console' },
  { flags: '-v, --verbose', description: 'show every command of the build, and that of QEMU' },
  {
    flags: '--exit-code <of>',
    description: 'end with the code of the verdict (the default), or with what the guest itself said',
    choices: ['verdict', 'guest'],
  },
  { flags: '--reboots', description: 'let the guest reset itself, instead of ending the run then' },
]

export const command: Command = {
  summary: 'boot a kernel on a machine and say how it went',
  description:
    'Checks the description, starts QEMU, follows the console, compares what the guest saw with what was asked, and keeps a record.\n' +
    'On a terminal the console is yours: Ctrl-A X ends the guest, Ctrl-A H shows more keys. A Linux guest opens a shell there, and runs a command after `--` on a terminal of its own.\n' +
    'What is piped in is typed into the console, or read by the command after `--`; its end does not end the guest.',
  options: RUN_OPTIONS,
  moreOptions: (peek) => profileOptions(peek, RUN_OPTIONS),
  rewrite: (peek, words) => profileWords(peek, words, 'run'),
  examples: [
    { command: 'bringup run', says: 'boot the default machine' },
    { command: 'bringup run --cores 4 --numa 2 --nvdimm 256M,node=1', says: 'a machine said by flags alone' },
    { command: 'bringup run --kernel out/kernel.elf --timeout 20s', says: 'a kernel of your own' },
    {
      command: "bringup run --kernel out/kernel.elf --until 'All tests passed'",
      says: 'a text that is the pass',
    },
    { command: 'bringup run --profile linux', says: 'a shell in a Linux guest' },
    {
      command: 'bringup run --kernel out/kernel.elf --gdb',
      says: 'stopped at the first instruction, for gdb',
    },
    { command: 'bringup run --json', says: 'the result for a program' },
    { command: 'bringup run < keys.txt', says: 'a file typed into the console' },
  ],
  rest: 'command for the guest',
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { options, output } = invocation
  const asked = await requestOf(invocation, RUN_OPTIONS)
  const progress = isAtTerminal(output) && options.quiet !== true ? showBootProgress(output) : undefined
  try {
    return await runRequest(
      invocation,
      progress ? { ...asked, progress: progress.preparing } : asked,
      progress,
    )
  } finally {
    progress?.clear()
  }
}

async function runRequest(
  { options, output, rest, signal }: Invocation,
  request: PlanningRequest,
  progress: BootProgress | undefined,
): Promise<number> {
  // What is wrong with the description is said before anything is built, fetched or made for it.
  const early = await planOnly(request)
  refuseWrong(early.plan)
  const buildMs =
    options.build === false
      ? undefined
      : await build(request, output, { isVerbose: options.verbose === true, progress })
  const isReady = buildMs === undefined && early.plan.pending.length === 0
  const planned = { ...(isReady ? early : await planRun(request)), project: request.project }
  const findings = planned.plan.diagnostics.filter((d) => d.severity === 'warning')
  if (findings.length > 0 || options.verbose === true) progress?.clear()
  if (findings.length > 0) output.note(`${formatDiagnostics(findings, output.errorColors)}\n`)
  if (options.verbose === true) output.note(quoteCommand(planned.plan.argv).join(' '))
  const argv = rest?.length
    ? rest
    : request.terminal === true
      ? (planned.profile.terminalCommand?.() ?? [])
      : []
  const isCommand = argv.length > 0
  const isSession = isCommand && request.terminal === true && planned.profile.hasShell
  const showsConsole =
    !output.isJson &&
    options.quiet !== true &&
    (options.console === true || !(isCommand || planned.profile.verifiesByDefault))
  if (isSession || showsConsole) progress?.boots(nameOfBooted(planned))
  else progress?.clear()
  const started = await launchPlan(planned.plan, {
    stateFolder: planned.project.stateFolder,
    facts: planned.facts,
    profile: planned.profile,
    signal,
    ...(typeof options.verify === 'boolean' ? { verify: options.verify } : {}),
    allowReboot: options.reboots === true,
    ...(buildMs === undefined ? {} : { buildMs }),
    ...(showsConsole ? { onConsole: passTo(process.stdout, progress) } : {}),
    ...(isSession && progress ? { onConsole: progress.saw } : {}),
  }).catch((error: unknown) => {
    progress?.clear()
    if (error instanceof LaunchError) return error.result
    throw error
  })
  if (!('verdict' in started) && started.gdb) {
    progress?.clear()
    sayGdb(started, output)
  }
  const result =
    'verdict' in started
      ? started
      : isSession && progress
        ? await runOnTerminal(started, argv, {
            progress,
            cwd: placeInGuest(started),
            mayRestart: options.reboots === true,
          })
        : isCommand
          ? await runCommand(started, argv, output)
          : await follow(started, showsConsole)
  progress?.clear()
  output.json(result)
  if (!output.isJson) reportRun(planned, result, { isCommand, isSession }, output)
  // A guest that crashed or timed out has no code of its own: the verdict's counts.
  return options.exitCode === 'guest' ? (result.guestCode ?? result.exitCode) : result.exitCode
}

/** What the header calls it: the profile's name for it, the kernel's file, or the machine. */
function nameOfBooted({ plan, boots }: Planned): string {
  const { kernel } = plan.machine.boot
  return boots ?? (kernel === undefined ? `${plan.name} (${plan.profile})` : basename(kernel))
}

/** @throws BringupError with every error of the plan */
function refuseWrong({ diagnostics }: Plan): void {
  if (!isClean(diagnostics)) throw new BringupError(diagnostics.filter((d) => d.severity === 'error'))
}

/**
 * Builds what is to boot, and says how long that took; nothing where the profile has nothing to build.
 *
 * @throws BringupError when the build failed: nothing is booted then
 */
async function build(
  request: PlanningRequest,
  output: Output,
  { isVerbose, progress: boot }: { readonly isVerbose: boolean; readonly progress: BootProgress | undefined },
): Promise<number | undefined> {
  const { showBuild } = await import('../build-progress.ts')
  const { buildProject } = await import('../../project/building.ts')
  const progress = showBuild(output, { isVerbose })
  const result = await buildProject({
    ...request,
    isVerbose,
    onEvent: (event) => {
      boot?.clear()
      progress.onEvent(event)
    },
    hasColors: !output.isJson && output.errorColors.isColorSupported,
  })
  if (!result) return undefined
  if (result.result === 'built') return result.totalMs
  request.signal?.throwIfAborted()
  throw new BringupError(output.isJson ? result.diagnostics : progress.remaining(result))
}

async function follow(guest: Guest, isInteractive: boolean): Promise<RunResult> {
  const detach = attach(guest, isInteractive)
  try {
    return await guest.done
  } finally {
    detach()
  }
}

/** A terminal is tied to a console that is shown; what is piped in is typed, shown or not. */
function attach(guest: Guest, isInteractive: boolean): () => void {
  if (isPiped()) return typeInto(guest, process.stdin)
  if (!isInteractive) return () => {}
  return attachTerminal(process.stdin, {
    send: (bytes) => guest.console.write(bytes),
    end: () => void guest.interrupt(),
    reset: () => void guest.reboot().catch(() => {}),
    say: (text) => void process.stdout.write(text),
  })
}

/** This folder as the guest sees it; undefined where it is not shared. */
function placeInGuest({ plan }: Guest): string | undefined {
  return inGuest(process.cwd(), foldersOf(viewOf(plan.name, plan.machine)))
}

/** What is piped in is the command's input, its output is this process's output, its exit code this process's. */
async function runCommand(guest: Guest, argv: readonly string[], output: Output): Promise<RunResult> {
  const live = output.isJson
    ? {}
    : {
        onStdout: passTo(process.stdout),
        onStderr: passTo(process.stderr),
      }
  try {
    const cwd = placeInGuest(guest)
    const { exitCode } = await guest.run(argv, {
      ...live,
      ...(cwd === undefined ? {} : { cwd }),
      ...(isPiped() ? { stdin: process.stdin } : {}),
    })
    return await guest.endWith(exitCode)
  } catch {
    // The guest ended first: its verdict says why.
    return guest.done
  } finally {
    // An input that never ends would keep this process.
    if (isPiped()) process.stdin.destroy()
  }
}

/** What the guest says, as it is: the terminal is the guest's until it ends, and is put back then. */
function passTo(stream: NodeJS.WriteStream, progress?: BootProgress): (chunk: Uint8Array) => void {
  const watch = guardTerminal(stream)
  return (chunk) => {
    progress?.clear()
    watch?.(chunk)
    stream.write(chunk)
  }
}
