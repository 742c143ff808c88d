/** `bringup qemu`: QEMUs side by side. */
import type { Command } from '../command.ts'
import { info } from './qemu/info.ts'
import { install } from './qemu/install.ts'
import { list } from './qemu/list.ts'
import { remove } from './qemu/remove.ts'
import { use } from './qemu/use.ts'
import { verify } from './qemu/verify.ts'

export const command: Command = {
  summary: 'install QEMUs side by side, and choose one',
  description:
    'Installed QEMUs lie in the user’s data folder, each with its own firmware and modules; the QEMU of the system stays as it is. A machine chooses one with `qemu`: a path, a name, a range of versions or features.',
  examples: [
    { command: 'bringup qemu list', says: 'the QEMUs here: versions, origin, features' },
    {
      command: 'bringup qemu install 10.0 --from packages',
      says: 'the packages of another suite of this distribution, beside the system’s',
    },
    { command: "bringup run --qemu '>=10'", says: 'a run on the first QEMU of that version' },
    { command: 'bringup qemu use 10.0.2-packages', says: 'makes it the default of all machines' },
  ],
  subcommands: { list, info, install, use, remove, verify },
}
