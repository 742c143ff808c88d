/** Shapes of what this computer is, and what it lacks. */
import * as z from 'zod'
import { accelerator, diagnostics } from './common.ts'

const hugePages = z.array(z.object({ bytes: z.int(), total: z.int(), free: z.int() }))

const host = z.object({
  distribution: z.object({
    id: z.string(),
    name: z.string(),
    version: z.string(),
    family: z.string().optional(),
  }),
  kernel: z.object({ release: z.string(), bootId: z.string(), arch: z.string() }),
  cpus: z.object({
    model: z.string(),
    online: z.array(z.int()),
    allowed: z.array(z.int()),
    virtualization: z.enum(['vmx', 'svm']).optional(),
    isVirtual: z.boolean(),
  }),
  memory: z.object({ totalBytes: z.int(), availableBytes: z.int(), hugePages }),
  nodes: z.array(
    z.looseObject({ node: z.int(), cpus: z.array(z.int()), totalBytes: z.int(), freeBytes: z.int() }),
  ),
  kvm: z.object({
    path: z.string(),
    state: z.enum(['opens', 'missing', 'denied', 'broken']),
    error: z.string().optional(),
    identity: z.string(),
  }),
  container: z.string().optional(),
  cgroup: z.looseObject({}),
})

const dependencySet = z.object({
  name: z.string(),
  summary: z.string(),
  isComplete: z.boolean().describe('Nothing is missing but what is optional.'),
  fix: z.string().optional().describe('The command that fixes it; absent when it is complete.'),
  dependencies: z.array(
    z.object({
      kind: z.string(),
      title: z.string(),
      why: z.string(),
      isOptional: z.boolean(),
      state: z.enum(['present', 'too-old', 'missing']),
      version: z.string().optional(),
      path: z.string().optional(),
      detail: z.string().optional(),
      packages: z.array(z.string()).optional().describe('Packages that have it here.'),
      advice: z.string().optional().describe('What a person has to do, where bringup cannot.'),
    }),
  ),
})

export const setupJson = z
  .object({ sets: z.array(dependencySet) })
  .describe('`bringup setup --list --json`; without `--list` it prints the shape `operation`.')

export const doctorJson = z
  .object({
    isReady: z.boolean().describe('Machines can run here.'),
    host,
    qemu: z.array(
      z.object({
        path: z.string(),
        version: z.string().nullable().describe('Null when it does not answer.'),
        isDefault: z.boolean(),
        accelerators: z.array(accelerator).describe('Only of the default one.'),
      }),
    ),
    profile: z.string(),
    sets: z.array(dependencySet),
    diagnostics,
  })
  .describe('`bringup doctor --json`.')

export const trustJson = z
  .object({ folders: z.array(z.string()) })
  .describe('`bringup trust --json`: the folders whose configs are trusted regardless of who can write them.')

export const updateJson = z
  .object({
    folder: z.string().describe('Where the versions are kept.'),
    changes: z.array(
      z.object({
        what: z.string(),
        from: z.string(),
        to: z.string(),
        bytes: z.int().describe('To be downloaded by the next run.'),
      }),
    ),
  })
  .describe('`bringup update --json`.')
