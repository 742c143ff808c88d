/** `bringup state save`: saves a running guest under a name. */
import * as z from 'zod'
import { callRun } from '../../../runs/control-client.ts'
import { formatRoundBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { guestThatRuns, RUN_OPTION } from '../../find-guest.ts'
import { requireName } from '../../given-name.ts'

export const save: Command = {
  summary: 'save a guest of a run that was started with `run -d`',
  description:
    'Pauses the guest briefly; it continues afterwards. The state stays in the project until `bringup state rm` deletes it.',
  arguments: [
    {
      name: '[guest]',
      description: 'name of the guest, or of a run with one guest (default: the only guest)',
    },
  ],
  options: [
    RUN_OPTION,
    { flags: '--name <name>', description: 'name of the state (default: that of the guest)' },
  ],
  examples: [
    { command: 'bringup run -d --name db --profile linux', says: 'start a guest, and fill its database' },
    { command: 'bringup state save db --name filled', says: 'save it' },
    { command: 'bringup state fork filled -- ./test.sh', says: 'test on a copy, as often as wanted' },
  ],
  run,
}

const savedSchema = z.object({
  saved: z.object({ name: z.string(), folder: z.string(), bytes: z.int() }),
})

async function run({ args, options, output, project, signal }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const found = guestThatRuns(stateFolder, { wanted: args[0], run: options.run })
  const name = typeof options.name === 'string' ? options.name : found.guest
  requireName('--name', name)
  const answer = await callRun(found.run, { op: 'save', guest: found.guest, name }, { signal }).done
  const { saved } = savedSchema.parse(answer)
  output.json(saved)
  if (!output.isJson) output.print(`${saved.name} saved, ${formatRoundBytes(saved.bytes)}`)
  return 0
}
