/** `bringup state`: saved guests and racks. */
import type { Command } from '../command.ts'
import { fork } from './state/fork.ts'
import { list } from './state/list.ts'
import { prune } from './state/prune.ts'
import { rm } from './state/rm.ts'
import { save } from './state/save.ts'
import { show } from './state/show.ts'

export const command: Command = {
  summary: 'save, fork, list and remove states of guests and racks',
  description:
    'A guest that runs a command is saved when its agent first answers, and later runs of the same machine restore it instead of booting. After deleting a state, the next run boots and saves again. `state save` saves a running guest, or a whole rack, under a name, for `state fork`.',
  examples: [
    {
      command: 'bringup run --profile linux --states -- true',
      says: 'prints whether the guest is booted or restored, and why',
    },
    { command: 'bringup state list', says: 'most recently used first' },
    { command: 'bringup state prune --keep 1G', says: 'deletes the least recently used states' },
  ],
  subcommands: { list, show, save, fork, rm, prune },
}
