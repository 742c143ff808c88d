/** Shapes of `bringup state`. */
import * as z from 'zod'

const qemu = z.object({ path: z.string(), version: z.string() })

const state = z.object({
  key: z.string(),
  folder: z.string(),
  bytes: z.int().describe('On the disk.'),
  usedAt: z.string().describe('ISO 8601; when it was made or last used.'),
  machine: z.string().optional().describe('Of the state of a guest.'),
  profile: z.string().optional(),
  qemu: qemu.optional(),
  rack: z.string().optional().describe('Of the state of a rack, which has the following keys.'),
  guests: z.array(z.object({ name: z.string(), machine: z.string(), profile: z.string(), qemu })).optional(),
  networks: z.array(z.string()).optional(),
  memories: z.array(z.string()).optional().describe('Memories that the guests share.'),
  keepsFrames: z.boolean().optional().describe('Whether frames between the guests were kept.'),
  frames: z.int().optional().describe('How many.'),
  made: z.string().optional(),
  moment: z.string().optional().describe('Of a guest, at which it was saved.'),
  damage: z
    .string()
    .optional()
    .describe('Why it cannot be used; the keys about its machine or rack are absent then.'),
})

export type StateView = z.output<typeof state>

export const stateJson = z
  .union([
    z.object({ states: z.array(state) }),
    state,
    z.object({
      name: z.string(),
      folder: z.string(),
      bytes: z.int().describe('On the disk.'),
      rack: z.string().optional().describe('Where a rack was saved, with the following keys.'),
      guests: z.array(z.string()).optional(),
      networks: z.array(z.string()).optional(),
      frames: z.int().optional().describe('How many were kept.'),
    }),
    z.object({
      deleted: z.array(z.string()),
      bytes: z.int().optional(),
      named: z
        .object({
          guests: z.int().describe('States of single guests.'),
          racks: z.int().describe('States of racks.'),
          bytes: z.int(),
        })
        .optional()
        .describe('Named states of the project, which `state prune` keeps.'),
    }),
  ])
  .describe('`bringup state list --json`; then `state show`, `state save`, `state rm` and `state prune`.')
