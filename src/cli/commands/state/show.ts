/** `bringup state show`: one saved state. */
import { cacheFolder } from '../../../project/cache-folder.ts'
import { findStates } from '../../../states/kept.ts'
import { namedStates } from '../../../states/named.ts'
import { statesFolder } from '../../../states/origin.ts'
import { formatBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import type { StateView } from '../../shapes/states.ts'
import { stateView } from './list.ts'

export const show: Command = {
  summary: 'show a saved state',
  arguments: [{ name: '<state>', description: 'key, a unique prefix, or a name', from: 'states' }],
  examples: [{ command: 'bringup state show 5f3a', says: 'machine or guests, QEMU, folder and size' }],
  run,
}

async function run({ args, output, project }: Invocation): Promise<number> {
  const named = namedStates((await project()).stateFolder)
  const [state] = findStates(statesFolder(cacheFolder()), args, named)
  if (!state) return 2
  const view = stateView(state)
  output.json(view)
  if (output.isJson) return 0
  const rows = rowsOf(view)
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) output.print(`${name.padEnd(width)}  ${value}`)
  return 0
}

/** What is shown, by its name. */
function rowsOf({ bytes, qemu, guests, networks, memories, keepsFrames, frames, ...view }: StateView) {
  const list = (name: string, values: readonly string[] = []): readonly (readonly [string, string])[] =>
    values.length === 0 ? [] : [[name, values.join(', ')]]
  return [
    ...Object.entries(view).map(([name, value]) => [name, `${value}`] as const),
    ...(guests ?? []).map(
      ({ name, machine, profile, qemu: own }) =>
        [`guest ${name}`, `${machine}, ${profile}, QEMU ${own.version} (${own.path})`] as const,
    ),
    ...list('networks', networks),
    ...list('shared memories', memories),
    ...(keepsFrames === true ? [['frames', `${frames} kept`] as const] : []),
    ...(qemu ? [['QEMU', `${qemu.version} (${qemu.path})`] as const] : []),
    ['size', formatBytes(bytes)] as const,
  ]
}
