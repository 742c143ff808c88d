/** `bringup state fork`: a new guest from a named state. */
import { runOfOne } from '../../../plan/run-plan.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { replanGuest } from '../../../project/saved-plan.ts'
import { namedFolder, readNamed, refuseOther } from '../../../states/named.ts'
import { forkOf } from '../../../states/origin.ts'
import type { Command, Invocation } from '../../command.ts'
import { isAtTerminal } from '../../guest-terminal.ts'
import { runGuest } from '../../run-guest.ts'
import { usageError } from '../../usage.ts'

export const fork: Command = {
  summary: 'start a guest from a state that was saved with `state save`',
  description:
    'Memory and stores are private copies: writes are lost when the guest ends. Output and exit code of bringup are those of the command.',
  arguments: [{ name: '<name>', description: 'name of the state' }],
  options: [
    { flags: '--same', description: 'keep clock and random numbers of the saved guest, equal in all forks' },
    { flags: '--console', description: 'show the console even if a report replaces it' },
    { flags: '--quiet', description: 'do not show the console' },
  ],
  examples: [{ command: 'bringup state fork filled -- ./test.sh', says: 'a command in a fork' }],
  rest: 'command for the guest',
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { args, options, output, rest = [], signal } = invocation
  const project = await invocation.project()
  const [name = ''] = args
  const folder = namedFolder(project.stateFolder, name)
  const named = readNamed(folder, name)
  const planned = await replanGuest(named.plan, { project, signal })
  const isSeen = isAtTerminal(output) || options.console === true
  if (rest.length === 0 && planned.profile.hasShell && !isSeen)
    throw usageError(
      'the fork has no command, and there is no terminal for a shell',
      `give a command: bringup state fork ${name} -- COMMAND`,
    )
  refuseOther(named, { cache: cacheFolder(), firmware: planned.facts.qemu?.dataFolders ?? [] })
  const forked = forkOf({ ...named, isSame: options.same === true })
  const plan = { ...forked, command: rest, timeoutMs: planned.plan.timeoutMs }
  const guest = { ...planned, plan }
  const terminal = isAtTerminal(output) && options.console !== true && options.quiet !== true
  return runGuest({ plan: runOfOne(plan), guests: [guest] }, guest, {
    common: { stateFolder: project.stateFolder, signal },
    invocation,
    request: { project, terminal, signal },
    progress: undefined,
  })
}
