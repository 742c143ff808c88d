/** Shapes of `bringup state`. */
import * as z from 'zod'

const state = z.object({
  key: z.string(),
  folder: z.string(),
  bytes: z.int().describe('On the disk.'),
  usedAt: z.string().describe('ISO 8601; when it was made or last used.'),
  machine: z.string().optional(),
  profile: z.string().optional(),
  qemu: z.object({ path: z.string(), version: z.string() }).optional(),
  made: z.string().optional(),
  moment: z.string().optional().describe('Of the guest, at which it was saved.'),
  damage: z.string().optional().describe('Why it cannot be used; the keys above are absent then.'),
})

export const stateJson = z
  .union([
    z.object({ states: z.array(state) }),
    state,
    z.object({ name: z.string(), folder: z.string(), bytes: z.int().describe('On the disk.') }),
    z.object({ deleted: z.array(z.string()), bytes: z.int().optional() }),
  ])
  .describe('`bringup state list --json`; then `state show`, `state save`, `state rm` and `state prune`.')
