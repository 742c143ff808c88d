/** Faults of a network, as people write them. */
import * as z from 'zod'
import { zDuration } from '../units.ts'
import { TRAFFIC_NAMES } from './frame.ts'

const PERCENT = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/

/** A share of the frames: 0.1, or "10%". A number from 0 to 1 inside. */
const zShare = z.lazy(() =>
  z
    .union([z.number(), z.string()])
    .transform((value, context) => {
      const share = typeof value === 'number' ? value : Number(PERCENT.exec(value)?.[1] ?? Number.NaN) / 100
      if (share >= 0 && share <= 1) return share
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(value)} is not a share; write a number from 0 to 1, or a percentage such as "10%"`,
      })
      return z.NEVER
    })
    .meta({ description: 'A share of the frames: a number from 0 to 1, or a percentage such as "10%".' }),
)

const RATE = /^\s*(\d+(?:\.\d+)?)\s*([kmg])?(?:bit(?:\/s)?|bps)?\s*$/i
const FACTOR: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 }
/** A slower link would take more than a second for a frame of 1,500 bytes. */
const SLOWEST = 10_000

/** Parses `"10M"`, `"64kbit"`: bits per second, powers of 1000 as everywhere in networking. */
export function parseBitRate(text: string): number | undefined {
  const match = RATE.exec(text)
  return match ? Number(match[1]) * (FACTOR[match[2]?.toLowerCase() ?? ''] ?? 1) : undefined
}

const zBitRate = z.lazy(() =>
  z
    .union([z.number(), z.string()])
    .transform((value, context) => {
      const bits = typeof value === 'number' ? value : parseBitRate(value)
      if (bits !== undefined && Number.isFinite(bits) && bits >= SLOWEST) return bits
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(value)} is not a rate; write bits per second (at least ${SLOWEST}), or a number with k, M or G (powers of 1000), such as "10M"`,
      })
      return z.NEVER
    })
    .meta({ description: 'Bits per second, or a number with k, M or G (powers of 1000): "10M".' }),
)

/** Longer ones make every protocol give up, and would keep frames in memory. */
const LONGEST_DELAY_MS = 60_000

const zDelay = z.lazy(() =>
  zDuration
    .refine((ms) => ms <= LONGEST_DELAY_MS, { error: 'longer than 60 s' })
    .meta({ description: 'Seconds, or a number with ms or s: "20ms". At most 60 s.' }),
)

const EFFECTS = ['loss', 'delay', 'jitter', 'duplicate', 'reorder', 'corrupt', 'rate'] as const

/** What is done to frames, and to which. Unknown keys are refused. */
export const faultSchema = z.lazy(() =>
  z
    .strictObject({
      loss: zShare.optional().describe('Share of the frames that get lost, in each direction.'),
      delay: zDelay.optional().describe('Time that every frame takes, in each direction.'),
      jitter: zDelay
        .optional()
        .describe('The delay varies by up to this much, evenly. Frames keep their order.'),
      duplicate: zShare.optional().describe('Share of the frames that arrive twice.'),
      reorder: zShare
        .optional()
        .describe('Share of the frames that arrive after the next one of the same traffic.'),
      corrupt: zShare
        .optional()
        .describe('Share of the frames in which one bit behind the header is flipped.'),
      rate: zBitRate.optional().describe('What each direction carries at most.'),
      seed: z
        .int()
        .default(1)
        .describe('The same seed makes the same decisions for the same frames of each kind of traffic.'),
      between: z
        .array(z.string())
        .min(2)
        .optional()
        .describe('Only frames between these guests, in both directions. Default: all frames.'),
      from: z.string().optional().describe('Only frames that this guest sends.'),
      to: z.string().optional().describe('Only frames that this guest receives.'),
      traffic: z.array(z.enum(TRAFFIC_NAMES)).min(1).optional().describe('Only frames of these protocols.'),
    })
    .refine((fault) => EFFECTS.some((effect) => fault[effect] !== undefined), {
      error: `nothing would happen; give at least one of ${EFFECTS.join(', ')}`,
    }),
)

/** A fault as a person writes it. */
export type FaultInput = z.input<typeof faultSchema>
/** A fault with numbers: shares from 0 to 1, milliseconds, bits per second. */
export type Fault = z.output<typeof faultSchema>
