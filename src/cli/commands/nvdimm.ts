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
  summary: 'look after the stores of NVDIMMs, and explain what they keep',
  description:
    'A store holds what a guest writes to an NVDIMM: a file, or a DAX device. A run makes the stores that it needs by itself; here they are made beforehand, looked at, let grow, copied and removed. A plain word names a store of the project, MACHINE/ID that of a machine; anything with a dot or a leading slash is a path.',
  examples: [
    {
      command: 'bringup nvdimm list',
      says: 'the stores of this project, who used them last, and how that ended',
    },
    {
      command: 'bringup nvdimm explain',
      says: 'what the default machine keeps through a reboot, a crash, a power loss',
    },
    { command: 'bringup nvdimm create scratch 1G', says: 'a store in the state folder of the project' },
    { command: 'bringup nvdimm clone default/pm0 before.img', says: 'a copy to come back to' },
  ],
  subcommands: { create, list, show, resize, clone, remove, explain },
}
