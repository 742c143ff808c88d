/** `bringup qemu remove`: deletes installed QEMUs. */
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { checkRemovals, removeQemu } from '../../../qemus/add.ts'
import { defaultQemu } from '../../../qemus/folder.ts'
import type { Command, Invocation } from '../../command.ts'
import { isConfirmed } from '../../confirm.ts'

export const remove: Command = {
  summary: 'delete installed QEMUs',
  description:
    'One that a running guest uses stays, and so does the default without --default-too. All are checked before the first is deleted.',
  arguments: [{ name: '<name...>', description: 'installed QEMUs', from: 'qemus' }],
  options: [
    { flags: '-y, --yes', description: 'do not ask' },
    { flags: '--default-too', description: 'remove the default too; machines use the first in PATH then' },
  ],
  examples: [
    { command: 'bringup qemu remove 10.0.2-packages', says: 'asks, then deletes its folder' },
    { command: 'bringup qemu remove 7.2.22-source --yes --default-too', says: 'even if it is the default' },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { options, output } = invocation
  const args = [...new Set(invocation.args)]
  const isDefaultToo = options.defaultToo === true
  await checkRemovals(args, { isDefaultToo })
  const isDefault = args.includes(defaultQemu() ?? '')
  const what = `${args.join(', ')} would be deleted${isDefault ? ', and with it the default' : ''}`
  if (!(await isConfirmed(invocation, { what, message: `Delete ${args.join(', ')}?` }))) {
    output.note('Nothing was deleted.')
    return EXIT_CODES.interrupted
  }
  const removed: string[] = []
  for (const name of args) {
    await removeQemu(name, { isDefaultToo })
    removed.push(name)
    output.print(`deleted ${name}`)
  }
  output.json({ removed })
  return 0
}
