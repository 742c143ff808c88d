/** The config file: named machines, and what is meant when nothing is said. */
import * as z from 'zod'
import { type MachineInput, machineSchema } from '../machine/machine-schema.ts'
import { rackSchema } from '../rack/rack-schema.ts'
import { containerSchema } from './container-schema.ts'
import { kernelSchema } from './kernel-schema.ts'
import { slurmSchema } from './slurm-schema.ts'
import { sweepSchema, zSweepName } from './sweep-schema.ts'

/**
 * A machine in a config file. It is checked here and kept as it was written: defaults are filled in only after
 * `extends`, the profile and the flags have been laid over one another.
 */
const written = z.custom<MachineInput>().superRefine((value, context) => {
  const parsed = machineSchema.safeParse(value)
  for (const issue of parsed.error?.issues ?? [])
    context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue)
})

/** `bringup.config.ts`, `.js` or `.json`. Unknown keys are refused. */
export const configSchema = z.strictObject({
  machines: z.record(z.string().min(1), written).default({}).describe('Machines by name.'),
  racks: z.record(z.string().min(1), rackSchema).default({}).describe('Racks by name.'),
  sweeps: z.record(zSweepName, sweepSchema).default({}).describe('Sweeps by name.'),
  slurm: slurmSchema.optional(),
  defaultMachine: z
    .string()
    .optional()
    .describe('The machine that is meant when none is named. Default: `default`, else the first one.'),
  profile: z
    .string()
    .optional()
    .describe('Profile of machines that name none. Default: `bare` with a `kernel`, else `probe`.'),
  kernel: kernelSchema.optional(),
  container: containerSchema.optional(),
  build: z
    .record(z.string(), z.union([z.boolean(), z.string(), z.array(z.string())]))
    .optional()
    .describe(
      'Values of the profile’s build options; flags win over them. `bringup build --help` shows the options.',
    ),
})

/** The same shape for editors and the JSON Schema: machines with all their keys. */
export const configFileSchema = configSchema.extend({
  $schema: z.string().optional(),
  machines: z.record(z.string().min(1), machineSchema).default({}).describe('Machines by name.'),
})
