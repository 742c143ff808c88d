/** `bringup pmem`: persistent memory that is emulated with RAM of this computer. */
import type { Command } from '../command.ts'
import { apply } from './pmem/apply.ts'
import { plan } from './pmem/plan.ts'
import { status } from './pmem/status.ts'
import { undo } from './pmem/undo.ts'

export const command: Command = {
  summary: 'use RAM of this computer as persistent memory',
  description:
    'The kernel’s parameter memmap=size!start makes /dev/pmem of RAM, with DAX. It is as fast as RAM, survives a warm reboot at best, and is empty after a power loss: for development, not for data. It takes a reboot, and so does taking it back.',
  examples: [
    {
      command: 'bringup pmem plan --size 16G',
      says: 'where it would lie, and what would be done; changes nothing',
    },
    { command: 'bringup pmem apply --size 16G --mount', says: 'do it; after the reboot: bringup resume' },
    {
      command: "bringup pmem apply --size 8G --count 2 --mount-at '/mnt/node{node}'",
      says: 'a region on each of two nodes',
    },
    { command: 'bringup pmem status', says: 'what the kernel made of it' },
    { command: 'bringup pmem undo', says: 'take it back, after asking about data' },
  ],
  subcommands: { plan, apply, status, undo },
}
