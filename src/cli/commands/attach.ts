/** `bringup attach`: the console of a guest of a background run. */
import { callOnTerminal } from '../call-on-terminal.ts'
import type { Command } from '../command.ts'
import { guestThatRuns, RUN_OPTION } from '../find-guest.ts'
import { isAtTerminal } from '../guest-terminal.ts'
import { usageError } from '../usage.ts'

export const command: Command = {
  summary: 'connect this terminal to the console of a guest of a run that was started with `run -d`',
  description: 'Shows the last lines of the console and follows it. Ctrl-A X leaves; the run continues.',
  arguments: [
    {
      name: '[guest]',
      description: 'name of the guest, or of a run with one guest (default: the only guest)',
    },
  ],
  options: [RUN_OPTION],
  examples: [
    { command: 'bringup attach', says: 'the console of the only guest' },
    { command: 'bringup attach server', says: 'the console of the guest called server' },
  ],
  run: async ({ args, options, output, project }) => {
    if (!isAtTerminal(output))
      throw usageError('attach needs a terminal', 'read the console by `bringup logs -f` instead')
    const { stateFolder } = await project()
    const { run, guest } = guestThatRuns(stateFolder, { wanted: args[0], run: options.run })
    return callOnTerminal(run, { op: 'attach', guest })
  },
}
