/** `bringup state fork`: a new guest or rack from a named state. */
import { runOfOne } from '../../../plan/run-plan.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import type { Project } from '../../../project/project.ts'
import { replanGuest } from '../../../project/saved-plan.ts'
import { refuseCommand } from '../../../project/selection.ts'
import { type RunOptions, startRun } from '../../../runs/run.ts'
import { findNamed, isRackFolder, readNamed, refuseOther } from '../../../states/named.ts'
import { forkOf } from '../../../states/origin.ts'
import type { Command, Invocation } from '../../command.ts'
import { DETACH_OPTIONS, isSupervised } from '../../detach-options.ts'
import { FORK_END_OPTIONS, type ForkEnds, forkEndsOf, withForkEnds } from '../../fork-ends.ts'
import { requireName } from '../../given-name.ts'
import { isAtTerminal } from '../../guest-terminal.ts'
import { runGuest } from '../../run-guest.ts'
import { typedCommand } from '../../typed-command.ts'
import { usageError } from '../../usage.ts'

export const fork: Command = {
  summary: 'start a guest or a rack from a state that was saved with `state save`',
  description:
    'Memory, stores and networks are private copies: writes are lost when the fork ends, and forks do not reach each other.\n' +
    'With a command, the exit code of bringup is that of the command. A fork of a rack runs the command in the guest that --on names, and ends with it. Commands of the rack’s description are not started again.',
  arguments: [{ name: '<name>', description: 'name of the state', from: 'named states' }],
  options: [
    { flags: '--on <guest>', description: 'guest of the rack that runs the command' },
    { flags: '--same', description: 'keep clock and random numbers of the saved guests, equal in all forks' },
    { flags: '--console', description: 'show the console even if a report replaces it' },
    { flags: '--quiet', description: 'do not show the console' },
    ...FORK_END_OPTIONS,
    ...DETACH_OPTIONS,
  ],
  examples: [
    { command: 'bringup state fork filled -- ./test.sh', says: 'a command in a fork of a guest' },
    {
      command: "bringup state fork filled --until 'ready' --timeout 2m",
      says: 'a fork that ends once its console shows the text',
    },
    {
      command: 'bringup state fork cluster --on client -- wget -qO- http://server/',
      says: 'a command in one guest of a fork of a rack',
    },
    {
      command: 'bringup state fork cluster -d --name test',
      says: 'a fork in the background, for `bringup exec` and `bringup stop`',
    },
  ],
  rest: 'command for the guest',
  run,
}

/** A fork that is about to start. */
export interface Forking {
  readonly invocation: Invocation
  readonly project: Project
  readonly name: string
  readonly folder: string
  readonly common: RunOptions
  readonly ends: ForkEnds
}

async function run(invocation: Invocation): Promise<number> {
  const { args, options, output, signal } = invocation
  if (typeof options.name === 'string') requireName('--name', options.name)
  const ends = forkEndsOf(options)
  const project = await invocation.project()
  const { stateFolder } = project
  if (options.detach === true) {
    const { detach } = await import('../../detach.ts')
    return detach(process.argv.slice(2), { stateFolder, output, signal })
  }
  const [name = ''] = args
  const folder = findNamed(stateFolder, name)
  const common: RunOptions = {
    stateFolder,
    signal,
    ...(typeof options.name === 'string' ? { label: options.name } : {}),
    command: typedCommand(process.argv.slice(2), process.cwd()),
  }
  const forking = { invocation, project, name, folder, common, ends }
  if (!isRackFolder(folder)) return forkGuest(forking)
  const { forkNamedRack } = await import('../../fork-named-rack.ts')
  return forkNamedRack(forking)
}

async function forkGuest({ invocation, project, name, folder, common, ends }: Forking): Promise<number> {
  const { options, output, rest = [], signal } = invocation
  const named = readNamed(folder, name)
  if (typeof options.on === 'string')
    throw usageError(`--on is for states of racks, and "${name}" is that of a guest`, 'omit --on')
  const planned = await replanGuest(named.plan, { project, signal })
  refuseCommand(planned.profile, rest)
  const isSeen = isAtTerminal(output) || options.console === true || isSupervised(options)
  if (rest.length === 0 && planned.profile.hasShell && !isSeen && ends.until.length === 0)
    throw usageError(
      'the fork has no command, and there is no terminal for a shell',
      `give a command: bringup state fork ${name} -- COMMAND`,
    )
  refuseOther(named, { cache: cacheFolder(), firmware: planned.facts.qemu?.dataFolders ?? [] })
  const forked = forkOf({ ...named, isSame: options.same === true })
  const { timeoutMs } = planned.plan
  const plan = withForkEnds({ ...forked, command: rest, timeoutMs }, ends)
  const guest = { ...planned, plan }
  const run = { plan: runOfOne(plan), guests: [guest] }
  if (isSupervised(options)) {
    const { runRack } = await import('../../run-rack.ts')
    return (await runRack(run.plan, (shown) => startRun(run, { ...shown, ...common }), invocation)).exitCode
  }
  const isAboutConsole = options.console === true || options.quiet === true || ends.until.length > 0
  const terminal = isAtTerminal(output) && !isAboutConsole
  return runGuest(run, guest, {
    common,
    invocation,
    request: { project, terminal, signal },
    progress: undefined,
  })
}
