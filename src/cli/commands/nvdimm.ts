/** `bringup nvdimm`: the stores of NVDIMMs, and what is kept in them. */
import type { Command } from '../command.ts'
import { clone } from './nvdimm/clone.ts'
import { create } from './nvdimm/create.ts'
import { explain } from './nvdimm/explain.ts'
import { list } from './nvdimm/list.ts'
import { remove } from './nvdimm/remove.ts'
import { resize } from './nvdimm/resize.ts'
import { show } from './nvdimm/show.ts'

export const command: Command = {
  summary: 'manage the stores of NVDIMMs, and explain what they survive',
  description:
    'A store is the file or DAX device with the content of an NVDIMM. A run creates the stores that it needs; these commands create, show, enlarge, copy and remove them. A plain word names a store of the project, MACHINE/ID the store of a machine; anything with a dot or a leading slash is a path.',
  examples: [
    {
      command: 'bringup nvdimm list',
      says: 'the stores of this project, with their last user and how that run ended',
    },
    {
      command: 'bringup nvdimm explain',
      says: 'what the default machine keeps after a reboot, a crash, a power loss',
    },
    { command: 'bringup nvdimm create scratch 1G', says: 'a store in the state folder of the project' },
    { command: 'bringup nvdimm clone default/pm0 before.img', says: 'a copy to return to' },
  ],
  subcommands: { create, list, show, resize, clone, remove, explain },
}
