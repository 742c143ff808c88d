/** `bringup state list`: the saved states of this user. */

import { distinct } from '../../../distinct.ts'
import { plural } from '../../../plural.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { type KeptState, keptStates } from '../../../states/kept.ts'
import { namedStates } from '../../../states/named.ts'
import { statesFolder } from '../../../states/origin.ts'
import type { RackState } from '../../../states/rack-record.ts'
import type { StateRecord } from '../../../states/record.ts'
import { formatRoundBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import type { StateView } from '../../shapes/states.ts'
import { formatTable } from '../../table.ts'

export const list: Command = {
  summary: 'list the saved states',
  examples: [
    { command: 'bringup state list', says: 'machine or rack, size and last use of each' },
    { command: "bringup state list --json | jq -r '.states[].key'", says: 'the keys alone' },
  ],
  run,
}

async function run({ output, project }: Invocation): Promise<number> {
  const named = namedStates((await project()).stateFolder)
  const states = [...named, ...keptStates(statesFolder(cacheFolder()))]
  output.json({ states: states.map(stateView) })
  if (output.isJson) return 0
  if (states.length === 0) output.note('No saved states. A run with a command after `--` saves its guest.')
  else
    output.print(
      formatTable(
        ['state', 'machine or rack', 'profile', 'QEMU', 'size', 'last used'],
        states.map(({ key, record, rack, damage, bytes, usedAt }) => [
          named.some((one) => one.key === key) ? key : key.slice(0, 8),
          rack ? rackText(rack) : (record?.machine ?? ''),
          ofGuests(rack, ({ profile }) => profile) ?? record?.profile ?? '',
          ofGuests(rack, ({ qemu }) => qemu.version) ??
            record?.qemu.version ??
            output.colors.red(damage ?? ''),
          formatRoundBytes(bytes),
          new Date(usedAt).toISOString().slice(0, 19).replace('T', ' '),
        ]),
        output,
      ),
    )
  return 0
}

/** Name of a rack, and what it consists of. */
export function rackText({ record: { rack, guests, networks, memories } }: RackState): string {
  const parts = [
    plural(guests.length, 'guest'),
    ...(networks.length === 0 ? [] : [plural(networks.length, 'network')]),
    ...(memories.length === 0 ? [] : [plural(memories.length, 'shared memory', 'shared memories')]),
  ]
  return `${rack} (${parts.join(', ')})`
}

/** What the guests of a rack have, each once. */
const ofGuests = (rack: RackState | undefined, of: (guest: StateRecord) => string): string | undefined =>
  rack && distinct(rack.guests.map(({ record }) => of(record))).join(', ')

/** A state as JSON: times in ISO 8601. */
export function stateView({ key, folder, bytes, usedAt, record, rack, damage }: KeptState): StateView {
  return {
    key,
    folder,
    bytes,
    usedAt: new Date(usedAt).toISOString(),
    ...(record
      ? {
          machine: record.machine,
          profile: record.profile,
          qemu: record.qemu,
          made: record.made,
          moment: record.moment,
        }
      : {}),
    ...(rack ? rackView(rack) : {}),
    ...(damage === undefined ? {} : { damage }),
  }
}

function rackView({ record, guests }: RackState): Partial<StateView> {
  const { rack, made, networks, memories, keepsFrames, frames } = record
  return {
    rack,
    made,
    guests: guests.map(({ record: { machine, profile, qemu } }, index) => ({
      name: record.guests[index]?.name ?? '',
      machine,
      profile,
      qemu,
    })),
    networks,
    memories: memories.map(({ resource }) => resource),
    keepsFrames,
    frames: Object.values(frames).flat().length,
  }
}
