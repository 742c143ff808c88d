/** `bringup nvdimm clone`: copies a store. */
import { dirname } from 'node:path'
import { makeFolder } from '../../../own-files.ts'
import { cloneStore } from '../../../stores/clone.ts'
import { existingStoreAt, newStoreAt, storeName } from '../../../stores/place.ts'
import { openStore } from '../../../stores/store.ts'
import { told } from '../../../stores/system.ts'
import type { Command, Invocation } from '../../command.ts'
import { describe, STORE_ARGUMENT, sizeOption, storeJson } from './view.ts'

export const clone: Command = {
  summary: 'copy a store',
  description:
    'Blocks are shared with the original where the file system can (btrfs, xfs), and holes stay holes. A store that a machine has for itself is not copied while it runs; one that machines share is, as it is at that moment.',
  arguments: [
    STORE_ARGUMENT,
    { name: '<copy>', description: 'name in this project, MACHINE/ID, or a path', from: 'files' },
  ],
  options: [
    { flags: '--size <size>', description: 'size of the copy, if larger than the original' },
    {
      flags: '--label <size>',
      description: 'empty label area of the copy, instead of the original’s; 0 for none',
    },
  ],
  examples: [
    { command: 'bringup nvdimm clone default/pm0 good.img', says: 'a copy to return to' },
    {
      command: 'bringup nvdimm clone old.img new.img --label 128K',
      says: 'the same data, with a label area behind it',
    },
  ],
  run,
}

async function run({ args, options, output, signal, project: load }: Invocation): Promise<number> {
  const project = await load()
  const { stateFolder } = project
  const place = { cwd: process.cwd(), stateFolder }
  const [size, label] = [sizeOption('--size', options.size), sizeOption('--label', options.label)]
  const from = existingStoreAt(args[0] ?? '', place)
  const to = newStoreAt(args[1] ?? '', place)
  const had = openStore(from, project).label
  if (storeName(to, project) !== undefined) told(to, () => makeFolder(dirname(to)))
  const sizes = { ...(size === undefined ? {} : { size }), ...(label === undefined ? {} : { label }) }
  const store = await cloneStore({ from, to, stateFolder, signal, ...sizes })
  output.json(storeJson(store, project))
  output.print(describe(store, project, output.colors).join('\n'))
  if (had > 0 && store.label !== had) output.note('The copy has no labels: create its namespaces again.')
  return 0
}
