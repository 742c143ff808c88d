/** Shapes of what NVDIMMs keep. */
import * as z from 'zod'
import { persistenceVerdict } from './common.ts'

const store = z.object({
  name: z.string().nullable().describe('Null for files elsewhere than in the state folder.'),
  path: z.string(),
  kind: z.enum(['file', 'dax-device']),
  bytes: z.int().describe('Of the file or device: what the guest can use, and the label area.'),
  allocatedBytes: z.int(),
  size: z.int().describe('What the guest can use.'),
  label: z.int().describe('Size of the label area at the end; 0 without one.'),
  tail: z.enum(['empty', 'data', 'labels']).nullable().describe('What is at the end of the file.'),
  isClean: z
    .boolean()
    .nullable()
    .describe('Whether the last run, and those beside it, ended in good order; null when none is known.'),
  lastUse: z
    .object({
      machine: z.string(),
      device: z.string(),
      run: z.string(),
      beganAt: z.iso.datetime(),
      endedAt: z.iso.datetime().optional(),
      end: z.enum(['running', 'guest-ended', 'guest-crashed', 'stopped', 'killed', 'unknown', 'elsewhere']),
      host: z.string().optional().describe('With `elsewhere`: the computer that began the run.'),
    })
    .nullable(),
  lockedBy: z.object({ pid: z.int(), mode: z.enum(['read', 'write']), command: z.string() }).nullable(),
  machines: z.array(z.object({ machine: z.string(), device: z.string() })),
})

export const nvdimmJson = z
  .union([
    z.object({ stores: z.array(store) }),
    store,
    z.object({ removed: z.array(z.string()) }),
    z.object({
      subject: z.string(),
      verdicts: z.array(persistenceVerdict),
      conditions: z.array(
        z.object({
          device: z.string(),
          condition: z.string(),
          isMet: z.boolean().optional().describe('Absent when it is unknown.'),
          because: z.string(),
          change: z.string().optional(),
        }),
      ),
    }),
  ])
  .describe('`bringup nvdimm list --json`; then `show`, `create`, `resize` and `clone`; `remove`; `explain`.')
