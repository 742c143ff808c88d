/** Shapes of source trees: got, recognised, built. */
import * as z from 'zod'
import { buildResultSchema } from '../../build/record.ts'
import { diagnostics, milliseconds } from './common.ts'

export const initJson = z
  .object({
    folder: z.string(),
    file: z.string(),
    state: z.enum(['written', 'replaced', 'kept', 'shown']).describe('`shown`: --dry-run.'),
    what: z.string().optional().describe('What was recognised.'),
    because: z.string().optional(),
    remarks: z.array(z.string()).optional().describe('What is a guess, and has to be decided.'),
    notes: z.array(z.string()).optional(),
    content: z.string().optional(),
    files: z.array(z.string()).optional().describe('Of a new project, in an empty folder.'),
  })
  .describe('`bringup init --json`.')

export const importJson = z
  .object({
    from: z.enum(['qemu', 'libvirt']),
    machines: z.array(
      z.object({
        name: z.string(),
        machine: z.record(z.string(), z.unknown()).describe('As it stands in a config.'),
        remarks: z
          .array(
            z.object({
              words: z.string().describe('As in the command.'),
              because: z.string(),
              state: z
                .enum(['passed', 'needless', 'lost', 'guess'])
                .describe(
                  '`passed`: QEMU gets it unchanged. `needless`: it does not change the guest. `lost`: not in the description. `guess`: to be decided.',
                ),
            }),
          )
          .describe('What the description does not carry.'),
      }),
    ),
    content: z.string().describe('The config.'),
    file: z.string().optional().describe('Where it was written, with --write.'),
  })
  .describe('`bringup import --json`.')

const buildAction = z.looseObject({ kind: z.enum(['command', 'tree', 'file', 'image', 'check']) })

export const buildJson = z
  .union([
    buildResultSchema.extend({ diagnostics }),
    z.object({
      profile: z.string(),
      folder: z.string().optional(),
      targets: z.array(
        z.object({
          id: z.string(),
          summary: z.string(),
          needs: z.array(z.string()).optional(),
          inputs: z.array(z.string()).optional(),
          outputs: z.array(z.string()).optional(),
          isComplete: z.boolean().optional(),
          actions: z.array(buildAction),
        }),
      ),
    }),
  ])
  .describe(
    '`bringup build --json`; the second form with --list and --dry-run, and where there is nothing to build.',
  )

export const containerJson = z
  .union([
    z.object({ engine: z.enum(['docker', 'podman']), image: z.string(), wasThere: z.boolean() }),
    z.object({ image: z.string(), dockerfile: z.string() }),
    z.object({ removed: z.array(z.string()) }),
  ])
  .describe('`bringup container build --json`; then `container build --print` and `container remove`.')

export const checkoutJson = z
  .object({
    folder: z.string(),
    url: z.string().describe('Without a password.'),
    action: z
      .enum(['cloned', 'resumed', 'updated', 'unchanged'])
      .describe('`cloned` and `resumed` made it, `updated` moved it, `unchanged` found it right.'),
    commit: z.string(),
    ref: z
      .object({ kind: z.enum(['branch', 'tag', 'commit']), name: z.string() })
      .nullable()
      .describe('Null where an existing clone was left on what it had.'),
    isShallow: z.boolean(),
    submodules: z.array(
      z.object({ path: z.string(), name: z.string(), url: z.string(), commit: z.string() }),
    ),
    rewrites: z
      .array(z.object({ from: z.string(), to: z.string() }))
      .describe('Addresses that begin with `from` are fetched from `to` in this clone.'),
    diagnostics,
    tookMs: milliseconds,
  })
  .describe('`bringup checkout --json`.')
