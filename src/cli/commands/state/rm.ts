/** `bringup state rm`: deletes saved states. */
import { cacheFolder } from '../../../project/cache-folder.ts'
import { findStates, removeState } from '../../../states/kept.ts'
import { namedStates } from '../../../states/named.ts'
import { statesFolder } from '../../../states/origin.ts'
import type { Command, Invocation } from '../../command.ts'

export const rm: Command = {
  summary: 'delete saved states',
  description: 'Deletes nothing if a key is unknown. The next run of such a machine boots and saves again.',
  arguments: [{ name: '<state...>', description: 'keys, unique prefixes, or names', from: 'states' }],
  examples: [{ command: 'bringup state rm 5f3a', says: 'the state whose key starts with 5f3a' }],
  run,
}

async function run({ args, output, project }: Invocation): Promise<number> {
  const named = namedStates((await project()).stateFolder)
  const deleted: string[] = []
  for (const state of findStates(statesFolder(cacheFolder()), args, named)) {
    await removeState(state)
    deleted.push(state.key)
    output.print(`deleted ${state.key}`)
  }
  output.json({ deleted })
  return 0
}
