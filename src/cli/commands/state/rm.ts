/** `bringup state rm`: deletes saved states. */
import { cacheFolder } from '../../../project/cache-folder.ts'
import { findStates, removeState } from '../../../states/kept.ts'
import { namedStates } from '../../../states/named.ts'
import { statesFolder } from '../../../states/origin.ts'
import type { Command, Invocation } from '../../command.ts'
import { rackText } from './list.ts'

export const rm: Command = {
  summary: 'delete saved states',
  description: 'Deletes nothing if a key is unknown. The next run of such a machine boots and saves again.',
  arguments: [{ name: '<state...>', description: 'keys, unique prefixes, or names', from: 'states' }],
  examples: [
    { command: 'bringup state rm 5f3a', says: 'the state whose key starts with 5f3a' },
    { command: 'bringup state rm cluster', says: 'a named state, of a guest or of a rack' },
  ],
  run,
}

async function run({ args, output, project }: Invocation): Promise<number> {
  const named = namedStates((await project()).stateFolder)
  const deleted: string[] = []
  let bytes = 0
  for (const state of findStates(statesFolder(cacheFolder()), args, named)) {
    await removeState(state)
    deleted.push(state.key)
    bytes += state.bytes
    output.print(`deleted ${state.key}${state.rack ? `: ${rackText(state.rack)}` : ''}`)
  }
  output.json({ deleted, bytes })
  return 0
}
