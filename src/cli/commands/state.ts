/** `bringup state`: guests that were saved after a boot. */
import type { Command } from '../command.ts'
import { list } from './state/list.ts'
import { prune } from './state/prune.ts'
import { rm } from './state/rm.ts'
import { show } from './state/show.ts'

export const command: Command = {
  summary: 'list and remove saved states of guests',
  description:
    'A guest that runs a command is saved at its first answer. The same machine goes on from there the next time instead of booting. States lie in the user’s cache: removing one costs a boot.',
  examples: [
    {
      command: 'bringup run --profile linux --states -- true',
      says: 'says whether the guest boots, and why',
    },
    { command: 'bringup state list', says: 'the states here, the one that was used last first' },
    { command: 'bringup state prune --keep 1G', says: 'removes those that were unused for the longest time' },
  ],
  subcommands: { list, show, rm, prune },
}
