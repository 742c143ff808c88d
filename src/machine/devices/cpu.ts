/** CPUs: model, number, topology, hot-pluggable ones. */
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { nearest } from '../../nearest.ts'
import { plural } from '../../plural.ts'
import { defineDevice, type MachineView, option, type RuleContext } from '../device.ts'
import type { GuestCpu, HardwareView } from '../guest-view.ts'
import { featureExpectations, featuresNotCompared } from './cpu-features.ts'
import { apicIdLimit } from './cpu-topology.ts'
import { mayUseKvm } from './may-use-kvm.ts'

export { cpuCounts } from './cpu-topology.ts'

const problems = defineDiagnostics({
  CPU_COUNT_ZERO: {
    title: 'A machine without CPUs.',
    why: 'QEMU treats zero as unset (deprecated) and starts with one CPU',
    remedy: 'give at least one CPU',
    source:
      'QEMU: "Deprecated CPU topology (considered invalid): CPU topology parameters must be greater than zero"',
    qemu: 'misbehaves',
  },
  CPU_TOPOLOGY_MISMATCH: {
    title: 'Sockets × dies × cores × threads is not the number of CPUs.',
    why: 'the topology must have exactly one place for each CPU, including hot-pluggable ones',
    remedy: 'omit one of sockets, dies, cores and threads; bringup computes it',
    source: 'QEMU: "Invalid CPU topology: product of the hierarchy must match maxcpus"',
    qemu: 'refuses',
  },
  CPU_COUNT_ABOVE_MAX: {
    title: 'More CPUs at boot than the maximum of the machine.',
    why: '`max` counts the CPUs at boot and those that can be plugged later',
    remedy: 'raise cpu.max, or lower cpu.count',
    source: 'QEMU: "Invalid CPU topology: maxcpus must be equal to or greater than smp"',
    qemu: 'refuses',
  },
  CPU_TOO_MANY: {
    title: 'More CPUs than the machine type supports.',
    why: 'each machine type has its own limit',
    remedy: 'lower cpu.count or cpu.max, or use type "q35"',
    source: 'QEMU: "Invalid SMP CPUs … The max CPUs supported by machine"',
    qemu: 'refuses',
  },
  CPU_NEEDS_X2APIC: {
    title: 'The topology needs APIC ids above 254, which this accelerator or CPU model cannot give.',
    why: 'ids that do not fit in 8 bits need an x2APIC, which QEMU has with KVM, and since 9.0 with TCG for CPU models with that feature; each level of the topology is rounded up to a power of two',
    remedy:
      "lower cpu.max to 255 at most, with cores and threads that are powers of two; with QEMU 9.0 or newer, a model with an x2APIC or features: ['+x2apic'] has them too",
    source:
      'QEMU before 9.0: "current -smp configuration requires kernel irqchip and X2APIC API support."; later ones start, and the guest cannot reach the CPUs',
    qemu: 'refuses',
  },
  CPU_MODEL_UNKNOWN: {
    title: 'This QEMU binary does not have the CPU model.',
    why: 'the guest’s CPU is one of the models compiled into QEMU',
    remedy: 'omit cpu.model for "max", or choose one that `qemu-system-x86_64 -cpu help` lists',
    source: 'QEMU: "unable to find CPU model"',
    qemu: 'refuses',
  },
  CPU_FEATURE_UNKNOWN: {
    title: 'This QEMU binary does not support a CPU feature.',
    why: 'features are properties of QEMU’s CPU type; +name and -name need its exact name, in name=value an underscore stands for a hyphen too',
    remedy: 'correct the name; `qemu-system-x86_64 -cpu help` lists most of them',
    source: 'QEMU: "Property \'max-x86_64-cpu.…\' not found"',
    qemu: 'refuses',
  },
  CPU_THREADS_AS_CORES: {
    severity: 'warning',
    title: 'Threads on a CPU whose guests may take them for cores.',
    why: 'TCG’s own model is an AMD CPU without the topology leaf (topoext), so Linux counts every thread as a core',
    remedy: "add features: ['vendor=GenuineIntel'], whose topology leaves TCG has",
    source: 'tried with Linux 6.1; arch/x86/kernel/cpu/amd.c reads threads from topoext only',
    qemu: 'accepts',
  },
  CPU_HOST_NEEDS_KVM: {
    title: 'CPU model "host" without KVM.',
    why: 'only KVM passes the host’s CPU to the guest; TCG emulates a CPU',
    remedy: 'use model "max", which has all features of the accelerator; with KVM that is the host’s CPU',
    source: 'QEMU: "CPU model \'host\' requires KVM or HVF"',
    qemu: 'refuses',
  },
})

const zFeature = () =>
  z
    .string()
    // QEMU splits the model at commas, and knows no way to write one in a value.
    .regex(
      /^([+-][\w.-]+|[\w.-]+=[^,\p{Cc}]+)$/u,
      'a feature is written "+name", "-name" or "name=value", without commas',
    )

/** Beyond what any machine type takes, and small enough for the arithmetic of topologies. */
const number = () => z.int().nonnegative().max(65_535).optional()

const object = z.lazy(() =>
  z.strictObject({
    model: z
      .string()
      .regex(/^[\w.-]+$/, 'a CPU model is one word, such as "max" or "EPYC"; flags belong in `features`')
      .default('max')
      .describe(
        'CPU model. `max`: everything that the accelerator can do, which with KVM is the host’s CPU.',
      ),
    features: z
      .array(zFeature())
      .default([])
      .describe('CPU flags to switch, as QEMU writes them: `+pmu`, `-avx`, `tsc-frequency=1000000000`.'),
    kvmFeatures: z
      .array(zFeature())
      .optional()
      .describe('Further flags, for KVM only: `+invtsc`, which TCG does not have.'),
    count: number().describe(
      'CPUs at boot. Default: what topology or NUMA nodes add up to, else 1 (one per NUMA node).',
    ),
    sockets: number().describe('Sockets. Default: as few as lie on one NUMA node each; 1 without NUMA.'),
    dies: number().describe('Dies per socket. Default 1.'),
    cores: number().describe('Cores per die. Default: what is left.'),
    threads: number().describe('Threads per core. Default 1.'),
    max: number().describe('CPUs at boot plus those that can be plugged later. Default: count.'),
  }),
)

const schema = z.lazy(() =>
  z.union([
    z
      .int()
      .nonnegative()
      .max(65_535)
      .transform((count) => object.parse({ count })),
    object,
  ]),
)

/** CPU options with defaults filled in, as far as they do not depend on the NUMA nodes. */
export type CpuConfig = z.output<typeof schema>

function check(cpu: CpuConfig, context: RuleContext): readonly Diagnostic[] {
  const { machine, facts, path } = context
  const { cpus } = machine
  const found: Diagnostic[] = []
  const zeroes = (['count', 'max', 'sockets', 'dies', 'cores', 'threads'] as const).filter(
    (key) => cpu[key] === 0,
  )
  for (const key of zeroes) found.push(problems.CPU_COUNT_ZERO.at(`${path}.${key}`, `cpu.${key} is 0`))
  if (zeroes.length > 0) return [...found, ...checkModel(cpu, context)]
  const product = cpus.sockets * cpus.dies * cpus.cores * cpus.threads
  const levels = [
    plural(cpus.sockets, 'socket'),
    plural(cpus.dies, 'die'),
    plural(cpus.cores, 'core'),
    plural(cpus.threads, 'thread'),
  ].join(' × ')
  if (cpus.count > cpus.max) {
    found.push(
      problems.CPU_COUNT_ABOVE_MAX.at(
        `${path}.max`,
        `${plural(cpus.count, 'CPU')} at boot, but at most ${cpus.max}`,
      ),
    )
  } else if (product !== cpus.max) {
    found.push(
      problems.CPU_TOPOLOGY_MISMATCH.at(
        path,
        `${levels} is ${product}, but the machine has places for ${plural(cpus.max, 'CPU')}`,
      ),
    )
  }
  const limit = facts.qemu?.machines.find((m) => m.name === machine.type || m.alias === machine.type)?.maxCpus
  if (limit !== undefined && cpus.max > limit) {
    found.push(
      problems.CPU_TOO_MANY.at(path, `${plural(cpus.max, 'CPU')}, but "${machine.type}" takes ${limit}`),
    )
  } else if (product === cpus.max && apicIdLimit(cpus) > 255 && !hasX2apic(cpu, context)) {
    found.push(problems.CPU_NEEDS_X2APIC.at(path, `${levels} needs APIC id ${apicIdLimit(cpus) - 1}`))
  }
  return [
    ...found,
    ...checkModel(cpu, context),
    ...checkFeatures(cpu, context),
    ...checkThreads(cpu, context),
  ]
}

/** Whether ids above 254 reach CPUs: TCG of this QEMU knows the x2APIC, and the CPU has it. */
function hasX2apic({ features, model }: CpuConfig, { machine, facts }: RuleContext): boolean {
  if (mayUseKvm(machine, facts)) return true
  if (facts.qemu?.hasTcgX2apic !== true) return false
  // `-x2apic` beats `+x2apic`, which beats `x2apic=…` (QEMU: x86_cpu_parse_featurestr, x86_cpu_expand_features).
  if (features.includes('-x2apic')) return false
  if (features.includes('+x2apic')) return true
  const last = features.findLast((f) => f.startsWith('x2apic='))
  if (last !== undefined) return /=(on|yes|true|y)$/.test(last)
  return model === 'max' || facts.cpu?.hasX2apic !== false
}

/** A name that is a property by another rule (QEMU: x86_cpu_parse_featurestr). */
const SPECIAL = 'tsc-freq'

function checkFeatures(
  { features, kvmFeatures = [] }: CpuConfig,
  { machine, facts, path }: RuleContext,
): readonly Diagnostic[] {
  const names = facts.qemu?.cpuProperties ?? []
  if (names.length === 0) return []
  const known = new Set(names)
  const isKnown = (feature: string) => {
    const [name = ''] = feature.replace(/^[+-]/, '').split('=')
    if (/^[+-]/.test(feature)) return known.has(name)
    const plain = name.replaceAll('_', '-')
    return known.has(name) || known.has(plain) || plain === SPECIAL
  }
  const all = [
    ...features.map((f, i) => [f, `features[${i}]`] as const),
    ...(mayUseKvm(machine, facts) ? kvmFeatures.map((f, i) => [f, `kvmFeatures[${i}]`] as const) : []),
  ]
  return all.flatMap(([feature, at]) => {
    if (isKnown(feature)) return []
    const name = feature.replace(/^[+-]/, '').replace(/=.*/, '')
    const meant = nearest(name, names)
    return [
      problems.CPU_FEATURE_UNKNOWN.at(
        `${path}.${at}`,
        `QEMU at ${facts.qemu?.path} has no CPU feature "${name}"`,
        meant === undefined ? {} : { remedy: `write "${feature.replace(name, meant)}", or omit it` },
      ),
    ]
  })
}

function checkThreads(cpu: CpuConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const saysItself = cpu.features.some(
    (f) => f.startsWith('vendor=') || f === '+topoext' || f === 'topoext=on',
  )
  if (machine.cpus.threads < 2 || cpu.model !== 'max' || saysItself || mayUseKvm(machine, facts)) return []
  return [
    problems.CPU_THREADS_AS_CORES.at(
      `${path}.threads`,
      `${machine.cpus.threads} threads per core, on TCG’s model "max"`,
    ),
  ]
}

function checkModel(cpu: CpuConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const isKnown =
    cpu.model === 'max' || cpu.model === 'host' || (facts.qemu?.cpuModels.includes(cpu.model) ?? true)
  if (!isKnown)
    return [
      problems.CPU_MODEL_UNKNOWN.at(
        `${path}.model`,
        `QEMU at ${facts.qemu?.path} has no CPU model "${cpu.model}"`,
      ),
    ]
  if (cpu.model !== 'host' || mayUseKvm(machine, facts)) return []
  return [
    problems.CPU_HOST_NEEDS_KVM.at(`${path}.model`, 'cpu.model is "host", but the machine runs without KVM'),
  ]
}

const describeShape = (sockets: number, cores: number, threads: number) =>
  [plural(sockets, 'socket'), plural(cores, 'core'), plural(threads, 'thread')].join(', ')

/** Sockets, cores and threads that are there at boot: CPU indices count up thread by thread. */
function wantedShape(cpus: MachineView['cpus']): string {
  const cores = Math.ceil(cpus.count / cpus.threads)
  return describeShape(Math.ceil(cores / (cpus.cores * cpus.dies)), cores, cpus.count)
}

function seenShape(view: HardwareView): string | undefined {
  const online = view.cpus?.filter((c) => c.online)
  if (!online || online.some((c) => c.socket === undefined || c.core === undefined)) return undefined
  const distinct = (key: (c: GuestCpu) => string) => new Set(online.map(key)).size
  return describeShape(
    distinct((c) => `${c.socket}`),
    distinct((c) => `${c.socket}/${c.core}`),
    online.length,
  )
}

const count = (view: HardwareView, is: (cpu: GuestCpu) => boolean) =>
  view.cpus && `${view.cpus.filter(is).length}`

/** CPUs of the machine. A bare number in a description is the count. */
export const cpu = defineDevice({
  kind: 'cpu',
  summary: 'CPU model, number and topology',
  schema,
  diagnostics: problems,
  savedState: () => true,
  check,
  compile: (cpu, { machine, facts }) => {
    const { count, max, ...topology } = machine.cpus
    const more = mayUseKvm(machine, facts) ? (cpu.kvmFeatures ?? []) : []
    return {
      args: [
        ['-cpu', [cpu.model, ...cpu.features, ...more].join(',')],
        option('-smp', undefined, { cpus: count, ...topology, maxcpus: max }),
      ],
    }
  },
  // With several dies a guest may number cores per die, so that only the counts can be compared.
  mustSee: ({ features }, { machine: { cpus } }) => [
    { device: 'cpu', aspect: 'online', want: `${cpus.count}`, see: (view) => count(view, (c) => c.online) },
    {
      device: 'cpu',
      aspect: 'hot-pluggable',
      want: `${cpus.max - cpus.count}`,
      see: (view) => count(view, (c) => !c.online && c.isIdle !== true),
    },
    ...(cpus.dies > 1
      ? []
      : [{ device: 'cpu', aspect: 'topology', want: wantedShape(cpus), see: seenShape }]),
    ...featureExpectations(features),
  ],
  notCompared: ({ model, features }, { machine: { cpus } }) => [
    ...(model === 'max'
      ? []
      : [
          {
            device: 'cpu',
            aspect: `model ${model}`,
            because: 'the guest sees a brand text, which is not QEMU’s name',
          },
        ]),
    ...(cpus.dies > 1
      ? [
          {
            device: 'cpu',
            aspect: 'topology',
            because: 'guests may number cores per die, so cores cannot be counted',
          },
        ]
      : []),
    ...featuresNotCompared(features),
  ],
})
