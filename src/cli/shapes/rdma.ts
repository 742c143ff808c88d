/** Shapes of RDMA of this computer. */
import * as z from 'zod'
import { diagnostics } from './common.ts'

const devices = z.array(
  z.object({
    name: z.string(),
    driver: z.string().nullable().describe('Null for a device in software.'),
    isSoft: z.boolean(),
    uverbs: z.string().nullable(),
    ports: z.array(
      z.object({
        number: z.int(),
        state: z.string().describe('`ACTIVE`, `DOWN` …'),
        linkLayer: z.string(),
        interface: z.string().nullable(),
        umad: z.string().nullable(),
        gids: z.array(z.object({ index: z.int(), gid: z.string(), type: z.string().nullable() })),
      }),
    ),
  }),
)

export const rdmaStatusJson = z
  .object({
    operation: z.string().nullable().describe('Its id in the journal; null when none is in force.'),
    state: z.enum(['none', 'done', 'half-done', 'awaiting-reboot', 'half-undone']),
    devices,
    next: z.string().describe('What a person does now.'),
    diagnostics,
  })
  .describe('`bringup rdma status --json`; `rdma up` and `rdma down` print what every operation does.')

export const rdmaDoctorJson = z
  .object({
    devices,
    modules: z.array(
      z.object({
        name: z.string(),
        isWanted: z.boolean().describe('It must be there; otherwise it must not.'),
        isPresent: z.boolean(),
        usedBy: z.array(z.string()),
        lost: z.array(z.string()).describe('What stops working without it.'),
      }),
    ),
    hasModules: z.boolean().describe('The kernel loads modules.'),
    ofed: z.string().nullable(),
    providers: z.array(z.string()),
    multiplexer: z.string().nullable(),
    rdma: z.string().nullable(),
    diagnostics,
  })
  .describe('`bringup rdma doctor --json`.')
