/** Shapes of what is described, planned and run. */
import * as z from 'zod'
import { comparisonSchema, notComparedSchema, resultSchema } from '../../guest/record.ts'
import { runResultSchema } from '../../runs/record.ts'
import { accelerator, diagnostics, exitCode, machine, milliseconds, persistenceVerdict } from './common.ts'

const guestPlan = z.looseObject({
  guest: z.string().describe('Its name in the run.'),
  name: z.string().describe('Name under which its stores, MAC addresses and locks are kept.'),
  after: z.array(z.looseObject({ guest: z.string() })).describe('What has to happen before it starts.'),
  command: z.array(z.string()),
  counts: z.boolean().describe('Whether the verdict of the run depends on it.'),
  profile: z.string(),
  machine,
  qemu: z.object({ path: z.string(), version: z.string() }),
  accelerator: z.object({ name: z.enum(['kvm', 'tcg']), because: z.string() }),
  accelerators: z.array(accelerator),
  argv: z.array(z.string()).describe('The QEMU command, ready to paste: the console on the terminal.'),
  files: z.array(z.looseObject({ kind: z.string(), path: z.string() })),
  locks: z.array(z.object({ path: z.string(), mode: z.enum(['exclusive', 'shared']) })),
  stores: z.array(z.object({ path: z.string(), device: z.string(), size: z.int(), label: z.int() })),
  joins: z
    .array(z.looseObject({ id: z.string(), kind: z.string(), resource: z.string() }))
    .describe('Resources of the run that its devices are connected to.'),
  timeoutMs: milliseconds,
  persistence: z.array(persistenceVerdict),
  diagnostics,
})

export const planJson = z
  .looseObject({
    name: z.string().describe('Name of the machine, or of the rack.'),
    isRack: z.boolean(),
    sha256: z.string().describe('Of everything else; `run --plan` refuses a plan that was edited.'),
    services: z
      .array(z.looseObject({ name: z.string(), argv: z.array(z.string()) }))
      .describe('Programs beside the guests, in the order in which they start.'),
    networks: z
      .array(
        z.looseObject({
          name: z.string(),
          subnet: z.string(),
          host: z
            .object({ reachable: z.string().optional(), dhcpd: z.string().optional() })
            .optional()
            .describe('It is a bridge of this computer.'),
        }),
      )
      .describe('Networks between the guests.'),
    guests: z.array(guestPlan),
    pending: z
      .array(z.object({ what: z.string(), bytes: z.int().optional(), path: z.string().optional() }))
      .describe('What a run has to fetch, make or build first.'),
    diagnostics,
  })
  .describe('`bringup plan --json`.')

const guestResult = resultSchema.unwrap().extend({ comparison: z.array(comparisonSchema).optional() })

export const runJson = runResultSchema
  .unwrap()
  .extend({
    guests: z.array(z.object({ guest: z.string(), counts: z.boolean(), result: guestResult.optional() })),
  })
  .describe('`bringup run --json`, and `result.json` in the folder of the run.')

const described = z.object({
  name: z.string(),
  summary: z.string().nullable(),
  profile: z.string(),
  isDefault: z.boolean(),
  machine,
})

export const machinesJson = z
  .union([
    z.object({
      folder: z.string(),
      configFile: z.string().nullable(),
      machines: z.array(described),
      racks: z.array(z.looseObject({ name: z.string(), guests: z.looseObject({}) })),
    }),
    described.extend({
      view: z.looseObject({}).describe('What follows from it: CPUs and memory of each node.'),
    }),
  ])
  .describe('`bringup machines --json`; the second form with the name of a machine.')

const runSummary = z.object({
  id: z.string(),
  folder: z.string(),
  startedAt: z.iso.datetime(),
  label: z.string().optional().describe('What `run --name` calls it.'),
  sweep: z.string().optional().describe('Id of the sweep that it is part of.'),
  name: z.string().describe('Name of the machine, or of the rack.'),
  guests: z.array(z.string()),
  profiles: z.array(z.string()),
  verdict: z.enum([...resultSchema.unwrap().shape.verdict.options, 'running', 'abandoned', 'elsewhere']),
  host: z.string().optional().describe('With `elsewhere`: the computer that started the run.'),
  exitCode: exitCode.optional(),
  totalMs: milliseconds.optional(),
  meaning: z.string().optional(),
})

export const runsJson = z
  .union([
    z.object({
      runs: z.array(runSummary),
      unreadable: z
        .array(z.string())
        .optional()
        .describe('Files of records that cannot be read: what is listed is incomplete.'),
    }),
    runSummary.extend({
      plan: z.looseObject({}),
      result: runResultSchema.optional(),
    }),
    z.object({ id: z.string(), folder: z.string() }),
    z.object({ deleted: z.array(z.string()) }),
    z.object({ console: z.string() }),
  ])
  .describe('`bringup runs --json`; then `runs show`, `runs path`, `runs prune` and `runs show --console`.')

export const screenJson = z
  .object({
    guest: z.string(),
    text: z.string().describe('Lines without blanks at their ends.'),
    unread: z
      .int()
      .optional()
      .describe('Shapes that could not be read: `\ufffd` in the text. Absent of a run that has ended.'),
    isBlank: z
      .boolean()
      .optional()
      .describe(
        'Nothing is drawn. Where it is false and the text is empty, there is a picture that cannot be read.',
      ),
    png: z.string().optional().describe('File that the picture was written to.'),
  })
  .describe('`bringup screen --json`.')

export const reportJson = z
  .object({
    run: z.string().optional().describe('Id of the run.'),
    sweep: z.string().optional().describe('Id of the sweep, where it is one.'),
    file: z.string().describe('Where the report was written.'),
    bytes: z.int(),
  })
  .describe('`bringup report --json`.')

export const testJson = z
  .object({
    exitCode,
    verdict: z.enum(['passed', 'failed']),
    points: z.number().describe('What the steps got of `of`.'),
    of: z.number(),
    steps: z.array(
      z.object({
        name: z.string(),
        result: z
          .enum(['passed', 'done', 'failed', 'skipped'])
          .describe('`done`: keys were pressed, which proves nothing.'),
        points: z.number(),
        of: z.number(),
        tookMs: milliseconds.describe('Time that the guest had for it.'),
        where: z.enum(['console', 'screen']).optional(),
        because: z.string().optional(),
        evidence: z.array(z.string()).optional(),
      }),
    ),
    diagnostics,
    notCompared: z
      .array(notComparedSchema)
      .optional()
      .describe('What the result does not prove, such as what the guest drew last.'),
    folder: z.string(),
  })
  .describe('`bringup test --json`.')
