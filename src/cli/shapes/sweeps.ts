/** Shapes of `bringup sweep`. */
import * as z from 'zod'
import { exitCode } from './common.ts'

const counts = z.object({
  passed: z.int(),
  failed: z.int(),
  flaky: z.int().describe('Passed and failed with equal input.'),
  impossible: z.int(),
  open: z.int(),
})
const summary = z.looseObject({
  cells: z.array(z.looseObject({ key: z.string(), label: z.string(), state: z.string() })),
  counts,
  wanted: z.int(),
  done: z.int(),
})
const record = z.looseObject({ id: z.string(), name: z.string() })

export const sweepJson = z
  .union([
    z.looseObject({ exitCode: exitCode.optional(), record, summary, folder: z.string() }),
    z.looseObject({ exitCode, cells: z.array(z.looseObject({ key: z.string() })), repeat: z.int() }),
    z.looseObject({
      described: z.array(z.string()),
      sweeps: z.array(z.looseObject({ id: z.string(), name: z.string(), counts })),
    }),
    z.looseObject({
      before: z.looseObject({}),
      after: z.looseObject({}),
      metrics: z.array(z.looseObject({})),
    }),
    z.object({ id: z.string(), label: z.string() }),
    z.object({
      deleted: z.array(z.string()),
      baselines: z.array(z.string()).optional().describe('Labels of baselines among them.'),
    }),
  ])
  .describe(
    '`bringup sweep NAME --json` and `sweep show`; `sweep NAME --dry-run`; `sweep list`; `sweep compare`; `sweep keep`; `sweep rm`.',
  )
