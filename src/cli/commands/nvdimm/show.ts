/** `bringup nvdimm show`: one store. */
import { existingStoreAt } from '../../../stores/place.ts'
import { openStore } from '../../../stores/store.ts'
import type { Command } from '../../command.ts'
import { describe, STORE_ARGUMENT, storeJson } from './view.ts'

export const show: Command = {
  summary: 'show one store: size, label area, last use, who holds it',
  arguments: [STORE_ARGUMENT],
  examples: [
    {
      command: 'bringup nvdimm show default/pm0',
      says: 'what the NVDIMM pm0 of the machine `default` keeps',
    },
    { command: 'bringup nvdimm show /dev/dax0.0', says: 'a DAX device, with its alignment' },
  ],
  run: async ({ args, output, project: load }) => {
    const project = await load()
    const path = existingStoreAt(args[0] ?? '', { cwd: process.cwd(), stateFolder: project.stateFolder })
    const store = openStore(path, project)
    output.json(storeJson(store, project))
    output.print(describe(store, project, output.colors).join('\n'))
    return 0
  },
}
