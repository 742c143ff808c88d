/**
 * The shapes of `--json`: what a program may rely on. The reference has them as JSON Schemas, and tests hold real output
 * against them. Keys may be added; none is taken away or changes its meaning without a new major version.
 */
import * as z from 'zod'
import { buildResultSchema } from '../build/record.ts'
import { comparisonSchema, diagnosticSchema, resultSchema } from '../runs/record.ts'

const milliseconds = z.number().nonnegative()
const exitCode = z.int().min(0).max(255)
const diagnostics = z.array(diagnosticSchema)

const accelerator = z.object({
  name: z.enum(['kvm', 'tcg']),
  works: z.boolean().describe('A throw-away guest really ran on it.'),
  reason: z.string(),
  stage: z.string().optional().describe('The last stage that the throw-away guest reached.'),
  tookMs: milliseconds,
})

const persistenceVerdict = z.object({
  device: z.string(),
  event: z.string(),
  answer: z.enum(['yes', 'no', 'not guaranteed']),
  because: z.string(),
})

/** A machine with all defaults filled in; `bringup.schema.json` describes how it is written. */
const machine = z
  .looseObject({})
  .describe('The description with all defaults filled in: bytes and milliseconds.')

/** What every command prints when it could not do what was asked. */
export const errorJson = z
  .object({ exitCode, diagnostics })
  .describe('Printed instead by any command that could not do what was asked.')

export const planJson = z
  .looseObject({
    name: z.string(),
    profile: z.string(),
    machine,
    qemu: z.object({ path: z.string(), version: z.string() }),
    accelerator: z.object({ name: z.enum(['kvm', 'tcg']), because: z.string() }),
    accelerators: z.array(accelerator),
    argv: z.array(z.string()).describe('The QEMU command, ready to paste: the console on the terminal.'),
    files: z.array(z.looseObject({ kind: z.string(), path: z.string() })),
    locks: z.array(z.object({ path: z.string(), mode: z.enum(['exclusive', 'shared']) })),
    stores: z.array(z.object({ path: z.string(), device: z.string(), size: z.int(), label: z.int() })),
    sideProcesses: z.array(z.object({ id: z.string(), argv: z.array(z.string()) })),
    steps: z.array(z.looseObject({ id: z.string(), what: z.string() })),
    timeoutMs: milliseconds,
    persistence: z.array(persistenceVerdict),
    diagnostics,
  })
  .describe('`bringup plan --json`.')

export const runJson = resultSchema
  .unwrap()
  .extend({ comparison: z.array(comparisonSchema).optional() })
  .describe('`bringup run --json`, and `result.json` in the folder of the run.')

const described = z.object({
  name: z.string(),
  summary: z.string().nullable(),
  profile: z.string(),
  isDefault: z.boolean(),
  machine,
})

export const initJson = z
  .object({
    folder: z.string(),
    file: z.string(),
    state: z.enum(['written', 'replaced', 'kept', 'shown']).describe('`shown`: --dry-run.'),
    what: z.string().optional().describe('What was recognised.'),
    because: z.string().optional(),
    remarks: z.array(z.string()).optional(),
    content: z.string().optional(),
  })
  .describe('`bringup init --json`.')

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

export const machinesJson = z
  .union([
    z.object({ folder: z.string(), configFile: z.string().nullable(), machines: z.array(described) }),
    described.extend({
      view: z.looseObject({}).describe('What follows from it: CPUs and memory of each node.'),
    }),
  ])
  .describe('`bringup machines --json`; the second form with the name of a machine.')

const runSummary = z.object({
  id: z.string(),
  folder: z.string(),
  startedAt: z.iso.datetime(),
  machine: z.string(),
  profile: z.string(),
  verdict: z.enum([...resultSchema.unwrap().shape.verdict.options, 'running', 'abandoned']),
  exitCode: exitCode.optional(),
  totalMs: milliseconds.optional(),
  meaning: z.string().optional(),
})

export const runsJson = z
  .union([
    z.object({ runs: z.array(runSummary) }),
    runSummary.extend({
      argv: z.array(z.string()),
      plan: z.looseObject({}),
      result: resultSchema.optional(),
    }),
    z.object({ id: z.string(), folder: z.string() }),
    z.object({ deleted: z.array(z.string()) }),
    z.object({ console: z.string() }),
  ])
  .describe('`bringup runs --json`; then `runs show`, `runs path`, `runs prune` and `runs show --console`.')

const store = z.object({
  name: z.string().nullable().describe('Null for files elsewhere than in the state folder.'),
  path: z.string(),
  kind: z.enum(['file', 'dax-device']),
  bytes: z.int().describe('Of the file or device: what the guest can use, and the label area.'),
  allocatedBytes: z.int(),
  size: z.int().describe('What the guest can use.'),
  label: z.int().describe('Size of the label area at the end; 0 without one.'),
  tail: z.enum(['empty', 'data', 'labels']).nullable().describe('What lies at the end of the file.'),
  isClean: z
    .boolean()
    .nullable()
    .describe('Whether the last run, and those beside it, ended in good order; null when none is known.'),
  lastUse: z
    .object({
      machine: z.string(),
      device: z.string(),
      run: z.string(),
      beganAt: z.iso.datetime(),
      endedAt: z.iso.datetime().optional(),
      end: z.enum(['running', 'guest-ended', 'guest-crashed', 'stopped', 'killed', 'unknown']),
    })
    .nullable(),
  lockedBy: z.object({ pid: z.int(), mode: z.enum(['read', 'write']), command: z.string() }).nullable(),
  machines: z.array(z.object({ machine: z.string(), device: z.string() })),
})

export const nvdimmJson = z
  .union([
    z.object({ stores: z.array(store) }),
    store,
    z.object({ removed: z.array(z.string()) }),
    z.object({
      subject: z.string(),
      verdicts: z.array(persistenceVerdict),
      conditions: z.array(
        z.object({
          device: z.string(),
          condition: z.string(),
          isMet: z.boolean().optional().describe('Absent when nobody could tell.'),
          because: z.string(),
          change: z.string().optional(),
        }),
      ),
    }),
  ])
  .describe('`bringup nvdimm list --json`; then `show`, `create`, `resize` and `clone`; `remove`; `explain`.')

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
  mend: z.string().optional().describe('The command that mends it; absent when it is complete.'),
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

export const containerJson = z
  .union([
    z.object({ engine: z.enum(['docker', 'podman']), image: z.string(), wasThere: z.boolean() }),
    z.object({ image: z.string(), dockerfile: z.string() }),
    z.object({ removed: z.array(z.string()) }),
  ])
  .describe('`bringup container build --json`; then `container build --print` and `container remove`.')

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

/** By the name of the file in `docs/reference/json`. */
export const SHAPES = {
  error: errorJson,
  plan: planJson,
  run: runJson,
  build: buildJson,
  init: initJson,
  machines: machinesJson,
  runs: runsJson,
  nvdimm: nvdimmJson,
  'pmem-plan': pmemPlanJson,
  'pmem-status': pmemStatusJson,
  doctor: doctorJson,
  checkout: checkoutJson,
  setup: setupJson,
  container: containerJson,
  operation: operationJson,
  operations: operationsJson,
}
