/** `bringup nvdimm remove`: deletes stores with all that is in them. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { removeStore } from '../../../stores/create.ts'
import { existingStoreAt } from '../../../stores/place.ts'
import { openStore } from '../../../stores/store.ts'
import type { Command, Invocation } from '../../command.ts'
import { isConfirmed } from '../../confirm.ts'
import { nameOf, roughly, STORE_ARGUMENT } from './view.ts'

export const remove: Command = {
  summary: 'delete stores with all that is in them',
  arguments: [{ ...STORE_ARGUMENT, name: '<store...>' }],
  options: [{ flags: '-y, --yes', description: 'do not ask' }],
  examples: [
    { command: 'bringup nvdimm remove scratch', says: 'asks, then deletes it with its record' },
    {
      command: 'bringup nvdimm remove default/pm0 --yes',
      says: 'the next run of `default` begins with an empty one',
    },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { args, output, project: load } = invocation
  const project = await load()
  const place = { cwd: process.cwd(), stateFolder: project.stateFolder }
  const stores = args.map((word) => openStore(existingStoreAt(word, place), project))
  const list = stores.map(
    (store) => `${nameOf(store, project)} (${roughly(store.allocatedBytes)} on the disk)`,
  )
  const what = `${list.join(', ')} would be deleted`
  if (!(await isConfirmed(invocation, { what, message: `Delete ${list.join(', ')}?` }))) {
    output.note('Nothing was deleted.')
    return EXIT_CODES.interrupted
  }
  const removed: string[] = []
  for (const { path } of stores) {
    await removeStore(path, project)
    removed.push(path)
    output.print(`deleted ${path}`)
  }
  output.json({ removed })
  return 0
}
