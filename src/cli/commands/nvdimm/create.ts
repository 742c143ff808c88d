/** `bringup nvdimm create`: makes a store. */

import { EXIT_CODES } from '../../../guest/verdict.ts'
import { quoteCommand } from '../../../quote.ts'
import { createStore, missingRoom } from '../../../stores/create.ts'
import { newStoreAt } from '../../../stores/place.ts'
import type { Store } from '../../../stores/store.ts'
import { statsOf } from '../../../stores/system.ts'
import { formatBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { isConfirmed } from '../../confirm.ts'
import { describe, describedBy, roughly, sizeFrom, sizeOption, storeJson } from './view.ts'

export const create: Command = {
  summary: 'make a store',
  description:
    'The file is sparse: it takes room as the guest writes. The label area comes on top of the size. A store named MACHINE/ID is what that NVDIMM of that machine uses by itself.',
  arguments: [
    { name: '<store>', description: 'name in this project, MACHINE/ID, or a path', from: 'files' },
    { name: '<size>', description: 'size of the data, such as 1G' },
  ],
  options: [
    { flags: '--label <size>', description: 'label area for namespaces, such as 128K' },
    { flags: '--align <size>', description: 'round the size up to a multiple, such as 128M for Linux' },
    { flags: '--discard', description: 'empty the store if it is there already' },
    { flags: '-y, --yes', description: 'do not ask before emptying it' },
  ],
  examples: [
    {
      command: 'bringup nvdimm create default/pm0 1G',
      says: 'what the NVDIMM pm0 of the machine `default` will use',
    },
    {
      command: 'bringup nvdimm create /mnt/pmem0/vm1.img 4G --label 128K',
      says: 'on a file system on persistent memory',
    },
    { command: 'bringup nvdimm create scratch 256M --discard --yes', says: 'an empty store in its place' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { args, options, output, project: load } = invocation
  const project = await load()
  const size = sizeFrom('the size', args[1])
  const label = sizeOption('--label', options.label) ?? 0
  const align = sizeOption('--align', options.align) ?? 1
  const path = newStoreAt(args[0] ?? '', { cwd: process.cwd(), stateFolder: project.stateFolder })
  const discard = options.discard === true
  if (discard && statsOf(path)) {
    const what = `everything in ${path} would be lost`
    if (!(await isConfirmed(invocation, { what, message: `Everything in ${path} will be lost. Go on?` })))
      return EXIT_CODES.interrupted
  }
  const bytes = align > 0 ? Math.ceil(size / align) * align : size
  const store = await createStore({ path, size: bytes, label, discard, stateFolder: project.stateFolder })
  output.json(storeJson(store, project))
  output.print(describe(store, project, output.colors).join('\n'))
  const missing = missingRoom(store)
  if (missing > 0)
    output.note(`If all of it is written, ${roughly(missing)} of room are missing on the disk.`)
  const users = describedBy(store, project)
  for (const { machine, device } of users)
    output.note(
      `The machine ${machine} uses it as ${device}, if it is described with that size and label area.`,
    )
  if (users.length === 0) output.note(`Use it: ${quoteCommand(usage(store)).join(' ')}`)
  return 0
}

function usage({ path, size, label }: Store): readonly string[] {
  const labelOption = label > 0 ? `,label=${formatBytes(label)}` : ''
  return ['bringup', 'run', '--nvdimm', `${formatBytes(size)},file=${path}${labelOption}`]
}
