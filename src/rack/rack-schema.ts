/** The description of a rack: machines that run together, and what connects them. */
import * as z from 'zod'
import { sharedMemorySchema } from '../machine/devices/ivshmem-schema.ts'
import { nicSchema, PASST } from '../machine/devices/nic-schema.ts'
import { type MachineInput, machineSchema } from '../machine/machine-schema.ts'
import { networkSchema } from '../network/network-schema.ts'
import { literalPattern, zPattern } from '../pattern.ts'
import { servicesSchema } from '../services/service.ts'
import { zDuration } from '../units.ts'
import { placementSchema } from './placement-schema.ts'

/** A host name (RFC 1123): names of guests are their names in the DNS of a network. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

const zName = z
  .string()
  .regex(NAME, 'lower-case letters, digits and inner hyphens, at most 63 of them (RFC 1123)')

const zNetworkName = zName.refine((name) => !['user', PASST, 'none'].includes(name), {
  error: 'user, passt and none are networks of their own kind; use another name',
})

/** A description of a machine inside a rack, checked and kept as it was written. */
const zInlineMachine = z.custom<MachineInput>().superRefine((value, context) => {
  const parsed = machineSchema.safeParse(value)
  for (const issue of parsed.error?.issues ?? [])
    context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue)
})

const zShown = z
  .string()
  .min(1)
  .transform((text) => ({ shows: literalPattern(text) }))
  .describe('Text of a line on its console, or of the output of its command.')

const zShownRegex = z
  .instanceof(RegExp)
  .refine(({ flags }) => flags === '', 'flags are not supported')
  .transform(({ source }) => ({ shows: source }))

/** What another guest has to do before this one starts. */
const zCondition = z.union([
  zShown,
  zShownRegex,
  z
    .strictObject({
      regex: zPattern.describe('Regular expression that a line of its console or its command matches.'),
    })
    .transform(({ regex }) => ({ shows: regex })),
  z.strictObject({
    port: z
      .int()
      .min(1)
      .max(65_535)
      .describe('A TCP port that it forwards to this computer and that accepts connections.'),
  }),
  z.strictObject({
    ends: z
      .union([z.literal(true), z.literal('passed')])
      .describe('It has ended: `true` in any way, `passed` with that verdict.'),
  }),
])

const guestSchema = z.lazy(() =>
  z.strictObject({
    machine: z
      .union([z.string().min(1), zInlineMachine])
      .optional()
      .describe('Name of a machine of the project, or a description. Default: the default machine.'),
    profile: z.string().optional().describe('Profile to boot instead of the machine’s.'),
    count: z
      .int()
      .min(1)
      .max(256)
      .default(1)
      .describe('Number of guests like this one. From 2 on they are called `NAME-1`, `NAME-2`, …'),
    memory: z
      .array(z.string().min(1))
      .default([])
      .describe('Shared memories of the rack; each gets a device of the same id.'),
    nics: z
      .array(
        z.union([
          zName,
          // Keys of the device, without those that a network of the rack has no use for.
          z.strictObject({
            network: zName,
            id: zName.optional(),
            model: nicSchema.unwrap().shape.model.optional(),
            queues: nicSchema.unwrap().shape.queues.optional(),
            offloads: nicSchema.unwrap().shape.offloads.optional(),
            rom: nicSchema.unwrap().shape.rom.optional(),
            rdma: nicSchema.unwrap().shape.rdma,
            mac: z.string().optional(),
            address: z.ipv4().optional(),
          }),
        ]),
      )
      .default([])
      .describe(
        'Networks of the rack; each gets a card of the same id. With more to say: { network, model, mac, address, id, queues, offloads, rom, rdma }.',
      ),
    command: z
      .array(z.string())
      .default([])
      .describe('Program and arguments that run in the guest. Its end is the end of the guest.'),
    placement: z
      .union([z.literal(false), placementSchema])
      .optional()
      .describe('Says it otherwise than the rack; `false` leaves the guest to the kernel’s scheduler.'),
    after: z
      .record(z.string(), zCondition)
      .default({})
      .describe('What has to happen before the guest starts, by the name of another guest.'),
  }),
)

/** A rack, as the config file has it. Unknown keys are refused. */
export const rackSchema = z.lazy(() =>
  z.strictObject({
    summary: z.string().optional().describe('One line for `bringup machines`.'),
    guests: z
      .record(zName, guestSchema)
      .refine((guests) => Object.keys(guests).length > 0, 'a rack has at least one guest')
      .describe('Guests by name.'),
    networks: z
      .record(zNetworkName, networkSchema)
      .default({})
      .describe('Private networks between its guests, by name.'),
    memory: z
      .record(zName, sharedMemorySchema)
      .default({})
      .describe('Memory that its guests share, by name.'),
    services: servicesSchema
      .default({})
      .describe('Programs beside the guests, by name. They start before the guests, in this order.'),
    placement: placementSchema
      .optional()
      .describe(
        'Which cores and memory of this computer the guests get: "pack", "interleave", or { strategy, cores, threads, memory, hostNodes, hostCpus }. Default: those that the kernel chooses.',
      ),
    passes: z
      .union([z.literal('all'), z.array(z.string()).nonempty()])
      .default('all')
      .describe(
        'Guests whose verdict counts. The run ends when they have ended; the others are closed then.',
      ),
    timeout: zDuration
      .optional()
      .describe('From power-on to the end of each guest. Default: the `timeout` of its machine.'),
  }),
)

/** A rack as it is written. */
export interface RackInput extends Readonly<z.input<typeof rackSchema>> {}
/** A rack with all defaults filled in. */
export type RackConfig = z.output<typeof rackSchema>
export type RackGuestConfig = RackConfig['guests'][string]
