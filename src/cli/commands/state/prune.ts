/** `bringup state prune`: keeps within a budget. */

import { plural } from '../../../plural.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { BUDGET, pruneStates } from '../../../states/kept.ts'
import { statesFolder } from '../../../states/origin.ts'
import { formatBytes, formatRoundBytes, parseBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { usageError } from '../../usage.ts'

export const prune: Command = {
  summary: 'delete the states that were unused for the longest time',
  description: `What cannot be used goes first. Every run that saves a guest keeps within ${formatBytes(BUDGET)} by itself.`,
  options: [
    { flags: '--keep <size>', description: `what may stay (default: ${formatBytes(BUDGET)}); 0 for nothing` },
  ],
  examples: [
    { command: 'bringup state prune --keep 1G', says: 'until the rest takes 1 GiB at most' },
    { command: 'bringup state prune --keep 0', says: 'all that no guest uses' },
  ],
  run,
}

async function run({ options, output }: Invocation): Promise<number> {
  const budget = typeof options.keep === 'string' ? sizeOf(options.keep) : BUDGET
  const removed = await pruneStates(statesFolder(cacheFolder()), budget)
  const bytes = removed.reduce((sum, state) => sum + state.bytes, 0)
  output.json({ deleted: removed.map(({ key }) => key), bytes })
  if (!output.isJson) output.print(`${plural(removed.length, 'state')} deleted, ${formatRoundBytes(bytes)}`)
  return 0
}

function sizeOf(text: string): number {
  const bytes = text === '0' ? 0 : parseBytes(text)
  if (bytes === undefined) throw usageError(`--keep ${text} is no size`, 'give one, such as 1G')
  return bytes
}
