/** The description of one machine: its schema and types. */
import * as z from 'zod'
import { zPattern } from '../pattern.ts'
import { zDuration } from '../units.ts'
import type { Home } from './device.ts'
import { devices, sections } from './registry.ts'

/** Schemas of the registry's devices, one by one, so that the types of the union stay exact. */
type SchemasOf<T extends readonly { readonly schema: unknown }[]> = {
  -readonly [I in keyof T]: T[I]['schema']
}

/** One entry of `devices`, told apart by `kind`. */
export const deviceSchema = z.lazy(() =>
  z.discriminatedUnion('kind', devices.map((d) => d.schema) as unknown as SchemasOf<typeof devices>),
)

/** The description of one machine, as a person writes it. Unknown keys are refused. */
export const machineSchema = z.lazy(() =>
  z.strictObject({
    extends: z.string().optional().describe('Name of the machine that this one starts from.'),
    summary: z.string().optional().describe('One line for `bringup machines`.'),
    profile: z
      .string()
      .optional()
      .describe('Operating system profile to boot: `probe`, `linux`, or one of your own.'),
    arch: z.string().default('x86_64').describe('Guest architecture. Only `x86_64` works today.'),
    type: z.enum(['q35', 'pc']).default('q35').describe('QEMU machine type.'),
    accel: z
      .enum(['auto', 'kvm', 'tcg'])
      .default('auto')
      .describe('Accelerator. `auto`: KVM if a throw-away guest ran on it, else TCG.'),
    qemu: z
      .union([
        z.string().min(1),
        z.strictObject({
          version: z.string().optional().describe('A range of versions, such as `>=10` or `7.2`.'),
          features: z.array(z.string()).optional().describe('Such as `pvrdma` or `cxl-volatile`.'),
        }),
      ])
      .optional()
      .describe(
        'Which QEMU: a path, the name of an installed one, a range of versions such as `>=10`, or features that it has to have. The default is the one that `bringup qemu use` chose, else the first in PATH.',
      ),
    cpu: sections.cpu.schema.prefault({}),
    memory: sections.memory.schema.prefault({}),
    numa: sections.numa.schema.optional(),
    boot: sections.boot.schema.prefault({}),
    console: sections.console.schema.prefault({}),
    display: sections.display.schema.default('none'),
    debugcon: sections.debugcon.schema.prefault(false),
    debugExit: sections.debugExit.schema.prefault(false),
    gdb: sections.gdb.schema.default(false),
    nvdimmPersistence: z
      .enum(['cpu', 'mem-ctrl'])
      .optional()
      .describe(
        'What the platform flushes on power loss, told to the guest in the NFIT: CPU caches, or the memory controller only.',
      ),
    devices: z.array(deviceSchema).default([]),
    pins: z
      .array(
        z.strictObject({ cpu: z.int().nonnegative(), hostCpus: z.array(z.int().nonnegative()).nonempty() }),
      )
      .default([])
      .describe('Guest CPU index to host CPUs, set while the machine is still paused.'),
    qemuArgs: z
      .array(z.string())
      .default([])
      .describe('Arguments passed to QEMU as they are, after a conflict check.'),
    kernelReports: z
      .union([
        z.literal(false),
        z.strictObject({
          allow: z
            .array(zPattern)
            .default([])
            .describe('Regular expressions; a report with a line that matches one is ignored.'),
        }),
      ])
      .optional()
      .describe(
        'Whether a report of the guest’s kernel (a warning, a bug, a stall) fails a run that passed otherwise, where the profile can find such reports. `false` omits the check.',
      ),
    timeout: zDuration.default(60_000).describe('From power-on to the end of the run.'),
  }),
)

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

/** A machine as it is written: every key optional, sizes as text. */
export interface MachineInput extends DeepReadonly<z.input<typeof machineSchema>> {}
/** A machine with all defaults filled in; bytes and milliseconds. */
/** `home` is set by planning: stores and relative paths are relative to it. */
export type MachineConfig = DeepReadonly<z.output<typeof machineSchema>> & { readonly home?: Home }
export type DeviceConfig = MachineConfig['devices'][number]
