/** `bringup state list`: the saved states of this user. */
import { cacheFolder } from '../../../project/cache-folder.ts'
import { type KeptState, keptStates } from '../../../states/kept.ts'
import { namedStates } from '../../../states/named.ts'
import { statesFolder } from '../../../states/origin.ts'
import { formatRoundBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { formatTable } from '../../table.ts'

export const list: Command = {
  summary: 'list the saved states',
  examples: [
    { command: 'bringup state list', says: 'machine, size and last use of each' },
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
        ['state', 'machine', 'profile', 'QEMU', 'size', 'last used'],
        states.map(({ key, record, damage, bytes, usedAt }) => [
          named.some((one) => one.key === key) ? key : key.slice(0, 8),
          record?.machine ?? '',
          record?.profile ?? '',
          record?.qemu.version ?? output.colors.red(damage ?? ''),
          formatRoundBytes(bytes),
          new Date(usedAt).toISOString().slice(0, 19).replace('T', ' '),
        ]),
        output,
      ),
    )
  return 0
}

/** A state as JSON: times in ISO 8601. */
export function stateView({ key, folder, bytes, usedAt, record, damage }: KeptState) {
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
    ...(damage === undefined ? {} : { damage }),
  }
}
