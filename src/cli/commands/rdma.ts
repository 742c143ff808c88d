/** `bringup rdma`: RDMA of this computer, ready to be shared with guests. */
import type { Command } from '../command.ts'
import { doctor } from './rdma/doctor.ts'
import { down } from './rdma/down.ts'
import { status } from './rdma/status.ts'
import { up } from './rdma/up.ts'

export const command: Command = {
  summary: 'make RDMA of this computer ready for guests with a pvrdma',
  description:
    'Guests with a pvrdma share an RDMA device of this computer: hardware with its driver, or soft-RoCE on a network interface. `up` loads what is needed, unloads what is in the way, and `down` takes all of it back. Guests that have RDMA of their own over a private network need none of it.',
  examples: [
    { command: 'bringup rdma doctor', says: 'what is there, what is missing, what is in the way' },
    { command: 'bringup rdma up', says: 'use the RDMA device, or make rxe0 in software' },
    { command: 'bringup rdma up --on eth1 --device rxe1', says: 'soft-RoCE on an interface of your own' },
    { command: 'bringup run --pvrdma rxe0', says: 'a guest that shares it' },
    { command: 'bringup rdma down', says: 'take it back' },
  ],
  subcommands: { doctor, up, down, status },
}
