/**
 * The flags of nrk's own tool, `kernel/run.py`, for hands that know them: what they mean as a machine. Those that change
 * the build are aliases of the build options.
 */
import type { BuildOptionSpec, BuildOptionValues } from '../../../build/options.ts'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { readCpus } from '../../../host/cpus.ts'
import { readHostNodes } from '../../../host/numa.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import type { MachineFlags } from '../../profile.ts'

export const problems = defineDiagnostics({
  NRK_FLAG_VALUE: {
    title: 'A flag in the words of nrk’s tool has a value that it cannot have.',
    why: 'the tool wants whole numbers: nodes, cores, MiB',
    remedy: 'correct the number, or use bringup’s own flags, which take units: --memory 2G',
  },
  NRK_FLAG_UNEVEN: {
    title: 'Memory in the words of nrk’s tool cannot be split evenly.',
    why: 'the tool cut the rest off without a word, and QEMU then refused the sum',
    remedy:
      'give a multiple of the number of nodes, or say each part: --nvdimm 256M,node=0 --nvdimm 512M,node=1',
  },
  NRK_FLAG_REPLACED: {
    title: 'A flag of nrk’s tool is something else here.',
    why: 'bringup does it by another command, always, or not at all',
    remedy: 'see the explanation',
  },
})

const number = (name: string, description: string): BuildOptionSpec => ({
  name,
  type: 'text',
  valueName: 'n',
  description,
})

const SPECS: readonly BuildOptionSpec[] = [
  number('qemuNodes', 'NUMA nodes, and sockets'),
  number('qemuNodeOffset', 'first NUMA node of this computer to take the memory from'),
  number('qemuCores', 'CPUs, spread over the nodes'),
  number('qemuMemory', 'RAM in MiB, spread over the nodes'),
  number('qemuPmem', 'persistent memory in MiB, spread over the nodes'),
  {
    name: 'qemuAffinity',
    type: 'text',
    valueName: 'cpus',
    description: 'CPUs of this computer to pin to: "[0,2,4]"; "[]" takes those that are allowed, in order',
  },
  { name: 'qemuPrealloc', type: 'boolean', description: 'touch all memory before the guest starts' },
  { name: 'qemuLargePages', type: 'boolean', description: 'take the memory from huge pages of 2 MiB' },
  {
    name: 'qemuSettings',
    type: 'text',
    valueName: 'words',
    description: 'arguments for QEMU, split at blanks',
  },
]

/** What the rest of the tool's flags became. */
const REPLACED: Readonly<Record<string, string>> = {
  norun: 'that is `bringup build`',
  nobuild: 'that is `bringup run --no-build`',
  qemuMonitor: 'bringup is connected to QEMU’s QMP itself; on a terminal Ctrl-A H shows what the keys do',
  qemuDebugCpu: 'every reset of a CPU is in `qemu.log` of the run’s folder, always',
  dcmPath: 'the scheduler of several machines is started beside them, not by the build',
}

const REPLACED_SPECS = Object.entries(REPLACED).map(
  ([name, words]): BuildOptionSpec => ({
    name,
    type: name === 'dcmPath' ? 'text' : 'boolean',
    description: words,
  }),
)

export const TOOL_FLAGS: MachineFlags = {
  title: 'In the words of nrk’s run.py:',
  specs: [...SPECS, ...REPLACED_SPECS],
  toMachine: (values) => {
    const wrong: Diagnostic[] = [...replaced(values)]
    const read = (name: string) => numberOf(values, name, wrong)
    const nodes = read('qemuNodes')
    const cores = read('qemuCores')
    const memory = read('qemuMemory')
    const offset = read('qemuNodeOffset')
    const devices = pmem(read('qemuPmem'), nodes, wrong)
    const pins = pinsOf(values, cores ?? 1, wrong)
    if (wrong.length > 0) throw new BringupError(wrong)
    return {
      ...(cores === undefined ? {} : { cpu: { count: cores } }),
      ...memoryOf(values, memory),
      ...(nodes === undefined ? {} : { numa: numaOf(nodes, offset) }),
      ...(devices.length === 0 ? {} : { devices }),
      ...(pins.length === 0 ? {} : { pins }),
      ...(typeof values.qemuSettings === 'string'
        ? { qemuArgs: values.qemuSettings.split(/\s+/).filter(Boolean) }
        : {}),
    }
  },
}

function replaced(values: BuildOptionValues): readonly Diagnostic[] {
  return Object.entries(REPLACED)
    .filter(([name]) => values[name] !== undefined && values[name] !== false)
    .map(([name, words]) => problems.NRK_FLAG_REPLACED.at('', flag(name), { remedy: words }))
}

const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

function numberOf(values: BuildOptionValues, name: string, wrong: Diagnostic[]): number | undefined {
  const value = values[name]
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value)
  wrong.push(problems.NRK_FLAG_VALUE.at('', `${flag(name)} "${String(value)}"`))
  return undefined
}

function memoryOf(values: BuildOptionValues, mebibytes: number | undefined): Pick<MachineInput, 'memory'> {
  const memory = {
    ...(mebibytes === undefined ? {} : { size: `${mebibytes}M` }),
    ...(values.qemuPrealloc === true ? { prealloc: true } : {}),
    ...(values.qemuLargePages === true ? { hugePages: '2M' } : {}),
  }
  return Object.keys(memory).length === 0 ? {} : { memory }
}

/** The offset goes round: with offset 2, three nodes lie on the nodes 2, 3 and 0 of a computer with four. */
function numaOf(nodes: number, offset: number | undefined): MachineInput['numa'] {
  if (offset === undefined) return { nodes }
  const host = readHostNodes().filter((n) => n.totalBytes > 0 && n.cpus.length > 0)
  return {
    nodes: Array.from({ length: nodes }, (_, i) => ({
      hostNodes: [host[(i + offset) % Math.max(1, host.length)]?.node ?? 0],
    })),
  }
}

function pmem(
  mebibytes: number | undefined,
  nodes: number | undefined,
  wrong: Diagnostic[],
): NonNullable<MachineInput['devices']> {
  if (mebibytes === undefined || mebibytes === 0) return []
  const count = Math.max(1, nodes ?? 1)
  if (mebibytes % count !== 0)
    wrong.push(problems.NRK_FLAG_UNEVEN.at('', `--qemu-pmem ${mebibytes} over ${count} nodes`))
  return Array.from({ length: count }, (_, node) => ({
    kind: 'nvdimm' as const,
    id: `pmem${node}`,
    size: `${Math.floor(mebibytes / count)}M`,
    ...(nodes === undefined ? {} : { node }),
  }))
}

function pinsOf(
  { qemuAffinity: text }: BuildOptionValues,
  cores: number,
  wrong: Diagnostic[],
): NonNullable<MachineInput['pins']> {
  if (typeof text !== 'string') return []
  const words = text
    .replace(/^\[|\]$/g, '')
    .split(/[\s,]+/)
    .filter(Boolean)
  if (!words.every((word) => /^\d{1,5}$/.test(word)))
    wrong.push(problems.NRK_FLAG_VALUE.at('', `--qemu-affinity "${text}"`))
  const hostCpus = words.length > 0 ? words.map(Number) : readCpus().allowed
  return Array.from({ length: cores }, (_, cpu) => ({
    cpu,
    hostCpus: [hostCpus[cpu % Math.max(1, hostCpus.length)] ?? 0],
  }))
}
