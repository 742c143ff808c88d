/** `bringup run`: boots a machine or a rack, and says how it went. */
import { EXIT_CODES } from '../../guest/verdict.ts'
import type { Origin } from '../../plan/plan.ts'
import type { PlannedRun, RunRequest } from '../../project/run-planning.ts'
import { savedForCommand } from '../../project/saved-guest.ts'
import { quoteCommand } from '../../quote.ts'
import { eventLine } from '../../runs/events.ts'
import { type RunOptions, startRun } from '../../runs/run.ts'
import { type BootProgress, showBootProgress } from '../boot-progress.ts'
import { planAndBuild } from '../build-first.ts'
import { profileOptions, profileWords } from '../build-options.ts'
import { type Command, type Invocation, inGroup, type OptionSpec } from '../command.ts'
import { COPY_OPTIONS, copiesOf } from '../copy-options.ts'
import { DETACH_OPTIONS, isSupervised, STAYS_MS } from '../detach-options.ts'
import { formatDiagnostics } from '../errors.ts'
import { requireName } from '../given-name.ts'
import { isAtTerminal } from '../guest-terminal.ts'
import { GROUPS, MACHINE_OPTIONS } from '../machine-options.ts'
import type { Output } from '../output.ts'
import { requestOf } from '../plan-invocation.ts'
import { RACK_OPTION, refuseMachineFlags } from '../rack-option.ts'
import { checkHostRoot, refuseCopies } from '../run-checks.ts'
import { runGuest } from '../run-guest.ts'
import { typedCommand } from '../typed-command.ts'
import { UNTIL_OPTIONS } from '../until-options.ts'
import { usageError } from '../usage.ts'

/** Every option but those of the profile. */
const RUN_OPTIONS: readonly OptionSpec[] = [
  ...inGroup(GROUPS.boot, [
    RACK_OPTION,
    {
      flags: '--plan <file>',
      description: 'run the plan that `plan --json` printed; - reads standard input',
      from: 'files',
    },
    { flags: '--no-build', description: 'boot the last build' },
    { flags: '--fresh', description: 'boot, even if there is a saved state of the machine' },
    {
      flags: '--states',
      description: 'print whether the guest is booted or restored from a saved state, and why',
    },
  ]),
  ...MACHINE_OPTIONS,
  ...inGroup(GROUPS.host, COPY_OPTIONS),
  ...inGroup(GROUPS.verdict, [
    ...UNTIL_OPTIONS,
    {
      flags: '--verify',
      description:
        'compare the hardware that the guest found with the description (default for the probe kernel)',
    },
    { flags: '--no-verify', description: 'do not compare' },
    { flags: '--reboots', description: 'continue after a reset by the guest' },
    {
      flags: '--exit-code <of>',
      description: 'exit with the code of the verdict (default) or of the guest',
      choices: ['verdict', 'guest'],
    },
  ]),
  ...inGroup(GROUPS.output, [
    { flags: '--console', description: 'show the console even if a report replaces it' },
    { flags: '--quiet', description: 'do not show the console' },
    { flags: '--events', description: 'print every event of the run as a line of JSON, and nothing else' },
    { flags: '-v, --verbose', description: 'show the commands of the build and of QEMU' },
  ]),
  ...inGroup('Background runs:', DETACH_OPTIONS),
  { flags: '-y, --yes', description: 'run the commands of a host network that need root without asking' },
]

export const command: Command = {
  summary: 'boot a kernel on a machine or a rack, and report the verdict',
  description:
    'Checks the description, starts QEMU, follows the console, compares the hardware that the guest found with the description, and keeps a record.\n' +
    'On a terminal you get the console: Ctrl-A X ends the guest, Ctrl-A H shows more keys. A Linux guest opens a shell, and a command after `--` gets its own terminal.\n' +
    'Piped input is typed into the console, or read by the command after `--`. The end of the input does not end the guest.',
  options: RUN_OPTIONS,
  moreOptions: (peek) => profileOptions(peek, RUN_OPTIONS),
  rewrite: (peek, words) => profileWords(peek, words, 'run'),
  examples: [
    { command: 'bringup run', says: 'boot the default machine' },
    { command: 'bringup run --cores 4 --numa 2 --nvdimm 256M,node=1', says: 'a machine described by flags' },
    { command: 'bringup run --kernel out/kernel.elf --timeout 20s', says: 'a kernel of your own' },
    {
      command: "bringup run --kernel out/kernel.elf --until 'All tests passed'",
      says: 'pass on a text',
    },
    { command: 'bringup run --profile linux', says: 'a shell in a Linux guest' },
    {
      command: 'bringup run --kernel out/kernel.elf --gdb',
      says: 'stopped at the first instruction, for gdb',
    },
    { command: 'bringup run -d --name db --profile linux', says: 'a background run; see `bringup ps`' },
    {
      command: 'bringup run --profile linux --copy-in data:/data --copy-out /tmp/log:log -- ./test.sh',
      says: 'files in before the command, and out after it',
    },
    {
      command: 'bringup run --profile linux --root host -- python3 -c "print(1)"',
      says: 'with the programs of this computer',
    },
    { command: 'bringup run --rack pair', says: 'several machines in one run' },
    { command: 'bringup run --json', says: 'the result for a program' },
    { command: 'bringup run < keys.txt', says: 'a file typed into the console' },
  ],
  rest: 'command for the guest',
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { ins, outs } = copiesOf(invocation.options)
  if (typeof invocation.options.name === 'string') requireName('--name', invocation.options.name)
  if (invocation.options.detach === true) {
    if (ins.length + outs.length > 0)
      throw usageError('--copy-in and --copy-out do not go with --detach', 'use `bringup cp`')
    const { stateFolder } = await invocation.project()
    const { output, signal } = invocation
    const { detach } = await import('../detach.ts')
    return detach(process.argv.slice(2), { stateFolder, output, signal })
  }
  const { options, output } = invocation
  const asked = await requestOf(invocation, RUN_OPTIONS)
  if (options.events === true && output.isJson) throw usageError('--events and --json exclude each other')
  const showsProgress = isAtTerminal(output) && options.quiet !== true && options.events !== true
  const progress = showsProgress ? showBootProgress(output) : undefined
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
  invocation: Invocation,
  request: RunRequest,
  progress: BootProgress | undefined,
): Promise<number> {
  const { options, output } = invocation
  if (typeof options.plan === 'string') {
    refuseBesidePlan(invocation)
    return runSaved(options.plan, invocation, request, progress)
  }
  const planned = await planAndBuild(request, output, {
    isBuilt: options.build !== false,
    isVerbose: options.verbose === true,
    progress,
  })
  return start({ invocation, request, progress, ...planned })
}

/** @throws usage error for what the plan has decided already, and would be ignored */
function refuseBesidePlan({ options, rest }: Invocation): void {
  const remedy = 'make another plan: `bringup plan --json > plan.json`'
  refuseMachineFlags(options, '--plan runs a machine that is planned already', remedy)
  const flags = { rack: '--rack', until: '--until', untilRegex: '--until-regex' }
  const wrong = Object.entries(flags).find(([key]) => options[key] !== undefined)?.[1]
  if (wrong !== undefined) throw usageError(`--plan is planned already, and ${wrong} would change it`, remedy)
  if (rest !== undefined && rest.length > 0)
    throw usageError(
      `the command is part of the plan, and --plan does not go with "${quoteCommand(rest).join(' ')}"`,
      'run the plan without a command, or plan again with it: `bringup plan --json -- COMMAND > plan.json`',
    )
}

/** Runs the plan in a file, or on standard input. */
async function runSaved(
  path: string,
  invocation: Invocation,
  request: RunRequest,
  progress: BootProgress | undefined,
): Promise<number> {
  const { readSavedPlan } = await import('../../project/saved-plan.ts')
  const { readPlanFile } = await import('../plan-file.ts')
  const planned = await readSavedPlan(await readPlanFile(path), {
    project: request.project,
    signal: invocation.signal,
  })
  return start({ made: planned, invocation, request, progress })
}

/** A run that is about to start. */
interface Start {
  readonly made: PlannedRun
  readonly invocation: Invocation
  readonly request: RunRequest
  readonly progress: BootProgress | undefined
  readonly buildMs?: number
}

async function start({ made, invocation, request, progress, buildMs }: Start): Promise<number> {
  const { options, output, signal } = invocation
  const planned = isSupervised(options) ? staying(made, request, invocation) : forCommand(made, invocation)
  sayFirst(planned, { isVerbose: options.verbose === true }, output, progress)
  const common: RunOptions = {
    stateFolder: request.project.stateFolder,
    signal,
    ...(typeof options.verify === 'boolean' ? { verify: options.verify } : {}),
    allowReboot: options.reboots === true,
    ...(typeof options.name === 'string' ? { label: options.name } : {}),
    ...(buildMs === undefined ? {} : { buildMs }),
    command: typedCommand(process.argv.slice(2), process.cwd()),
    ...(options.events === true ? { onEvent: (event) => output.raw(eventLine(event)) } : {}),
  }
  refuseCopies(planned, invocation)
  if (request.hasHostRoot === true) {
    progress?.clear()
    checkHostRoot(planned, invocation)
  }
  if (planned.plan.isRack || isSupervised(options)) {
    progress?.clear()
    if (!(await mayChangeHost(invocation, planned))) return EXIT_CODES.interrupted
    const { runRack } = await import('../run-rack.ts')
    const { hasTerminal } = await import('../confirm.ts')
    const result = await runRack(
      planned.plan,
      (shown) => startRun(planned, { ...shown, hasTerminal: hasTerminal(), ...common }),
      invocation,
    )
    return result.exitCode
  }
  const [guest] = planned.guests
  if (!guest) throw new Error('a run has a guest')
  return runGuest(planned, guest, { common, invocation, request, progress })
}

/** A guest that runs a command is restored from a saved state if possible. */
function forCommand(made: PlannedRun, { options, output }: Invocation): PlannedRun {
  if (options.fresh === true || typeof options.plan === 'string') return made
  const saved = savedForCommand(made)
  const [guest] = saved.guests
  if (options.states === true && guest?.plan.origin) output.note(originText(guest.plan.origin))
  return saved
}

function originText(origin: Origin): string {
  if (origin.kind === 'state') return `restoring ${origin.because}`
  const end = origin.saves ? '; saving one when the guest is ready' : ''
  return `booting: ${origin.because}${end}`
}

/** A background run: no time-out ends it unless one was given. */
function staying(
  { plan, guests }: PlannedRun,
  { project, rack }: RunRequest,
  { options }: Invocation,
): PlannedRun {
  const given = rack === undefined ? options.timeout : project.racks[rack]?.timeout
  const stays = given === undefined ? { timeoutMs: STAYS_MS } : {}
  const seats = guests.map((one) => ({ ...one, plan: { ...one.plan, ...stays } }))
  return { plan: { ...plan, guests: seats.map((one) => one.plan) }, guests: seats }
}

/** Warnings, and the command with --verbose. */
function sayFirst(
  { plan, guests }: PlannedRun,
  { isVerbose }: { readonly isVerbose: boolean },
  output: Output,
  progress: BootProgress | undefined,
): void {
  const findings = plan.diagnostics.filter((d) => d.severity === 'warning')
  if (findings.length > 0 || isVerbose) progress?.clear()
  if (findings.length > 0) output.note(`${formatDiagnostics(findings, output.errorPage)}\n`)
  const notes = guests.flatMap((guest) => guest.notes ?? [])
  if (notes.length > 0) progress?.clear()
  for (const note of notes) output.note(output.errorColors.dim(note))
  if (isVerbose) for (const { argv } of plan.guests) output.note(quoteCommand(argv).join(' '))
}

/**
 * Whether this computer may be changed where a host network needs root: shown, then asked.
 *
 * @throws BringupError CONFIRMATION_NEEDED without a terminal and without --yes
 */
async function mayChangeHost(invocation: Invocation, { plan }: PlannedRun): Promise<boolean> {
  if (!plan.networks.some(({ host }) => host?.reachable !== undefined)) return true
  const [{ isConfirmed }, { rootCommandsOf }] = await Promise.all([
    import('../confirm.ts'),
    import('../../network/host/preview.ts'),
  ])
  const { options, output } = invocation
  const commands = plan.networks.flatMap(rootCommandsOf)
  const lines = commands.map((argv) => `  ${quoteCommand(argv).join(' ')}`)
  if (options.yes !== true) output.note(`The host networks of this rack need root for:\n${lines.join('\n')}`)
  return isConfirmed(invocation, {
    what: `${commands.length} commands need root; the run takes back what they make`,
    message: 'Run them?',
  })
}
