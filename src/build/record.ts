/** What a build was and how it ended: printed by `--json`, and kept as `.bringup/build/last.json`. */
import * as z from 'zod'

const milliseconds = z.number().nonnegative()

export const buildCommandSchema = z.object({
  argv: z.array(z.string()),
  cwd: z.string(),
  env: z.record(z.string(), z.string().nullable()).describe('What was added; null was taken away.'),
  exitCode: z.int().nullable().describe('Null when a signal ended it, or it could not be started.'),
  signal: z.string().nullable(),
  ms: milliseconds,
})

export const targetResultSchema = z.object({
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

export type BuildCommandResult = z.output<typeof buildCommandSchema>
export type TargetResult = z.output<typeof targetResultSchema>
