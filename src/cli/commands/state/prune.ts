/** `bringup state prune`: deletes the least recently used states. */

import { plural } from '../../../plural.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { BUDGET, type KeptState, pruneStates } from '../../../states/kept.ts'
import { isRackFolder, namedStates } from '../../../states/named.ts'
import { statesFolder } from '../../../states/origin.ts'
import { formatBytes, formatRoundBytes, parseBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { usageError } from '../../usage.ts'

export const prune: Command = {
  summary: 'delete the least recently used states',
  description: `Unusable states are deleted first. Every run that saves a guest prunes to ${formatBytes(BUDGET)}. Named states of guests and racks are counted and kept: \`state rm\` deletes them.`,
  options: [
    {
      flags: '--keep <size>',
      description: `disk space to keep (default: ${formatBytes(BUDGET)}); 0 deletes all`,
    },
  ],
  examples: [
    { command: 'bringup state prune --keep 1G', says: 'until the rest fits into 1 GiB' },
    { command: 'bringup state prune --keep 0', says: 'all states that no guest uses' },
  ],
  run,
}

async function run({ options, output, project }: Invocation): Promise<number> {
  const named = totalOf(namedStates((await project()).stateFolder))
  const budget = typeof options.keep === 'string' ? sizeOf(options.keep) : BUDGET
  const removed = await pruneStates(statesFolder(cacheFolder()), budget)
  const bytes = removed.reduce((sum, state) => sum + state.bytes, 0)
  output.json({ deleted: removed.map(({ key }) => key), bytes, named })
  const freed = removed.length === 0 ? '' : `, ${formatRoundBytes(bytes)}`
  if (!output.isJson) output.print(`${plural(removed.length, 'state')} deleted${freed}`)
  const kinds = [
    ...(named.guests === 0 ? [] : [plural(named.guests, 'guest')]),
    ...(named.racks === 0 ? [] : [plural(named.racks, 'rack')]),
  ]
  if (!output.isJson && kinds.length > 0)
    output.note(
      `Kept: named states of ${kinds.join(' and ')}, ${formatRoundBytes(named.bytes)}; \`bringup state rm NAME\` deletes them.`,
    )
  return 0
}

/** Damaged ones are counted as what their folders say. */
function totalOf(states: readonly KeptState[]) {
  const racks = states.filter(({ folder }) => isRackFolder(folder)).length
  const bytes = states.reduce((sum, state) => sum + state.bytes, 0)
  return { guests: states.length - racks, racks, bytes }
}

function sizeOf(text: string): number {
  const bytes = text === '0' ? 0 : parseBytes(text)
  if (bytes === undefined) throw usageError(`--keep ${text} is not a size`, 'give a size, such as 1G')
  return bytes
}
