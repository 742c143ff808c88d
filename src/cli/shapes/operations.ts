/** Shapes of changes to this computer. */
import * as z from 'zod'
import { diagnostics } from './common.ts'

const stepState = z.enum(['done', 'change', 'reboot', 'later', 'blocked'])

/** Printed by every command that changes this computer. */
export const operationJson = z
  .object({
    title: z.string(),
    state: z.enum(['planned', 'nothing-to-do', 'done', 'awaiting-reboot', 'undone']),
    operation: z.string().optional().describe('Its id in the journal, once it was begun.'),
    steps: z.array(
      z.object({
        kind: z.string(),
        title: z.string(),
        state: stepState.describe('As it was found before anything was done.'),
        detail: z.string(),
        needs: z.array(z.enum(['root', 'network', 'reboot'])),
        commands: z.array(
          z.object({
            argv: z.array(z.string()),
            asRoot: z.boolean(),
            env: z.record(z.string(), z.string()).optional(),
            cwd: z.string().optional(),
            stdin: z.union([z.string(), z.object({ base64: z.string() })]).optional(),
          }),
        ),
        cost: z.object({ downloadBytes: z.int().optional(), diskBytes: z.int().optional() }).optional(),
      }),
    ),
    diagnostics,
  })
  .describe('Commands that change this computer: `bringup setup`, `undo`, `resume` …')

const address = z.int().nonnegative().describe('Physical address.')

export const pmemPlanJson = operationJson
  .extend({
    regions: z.array(
      z.object({
        start: address,
        bytes: z.int(),
        node: z.int().optional(),
        parameter: z.string().describe('For the kernel’s command line.'),
      }),
    ),
    ramBytes: z.object({ before: z.int(), after: z.int() }),
  })
  .describe('`bringup pmem plan --json`; `pmem apply` and `pmem undo` print what every operation does.')

export const pmemStatusJson = z
  .object({
    operation: z.string().nullable().describe('Its id in the journal; null when none is in force.'),
    state: z.enum(['none', 'done', 'half-done', 'awaiting-reboot', 'half-undone']),
    regions: z.array(
      z.object({
        start: address.nullable(),
        bytes: z.int(),
        parameter: z.string().nullable(),
        state: z.enum(['ready', 'awaiting-reboot', 'failed', 'not-ours']),
        device: z.string().nullable(),
        node: z.int().nullable(),
        mountPoint: z.string().nullable(),
        isDax: z.boolean().describe('It is mounted with DAX.'),
        evidence: z.array(z.string()).describe('The kernel’s own lines.'),
      }),
    ),
    next: z.string().describe('What a person does now.'),
    diagnostics,
  })
  .describe('`bringup pmem status --json`.')

const operation = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  state: z.enum(['done', 'half-done', 'awaiting-reboot', 'half-undone', 'undone']),
  startedAt: z.iso.datetime(),
  folder: z.string(),
  failure: z.string().optional(),
})

export const operationsJson = z
  .union([
    z.object({ operations: z.array(operation) }),
    operation.extend({
      steps: z.array(
        z.object({
          kind: z.string(),
          title: z.string(),
          state: z.enum(['changed', 'taken back', 'not changed']),
        }),
      ),
    }),
  ])
  .describe('`bringup operations --json`; the second form is that of `operations show`.')
