/** Pieces that several shapes share. */
import * as z from 'zod'
import { diagnosticSchema } from '../../guest/record.ts'

export const milliseconds = z.number().nonnegative()
export const exitCode = z.int().min(0).max(255)
export const diagnostics = z.array(diagnosticSchema)

export const accelerator = z.object({
  name: z.enum(['kvm', 'tcg']),
  works: z.boolean().describe('A throw-away guest really ran on it.'),
  reason: z.string(),
  stage: z.string().optional().describe('The last stage that the throw-away guest reached.'),
  tookMs: milliseconds,
})

export const persistenceVerdict = z.object({
  device: z.string(),
  event: z.string(),
  answer: z.enum(['yes', 'no', 'not guaranteed']),
  because: z.string(),
})

/** A machine with all defaults filled in; `bringup.schema.json` describes how it is written. */
export const machine = z
  .looseObject({})
  .describe('The description with all defaults filled in: bytes and milliseconds.')
