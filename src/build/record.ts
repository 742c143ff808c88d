/** What a build was and how it ended: printed by `--json`. */
import * as z from 'zod'

const milliseconds = z.number().nonnegative()

const buildCommandSchema = z.object({
  argv: z.array(z.string()),
  cwd: z.string(),
  env: z.record(z.string(), z.string().nullable()).describe('What was added; null was taken away.'),
  exitCode: z.int().nullable().describe('Null when a signal ended it, or it could not be started.'),
  signal: z.string().nullable(),
  ms: milliseconds,
})

const targetResultSchema = z.object({
  id: z.string(),
  summary: z.string(),
  state: z
    .enum(['built', 'current', 'failed', 'skipped', 'interrupted'])
    .describe(
      '`current`: nothing had changed. `skipped`: something that it needs failed, or the build ended.',
    ),
  ms: milliseconds,
  commands: z.array(buildCommandSchema),
  outputs: z.array(z.string()).describe('Absolute paths.'),
  log: z.string().optional().describe('File with the whole output of its commands.'),
})

export const buildResultSchema = z.object({
  result: z.enum(['built', 'failed', 'interrupted']),
  executor: z.string().describe('Where the commands ran.'),
  totalMs: milliseconds,
  targets: z.array(targetResultSchema).describe('In the order in which they can be built.'),
})

export type BuildCommandResult = z.output<typeof buildCommandSchema>
export type TargetResult = z.output<typeof targetResultSchema>
