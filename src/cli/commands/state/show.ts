/** `bringup state show`: one saved state. */
import { cacheFolder } from '../../../project/cache-folder.ts'
import { findStates } from '../../../states/kept.ts'
import { namedStates } from '../../../states/named.ts'
import { statesFolder } from '../../../states/origin.ts'
import { formatBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { stateView } from './list.ts'

export const show: Command = {
  summary: 'show a saved state',
  arguments: [{ name: '<state>', description: 'key, a unique prefix, or a name', from: 'states' }],
  examples: [{ command: 'bringup state show 5f3a', says: 'machine, QEMU, folder and size' }],
  run,
}

async function run({ args, output, project }: Invocation): Promise<number> {
  const named = namedStates((await project()).stateFolder)
  const [state] = findStates(statesFolder(cacheFolder()), args, named)
  if (!state) return 2
  const { qemu, bytes, ...view } = stateView(state)
  output.json({ ...view, bytes, ...(qemu ? { qemu } : {}) })
  if (output.isJson) return 0
  const rows = Object.entries({
    ...view,
    ...(qemu ? { QEMU: `${qemu.version} (${qemu.path})` } : {}),
    size: formatBytes(bytes),
  })
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) output.print(`${name.padEnd(width)}  ${value}`)
  return 0
}
