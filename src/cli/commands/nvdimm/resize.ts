/** `bringup nvdimm resize`: lets a store grow. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { existingStoreAt } from '../../../stores/place.ts'
import { resizeStore } from '../../../stores/resize.ts'
import { formatBytes } from '../../../units.ts'
import type { Command, Invocation } from '../../command.ts'
import { isConfirmed } from '../../confirm.ts'
import { describe, describedBy, STORE_ARGUMENT, sizeFrom, sizeOption, storeJson } from './view.ts'

export const resize: Command = {
  summary: 'let a store grow',
  description:
    'Data keeps its position; a label area moves to the new end, where QEMU expects it. A store does not shrink, and its label area keeps its size, unless --discard gives up its content. Killed at any moment, it leaves the old size or the new one.',
  arguments: [STORE_ARGUMENT, { name: '<size>', description: 'new size of the data, such as 2G' }],
  options: [
    { flags: '--label <size>', description: 'another label area; only with --discard' },
    { flags: '--discard', description: 'create an empty store of any size' },
    { flags: '-y, --yes', description: 'do not ask before emptying it' },
  ],
  examples: [
    {
      command: 'bringup nvdimm resize default/pm0 2G',
      says: 'grow; then set `size: "2G"` in the description',
    },
    { command: 'bringup nvdimm resize scratch 64M --discard', says: 'smaller, and empty' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { args, options, output, project: load } = invocation
  const project = await load()
  const size = sizeFrom('the size', args[1])
  const label = sizeOption('--label', options.label)
  const path = existingStoreAt(args[0] ?? '', { cwd: process.cwd(), stateFolder: project.stateFolder })
  const discard = options.discard === true
  if (discard) {
    const what = `everything in ${path} would be lost`
    if (!(await isConfirmed(invocation, { what, message: `Everything in ${path} will be lost. Go on?` })))
      return EXIT_CODES.interrupted
  }
  const request = { path, size, discard, stateFolder: project.stateFolder }
  const store = await resizeStore({ ...request, ...(label === undefined ? {} : { label }) })
  output.json(storeJson(store, project))
  output.print(describe(store, project, output.colors).join('\n'))
  for (const { machine, device } of describedBy(store, project))
    output.note(
      `Set size: '${formatBytes(size)}' for ${device} of the machine ${machine}, if it is not so yet.`,
    )
  return 0
}
