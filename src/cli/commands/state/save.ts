/** `bringup state save`: saves a running guest or rack under a name. */
import * as z from 'zod'
import { plural } from '../../../plural.ts'
import { callRun } from '../../../runs/control-client.ts'
import type { ControlRequest } from '../../../runs/control-protocol.ts'
import { formatRoundBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { type FoundGuest, type FoundRack, RUN_OPTION, targetThatRuns } from '../../find-guest.ts'
import { requireName } from '../../given-name.ts'
import { usageError } from '../../usage.ts'

export const save: Command = {
  summary: 'save a guest or a rack of a run that was started with `run -d`',
  description:
    'Pauses the guest briefly; it continues afterwards. Guests of a rack are paused and saved at one moment, with their networks. The state stays in the project until `bringup state rm` deletes it.',
  arguments: [
    {
      name: '[target]',
      description: 'name of a guest or of a run; a run of a rack is saved whole (default: the newest run)',
      from: 'running',
    },
  ],
  options: [
    RUN_OPTION,
    { flags: '--name <name>', description: 'name of the state (default: that of the guest or the rack)' },
    {
      flags: '--frames <what>',
      description:
        'frames between guests of a rack that were sent and not received: drop (default) or keep, for the forks',
      choices: ['keep', 'drop'],
    },
  ],
  examples: [
    { command: 'bringup run -d --name db --profile linux', says: 'start a guest, and fill its database' },
    { command: 'bringup state save db --name filled', says: 'save it' },
    { command: 'bringup state fork filled -- ./test.sh', says: 'test on a copy, as often as wanted' },
    { command: 'bringup run -d --rack pair --name shop', says: 'start a rack' },
    {
      command: 'bringup state save shop --name cluster --frames keep',
      says: 'save all of its guests at one moment, with the frames between them',
    },
  ],
  run,
}

const savedSchema = z.object({
  saved: z.object({
    name: z.string(),
    folder: z.string(),
    bytes: z.int(),
    rack: z.string().optional(),
    guests: z.array(z.string()).optional(),
    networks: z.array(z.string()).optional(),
    frames: z.int().optional(),
  }),
})

async function run({ args, options, output, project, signal }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const found = targetThatRuns(stateFolder, { wanted: args[0], run: options.run })
  const name = typeof options.name === 'string' ? options.name : 'rack' in found ? found.rack : found.guest
  requireName('--name', name)
  const request = requestFor(found, name, options.frames)
  const { saved } = savedSchema.parse(await callRun(found.run, request, { signal }).done)
  output.json(saved)
  if (output.isJson) return 0
  const { guests, networks = [], frames = 0, bytes } = saved
  const parts = guests
    ? [
        plural(guests.length, 'guest'),
        ...(networks.length === 0 ? [] : [plural(networks.length, 'network')]),
        ...(options.frames === 'keep' ? [plural(frames, 'frame')] : []),
      ]
    : []
  output.print(`${saved.name} saved, ${[...parts, formatRoundBytes(bytes)].join(', ')}`)
  return 0
}

/** @throws usage error for --frames with a guest */
function requestFor(found: FoundGuest | FoundRack, name: string, frames: unknown): ControlRequest {
  if ('rack' in found) return { op: 'save', name, frames: frames === 'keep' ? 'keep' : 'drop' }
  if (frames !== undefined)
    throw usageError(
      `--frames is for racks, and "${found.guest}" is a guest`,
      'name the run of the rack, or omit --frames',
    )
  return { op: 'save', guest: found.guest, name }
}
