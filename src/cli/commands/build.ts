/** `bringup build`: builds what a machine boots, and boots nothing. */
import { resolve } from 'node:path'
import { resolveCommand } from '../../build/actions.ts'
import { type BuildAction, type BuildTarget, selectTargets } from '../../build/graph.ts'
import { EXIT_CODES } from '../../guest/verdict.ts'
import { plural } from '../../plural.ts'
import { type BuildingRequest, buildProject, type PlannedBuild, planBuild } from '../../project/building.ts'
import { chooseRun } from '../../project/selection.ts'
import { quoteCommand } from '../../quote.ts'
import { profileOptions, profileWords } from '../build-options.ts'
import { commandText, showBuild } from '../build-progress.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { formatDiagnostics } from '../errors.ts'
import { requestOf } from '../plan-invocation.ts'
import { formatTable } from '../table.ts'
import { usageError } from '../usage.ts'

/** Exit code of a failed build; usage errors have another one. */
const FAILED = 1

const OPTIONS: readonly OptionSpec[] = [
  {
    flags: '-m, --machine <name>',
    description: 'machine that boots the build',
    from: 'machines',
  },
  { flags: '--profile <name>', description: 'operating system profile', from: 'profiles' },
  {
    flags: '-j, --jobs <n>',
    description: 'parallel targets, and jobs of each tool (default: the number of CPUs)',
  },
  { flags: '-v, --verbose', description: 'show every command, with verbose output of the tools' },
  { flags: '-k, --keep-going', description: 'continue with targets that do not depend on a failed one' },
  { flags: '--container', description: 'run the commands in a container that has every build dependency' },
  { flags: '--list', description: 'list the targets, and build nothing' },
  { flags: '--dry-run', description: 'print the commands and files, and build nothing' },
]

export const command: Command = {
  summary: 'build what a machine boots, without booting it',
  description:
    'Independent targets are built in parallel. cargo, make and ninja run every time and find out what is out of date.\n' +
    'The profile defines the targets and adds its own options. A failed build exits with 1.',
  arguments: [
    {
      name: '[target...]',
      description: 'targets to build, with their dependencies (default: what is booted)',
      from: 'targets',
    },
  ],
  options: OPTIONS,
  moreOptions: (peek) => profileOptions(peek, OPTIONS),
  rewrite: (peek, words) => profileWords(peek, words, 'build'),
  examples: [
    { command: 'bringup build', says: 'build what the default machine boots' },
    { command: 'bringup build --list', says: 'what can be built' },
    { command: 'bringup build kernel --verbose', says: 'one target with what it needs, command by command' },
    { command: 'bringup build --container', says: 'build in a container, with nothing installed here' },
    { command: 'bringup build --dry-run', says: 'the commands, ready to paste' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { args, options, output } = invocation
  const isVerbose = options.verbose === true
  const request: BuildingRequest = {
    ...(await requestOf(invocation, OPTIONS)),
    targets: args,
    isVerbose,
    keepsGoing: options.keepGoing === true,
    ...jobsOf(options.jobs),
  }
  if (options.list === true || options.dryRun === true) return show(invocation, request)
  await using session = options.container === true ? await inContainer(invocation, request) : undefined
  const progress = showBuild(output, { isVerbose })
  const result = await buildProject({
    ...request,
    ...(session ? { executor: session.executor } : {}),
    hasColors: !output.isJson && output.errorColors.isColorSupported,
    onEvent: progress.onEvent,
  })
  if (!result) return nothingToBuild(invocation, request)
  output.json(result)
  progress.end(result)
  const wrong = progress.remaining(result)
  if (!output.isJson && wrong.length > 0) output.error(`\n${formatDiagnostics(wrong, output.errorPage)}`)
  if (result.result === 'built') return EXIT_CODES.passed
  return result.result === 'failed' ? FAILED : EXIT_CODES.interrupted
}

/** Loaded only here: a build on this computer needs no engine. */
async function inContainer(invocation: Invocation, request: BuildingRequest) {
  const [{ openSession, startSession }, { containerExecutor }] = await Promise.all([
    import('../container-session.ts'),
    import('../../containers/executor.ts'),
  ])
  const { container, image } = await startSession(await openSession(invocation, request))
  const executor = containerExecutor(container, image)
  return { executor: () => executor, [Symbol.asyncDispose]: () => container[Symbol.asyncDispose]() }
}

async function show(invocation: Invocation, request: BuildingRequest): Promise<number> {
  const { options, output } = invocation
  const planned = await planBuild(request)
  if (!planned) return nothingToBuild(invocation, request)
  const { graph } = planned
  const selected = selectTargets(
    graph,
    options.list === true && invocation.args.length === 0 ? graph.targets.map((t) => t.id) : invocation.args,
  )
  output.json({ profile: planned.profile.name, folder: request.project.folder, targets: selected })
  if (output.isJson) return EXIT_CODES.passed
  if (options.list === true) list(planned, selected, invocation)
  else for (const text of selected.flatMap((t) => commandsOf(t, request.project.folder))) output.print(text)
  return EXIT_CODES.passed
}

function list({ graph }: PlannedBuild, targets: readonly BuildTarget[], { output }: Invocation): void {
  const isDefault = (id: string) => graph.defaultTargets === undefined || graph.defaultTargets.includes(id)
  const rows = targets.map((t) => [
    isDefault(t.id) ? output.colors.bold(t.id) : t.id,
    (t.needs ?? []).join(' ') || '-',
    t.summary,
  ])
  output.print(formatTable(['target', 'needs', ''], rows, output))
}

/** A target as lines for a shell; what bringup does itself is a comment. */
function commandsOf(target: BuildTarget, folder: string): readonly string[] {
  return [
    `# ${target.id}: ${target.summary}`,
    ...target.actions.flatMap((action) => actionLines(action, folder)),
  ]
}

function actionLines(action: BuildAction, folder: string): readonly string[] {
  const path = (to: string) => quoteCommand([resolve(folder, to)]).join('')
  if (action.kind === 'command') {
    const command = resolveCommand(action, { folder, env: {} })
    return [`(cd ${path(command.cwd)} && ${commandText(command)})`]
  }
  if (action.kind === 'image') return [`# make the image ${path(action.to)} (${action.image.kind})`]
  if (action.kind === 'check')
    return [`# check ${plural(action.lines.length, 'line')} of ${path(action.file)}`]
  const files = action.kind === 'file' ? { '': action.source } : action.files
  return Object.entries(files).map(([name, source]) => {
    const to = path(name === '' ? action.to : `${action.to}/${name}`)
    return 'from' in source
      ? `install -D -m ${(source.mode ?? 0o644).toString(8)} ${path(source.from)} ${to}`
      : `# write ${to}`
  })
}

async function nothingToBuild({ output }: Invocation, request: BuildingRequest): Promise<number> {
  const { profile } = await chooseRun(request)
  output.json({ profile: profile.name, targets: [] })
  output.note(
    `Nothing to build: profile ${profile.name} has no build. \`bringup init\` writes a config for a source tree.`,
  )
  return EXIT_CODES.passed
}

/** @throws BringupError USAGE */
function jobsOf(value: unknown): { readonly jobs?: number } {
  if (value === undefined) return {}
  if (typeof value === 'string' && /^[1-9]\d{0,4}$/.test(value)) return { jobs: Number(value) }
  throw usageError(`--jobs wants a positive whole number, not "${String(value)}"`)
}
