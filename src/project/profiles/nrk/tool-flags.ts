/**
 * The flags of nrk's own tool, `kernel/run.py`, for hands that know them: what they mean as a machine. Those that change
 * the build are aliases of the build options.
 */
import type { BuildOptionSpec, BuildOptionValues } from '../../../build/options.ts'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { readCpus } from '../../../host/cpus.ts'
import { readHostNodes } from '../../../host/numa.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import { plural } from '../../../plural.ts'
import type { MachineFlags } from '../../profile.ts'
import { type CardModel, oneCard } from './one-card.ts'
import { rewriteWords } from './rewrite-words.ts'

export const problems = defineDiagnostics({
  NRK_FLAG_VALUE: {
    title: 'A flag of run.py has an invalid value.',
    why: 'run.py takes whole numbers of nodes, cores and MiB',
    remedy: 'correct the number, or use bringup’s own flags, which take units: --memory 2G',
  },
  NRK_FLAG_UNEVEN: {
    title: 'Memory of a run.py flag cannot be split evenly.',
    why: 'run.py dropped the remainder silently, and QEMU then refused the sum',
    remedy:
      'give a multiple of the number of nodes, or give each part: --nvdimm 256M,node=0 --nvdimm 512M,node=1',
  },
  NRK_FLAG_REPLACED: {
    title: 'A flag of run.py has another form in bringup.',
    why: 'bringup has another command for it, always does it, or does not support it',
    remedy: 'see the message',
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
    description: 'CPUs of this computer to pin to, such as "[0,2,4]"; "[]" uses the allowed ones in order',
  },
  {
    name: 'nic',
    type: 'text',
    valueName: 'model',
    choices: ['e1000', 'virtio-net-pci', 'vmxnet3'],
    description: 'model of the network card, for which the user library is built',
  },
  {
    name: 'qemuDebugCpu',
    type: 'boolean',
    description: 'interrupts and resets of the CPUs, with registers, into `qemu.log` of the run',
  },
  { name: 'kgdb', type: 'boolean', description: 'a second serial port on port 1234, for gdb' },
  { name: 'qemuPrealloc', type: 'boolean', description: 'touch all memory before the guest starts' },
  { name: 'qemuLargePages', type: 'boolean', description: 'take the memory from huge pages of 2 MiB' },
  {
    name: 'qemuSettings',
    type: 'text',
    valueName: 'words',
    description: 'arguments for QEMU, split at blanks',
  },
]

/** Flags of the tool that have no counterpart, and what to do instead. */
const REPLACED: Readonly<Record<string, string>> = {
  norun: 'use `bringup build`, with the same flags',
  nobuild: 'use `bringup run --no-build`',
  qemuMonitor:
    'on a terminal Ctrl-A X ends the guest and Ctrl-A R resets it; for everything else add --qemu-arg -monitor --qemu-arg telnet:127.0.0.1:55555,server,nowait',
  dcmPath: 'start the scheduler of several machines beside them; the build does not need it',
  tap: 'omit it: the card is on a network of this user’s that needs no tap; forward ports with --nic forwards=…, or describe a rack whose network has `host` for a bridge with taps',
  qemuIvshmem: 'omit it, and describe a rack whose guests join its `memory`',
  qemuShmemPath: 'omit it, and describe a rack whose guests join its `memory`',
  configureIpxe: 'omit it: bringup does not boot bare metal',
  noReboot: 'omit it: bringup does not boot bare metal',
  workers: 'start each machine by a `bringup run` of its own, with --machine-id',
  networkOnly: 'omit it: no network is set up on this computer',
}

const WITH_VALUE = ['dcmPath', 'tap', 'qemuIvshmem', 'qemuShmemPath', 'workers']

const REPLACED_SPECS = Object.entries(REPLACED).map(
  ([name, words]): BuildOptionSpec => ({
    name,
    type: WITH_VALUE.includes(name) ? 'text' : 'boolean',
    description: words,
  }),
)

/** The second serial port, where gdb finds the kernel: `target remote localhost:1234`. */
const KGDB_ARGS = [
  '-chardev',
  'socket,id=kgdb,host=127.0.0.1,port=1234,server=on,wait=off',
  '-device',
  'isa-serial,chardev=kgdb,index=1',
]

export const TOOL_FLAGS: MachineFlags = {
  title: 'In the words of nrk’s run.py:',
  specs: [...SPECS, ...REPLACED_SPECS],
  rewrite: rewriteWords,
  combine: oneCard,
  toMachine: (values) => {
    const wrong: Diagnostic[] = [...replaced(values)]
    const read = (name: string) => numberOf(values, name, wrong)
    // The tests of the tree pass 0 nodes, which means no NUMA.
    const nodes = read('qemuNodes') || undefined
    const cores = read('qemuCores')
    const memory = read('qemuMemory')
    const offset = read('qemuNodeOffset')
    const devices = [...pmem(read('qemuPmem'), nodes, wrong), ...card(values)]
    const pins = pinsOf(values, cores ?? 1, wrong)
    const settings = settingsOf(values)
    if (wrong.length > 0) throw new BringupError(wrong)
    const count = settings.cores ?? cores
    const qemuArgs = [
      ...(values.qemuDebugCpu === true ? ['-d', 'int,cpu_reset'] : []),
      ...(values.kgdb === true ? KGDB_ARGS : []),
      ...settings.args,
    ]
    return {
      ...(count === undefined ? {} : { cpu: { count } }),
      ...memoryOf(values, settings.memory ?? (memory === undefined ? undefined : `${memory}M`), nodes),
      ...(nodes === undefined ? {} : { numa: numaOf(nodes, offset ?? 0) }),
      ...(devices.length === 0 ? {} : { devices }),
      ...(pins.length === 0 ? {} : { pins }),
      ...(qemuArgs.length === 0 ? {} : { qemuArgs }),
    }
  },
}

/** `-m` and `-smp` of `--qemu-settings` are the machine’s own: QEMU lets the last one win, as the tool did. */
function settingsOf({ qemuSettings }: BuildOptionValues): {
  readonly args: readonly string[]
  readonly memory?: string
  readonly cores?: number
} {
  const words = typeof qemuSettings === 'string' ? qemuSettings.split(/\s+/).filter(Boolean) : []
  const take = (name: string, pattern: RegExp) => {
    const index = words.findLastIndex((word, i) => word === name && pattern.test(words[i + 1] ?? ''))
    return index === -1 ? undefined : words.splice(index, 2)[1]
  }
  const memory = take('-m', /^(size=)?\d+[KMGT]?$/i)?.replace('size=', '')
  const cores = take('-smp', /^\d+$/)
  return {
    args: words,
    ...(memory === undefined ? {} : { memory: /\d$/.test(memory) ? `${memory}M` : memory }),
    ...(cores === undefined ? {} : { cores: Number(cores) }),
  }
}

function card({ nic }: BuildOptionValues): NonNullable<MachineInput['devices']> {
  return typeof nic === 'string' ? [{ kind: 'nic', model: nic as CardModel }] : []
}

function replaced(values: BuildOptionValues): readonly Diagnostic[] {
  return Object.entries(REPLACED)
    .filter(([name]) => values[name] !== undefined && values[name] !== false && values[name] !== '')
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

function memoryOf(
  values: BuildOptionValues,
  size: string | undefined,
  nodes: number | undefined,
): Pick<MachineInput, 'memory'> {
  const memory = {
    ...(size === undefined ? {} : { size }),
    ...(values.qemuPrealloc === true ? { prealloc: true } : {}),
    ...(values.qemuLargePages === true ? { hugePages: '2M' } : {}),
    ...(nodes === undefined ? {} : { share: true }),
  }
  return Object.keys(memory).length === 0 ? {} : { memory }
}

/** The offset goes round: with offset 2, three nodes lie on the nodes 2, 3 and 0 of a computer with four. */
function numaOf(nodes: number, offset: number): MachineInput['numa'] {
  const host = readHostNodes().filter((n) => n.totalBytes > 0 && n.cpus.length > 0)
  if (host.length === 0) return { nodes }
  return {
    nodes: Array.from({ length: nodes }, (_, i) => ({
      hostNodes: [host[(i + offset) % host.length]?.node ?? 0],
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
    wrong.push(problems.NRK_FLAG_UNEVEN.at('', `--qemu-pmem ${mebibytes} over ${plural(count, 'node')}`))
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
