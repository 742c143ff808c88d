/** Every rule that says "QEMU refuses" is shown to real QEMU, which must refuse with the words that the rule quotes. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { DiagnosticKind } from '../../src/diagnostics.ts'
import type { Facts, FileFact } from '../../src/machine/facts.ts'
import { problems as ideProblems } from '../../src/machine/ide-ports.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from '../../src/machine/machine.ts'
import { problems as wholeProblems } from '../../src/machine/machine-rules.ts'
import { problems as pciProblems } from '../../src/machine/pci-slots.ts'
import { problems as portProblems } from '../../src/machine/qemu-arg-ports.ts'
import { problems as argProblems } from '../../src/machine/qemu-arg-rules.ts'
import { sections } from '../../src/machine/registry.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { MiB } from '../../src/units.ts'
import { killWhenStuck } from '../support/progress.ts'

const folder = mkdtempSync(join(tmpdir(), 'rules, core '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const text = join(folder, 'text')
writeFileSync(text, 'no kernel\n'.repeat(200))
const small = join(folder, 'small.img')
writeFileSync(small, '')
truncateSync(small, 16 * MiB)
const missing = join(folder, 'missing')
/** Commas are doubled for QEMU. */
const twice = small.replaceAll(',', ',,')

const file = (path: string, more: Partial<FileFact>): [string, FileFact] => [
  path,
  {
    path,
    kind: 'file',
    bytes: 0,
    isReadable: true,
    isWritable: true,
    freeBytes: 1e12,
    hasParent: true,
    ...more,
  },
]

const asked = await readCapabilities(findQemu('x86_64'), 'x86_64', join(folder, 'cache'))

const facts: Facts = {
  files: new Map([
    file(text, { bytes: 2000, content: 'text' }),
    file(small, { bytes: 16 * MiB }),
    file(missing, { kind: 'missing' }),
    file(join(missing, 'ram'), { kind: 'missing', hasParent: false }),
    file(folder, { kind: 'directory' }),
    file(process.execPath, {
      content: 'elf64',
      bytes: 1e8,
      kernel: { protocol: 'pvh', loads: [], flaws: [{ kind: 'no-entry', detail: '' }] },
    }),
  ]),
  hostNodes: [0],
  hugePages: [{ bytes: 2 * MiB, total: 0, free: 0 }],
  hostBytes: 1e15,
  accelerators: [],
  qemu: {
    path: 'qemu-system-x86_64',
    sha256: '',
    version: [7, 2, 0],
    packageName: '',
    arch: 'x86_64',
    machines: [
      { name: 'pc-q35-7.2', alias: 'q35', maxCpus: 288, isDeprecated: false },
      { name: 'pc-i440fx-7.2', alias: 'pc', maxCpus: 255, isDeprecated: false },
    ],
    cpuModels: ['max', 'host', 'qemu64'],
    accelerators: ['tcg'],
    types: [],
    properties: {},
    hasLibpmem: false,
    netdevs: [],
    pciTypes: asked.pciTypes,
    cpuProperties: asked.cpuProperties,
    hasTcgX2apic: false,
    features: ['action'],
    firmware: {},
  },
}

/** Lets QEMU take the machine and leave at once. */
async function askQemu(
  machine: MachineInput,
): Promise<{ readonly status: number | null; readonly words: string }> {
  const { args, channels } = compileMachine(parseMachine('tiny', machine), facts, 'tiny')
  const argv = [
    ...['-S', '-accel', 'tcg', '-qmp', 'stdio'],
    ...channels.flatMap((c) => ['-chardev', `null,id=${c.id}`]),
    ...args.flatMap(([flag, value]) => (value === undefined ? [flag] : [flag, value])),
  ]
  const child = spawn('qemu-system-x86_64', argv, { stdio: ['pipe', 'ignore', 'pipe'] })
  killWhenStuck(child, 20)
  child.stdin.on('error', () => {})
  child.stdin.end('{"execute":"qmp_capabilities"}{"execute":"quit"}')
  let words = ''
  child.stderr.on('data', (chunk) => {
    words += chunk
  })
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, words })))
}

const node = (memory: string, more: object = {}) => ({ memory, ...more })
const two = [{}, {}]
const hmat = (...entries: readonly object[]): MachineInput =>
  ({ cpu: 2, numa: { nodes: [{ cpus: 2 }, { cpus: 0 }], hmat: entries } }) as MachineInput
const cached = (...caches: readonly object[]): MachineInput =>
  ({
    cpu: 2,
    numa: { nodes: two, hmat: [{ initiator: 0, target: 0, latency: 5, bandwidth: '1G' }], caches },
  }) as MachineInput

const REFUSED: readonly (readonly [code: string, machine: MachineInput, words: RegExp])[] = [
  [
    'CPU_TOPOLOGY_MISMATCH',
    { cpu: { count: 4, sockets: 1, cores: 3 } },
    /product of the hierarchy must match maxcpus/,
  ],
  ['CPU_COUNT_ABOVE_MAX', { cpu: { count: 4, max: 2 } }, /maxcpus must be equal to or greater than smp/],
  ['CPU_TOO_MANY', { cpu: 300 }, /The max CPUs supported by machine/],
  ['CPU_TOO_MANY', { type: 'pc', cpu: 256 }, /The max CPUs supported by machine/],
  ['CPU_NEEDS_X2APIC', { cpu: { count: 1, max: 256 } }, /requires kernel irqchip and X2APIC/],
  [
    'CPU_NEEDS_X2APIC',
    { cpu: { count: 1, sockets: 70, cores: 3, max: 210 } },
    /requires kernel irqchip and X2APIC/,
  ],
  ['CPU_MODEL_UNKNOWN', { cpu: { model: 'abacus' } }, /unable to find CPU model/],
  ['CPU_HOST_NEEDS_KVM', { cpu: { model: 'host' } }, /requires KVM or HVF/],
  [
    'MEMORY_SLOTS_TOO_FEW',
    { memory: { slots: 1, max: '1G' }, devices: ramDimms(2) },
    /no free slots available/,
  ],
  [
    'MEMORY_SLOTS_TOO_FEW',
    { memory: { slots: 0, max: '1G' }, devices: ramDimms(1) },
    /no slots where allocated/,
  ],
  ['MEMORY_SLOTS_TOO_MANY', { memory: { slots: 257, max: '1G' } }, /unsupported amount of memory slots/],
  [
    'MEMORY_MAX_TOO_SMALL',
    { memory: { size: '256M', max: '300M' }, devices: ramDimms(1) },
    /not enough space/,
  ],
  [
    'MEMORY_MAX_TOO_SMALL',
    { memory: { size: '256M', max: '128M' } },
    /must be at least the initial memory size/,
  ],
  ['MEMORY_MAX_TOO_SMALL', { memory: { size: '256M', slots: 1, max: '256M' } }, /invalid value of maxmem/],
  ['MEMORY_MAX_UNALIGNED', { memory: { max: 300_000_001 } }, /must by aligned|must be aligned/],
  ['MEMORY_ADDRESS_SPACE', { memory: { max: '1T' } }, /phys-bits too low/],
  ['MEMORY_HUGE_PAGES_MISSING', { memory: { hugePages: '4M' } }, /failed to create memfd/],
  ['MEMORY_HUGE_PAGES_TOO_FEW', { memory: { size: '1T', hugePages: '2M' } }, /Cannot allocate memory/],
  ['MEMORY_HUGE_PAGES_UNALIGNED', { memory: { size: '255M', hugePages: '2M' } }, /failed to resize memfd/],
  ['MEMORY_FILE_WITHOUT_PATH', { memory: { backend: 'file' } }, /Parameter 'mem-path' is missing/],
  ['MEMORY_PATH_UNUSABLE', { memory: { path: join(missing, 'ram') } }, /can't open backing store/],
  ['MEMORY_FILE_SIZE', { memory: { path: small } }, /does not match 'size' option/],
  ['MEMORY_HOST_NODE_MISSING', { memory: { hostNodes: [37] } }, /cannot bind memory to host NUMA nodes/],
  [
    'MEMORY_HOST_NODE_MISSING',
    { numa: { nodes: [{ hostNodes: [37] }, {}] } },
    /cannot bind memory to host NUMA nodes/,
  ],
  ['MEMORY_POLICY_WITHOUT_NODES', { memory: { policy: 'bind' } }, /host-nodes must be set for policy/],
  [
    'MEMORY_POLICY_WITHOUT_NODES',
    { memory: { policy: 'interleave' }, numa: { nodes: [{ hostNodes: [0] }, {}] } },
    /host-nodes must be set for policy/,
  ],
  [
    'NUMA_MEMORY_SUM',
    { memory: '300M', numa: { nodes: [node('128M'), node('128M')] } },
    /should equal RAM size/,
  ],
  [
    'NUMA_CPU_TWICE',
    { cpu: 3, numa: { nodes: [{ cpus: '0-1' }, { cpus: '1-2' }] } },
    /CPU is already assigned to node-id/,
  ],
  [
    'NUMA_CPU_BEYOND_MAX',
    { cpu: 2, numa: { nodes: [{ cpus: '0' }, { cpus: '1-2' }] } },
    /should be smaller than maxcpus/,
  ],
  [
    'NUMA_CPU_BEYOND_MAX',
    { cpu: 2, numa: { nodes: [{ cpus: 2 }, { cpus: 2 }] } },
    /should be smaller than maxcpus/,
  ],
  ['NUMA_TOO_MANY_NODES', { cpu: 1, memory: '256M', numa: 129 }, /Max number of NUMA nodes reached/],
  [
    'NUMA_DISTANCE_NODE_MISSING',
    {
      numa: {
        nodes: two,
        distances: [
          [10, 20, 30],
          [20, 10, 30],
          [30, 30, 10],
        ],
      },
    },
    /is missing/,
  ],
  [
    'NUMA_DISTANCE_NODE_MISSING',
    { numa: { nodes: two, distances: [{ from: 0, to: 2, value: 20 }] } },
    /Source\/Destination NUMA node is missing/,
  ],
  ['NUMA_DISTANCE_RANGE', { numa: { nodes: two, distances: 9 } }, /shouldn't be less than 10/],
  ['NUMA_DISTANCE_RANGE', { numa: { nodes: two, distances: 256 } }, /expects uint8_t/],
  [
    'NUMA_DISTANCE_LOCAL',
    {
      numa: {
        nodes: two,
        distances: [
          [11, 20],
          [20, 10],
        ],
      },
    },
    /Local distance of node 0 should be 10/,
  ],
  [
    'NUMA_DISTANCE_MISSING',
    { numa: { nodes: 3, distances: [{ from: 0, to: 1, value: 20 }] } },
    /The distance between node 0 and 2 is missing/,
  ],
  [
    'NUMA_DISTANCE_ONE_WAY',
    { numa: { nodes: 3, distances: [pair(0, 1, 20), pair(1, 0, 22), pair(0, 2, 30), pair(1, 2, 30)] } },
    /At least one asymmetrical pair/,
  ],
  [
    'NUMA_INITIATOR',
    { cpu: 2, numa: { nodes: [{ cpus: 2 }, { cpus: 0, initiator: 1 }] } },
    /The initiator of NUMA node 1 is invalid/,
  ],
  [
    'NUMA_INITIATOR',
    { cpu: 2, numa: { nodes: [{ initiator: 1 }, {}] } },
    /The initiator of CPU NUMA node 0 should be itself/,
  ],
  [
    'NUMA_HMAT_INITIATOR',
    hmat({ initiator: 1, target: 0, latency: 5 }),
    /isn't an initiator proximity domain/,
  ],
  ['NUMA_HMAT_TARGET', hmat({ initiator: 0, target: 2, latency: 5 }), /should point to an existing node/],
  ['NUMA_HMAT_TARGET', cached({ node: 3, size: '1M' }), /it should be less than 2/],
  [
    'NUMA_HMAT_DUPLICATE',
    hmat({ initiator: 0, target: 0, latency: 5 }, { initiator: 0, target: 0, latency: 6 }),
    /Duplicate configuration of the latency/,
  ],
  [
    'NUMA_HMAT_BANDWIDTH_UNALIGNED',
    hmat({ initiator: 0, target: 0, bandwidth: '1K' }),
    /should be 1MB aligned/,
  ],
  [
    'NUMA_HMAT_SPREAD',
    hmat({ initiator: 0, target: 0, latency: 5 }, { initiator: 0, target: 1, latency: 65535 }),
    /should not differ/,
  ],
  ['NUMA_HMAT_SPREAD', hmat({ initiator: 0, target: 0, bandwidth: '65535M' }), /should not differ/],
  [
    'NUMA_HMAT_SPREAD',
    hmat({ initiator: 0, target: 0, bandwidth: '1M' }, { initiator: 0, target: 1, bandwidth: '128G' }),
    /should not differ/,
  ],
  ['NUMA_HMAT_CACHE_LEVELS', cached({ node: 0, size: '1M', level: 2 }), /shall be defined first/],
  [
    'NUMA_HMAT_CACHE_LEVELS',
    cached({ node: 0, size: '1M' }, { node: 0, size: '1M', level: 2 }),
    /should be larger than the size/,
  ],
  [
    'NUMA_HMAT_CACHE_UNMEASURED',
    cached({ node: 1, size: '1M' }),
    /should be provided before memory side cache/,
  ],
  ['BOOT_FILE_MISSING', { boot: { kernel: missing } }, /could not open kernel file/],
  ['BOOT_FILE_UNREADABLE', { boot: { kernel: folder } }, /could not (load|open) kernel/],
  ['BOOT_KERNEL_NOT_A_KERNEL', { boot: { kernel: text } }, /invalid kernel header/],
  ['BOOT_KERNEL_WITHOUT_PVH', { boot: { kernel: process.execPath } }, /without PVH ELF Note/],
  ['BOOT_INITRD_WITHOUT_KERNEL', { boot: { initrd: text } }, /-initrd only allowed with -kernel/],
  ['BOOT_APPEND_WITHOUT_KERNEL', { boot: { append: 'a,b' } }, /-append only allowed with -kernel/],
  ['BOOT_OVMF_MISSING', { boot: { firmware: 'uefi', esp: folder } }, /Could not open/],
  ['BOOT_FLASH_TOO_LARGE', { boot: { code: small, variables: small } }, /exceeds 8388608 bytes/],
  ['BOOT_FLASH_SIZE', { boot: { code: text, variables: text } }, /invalid size|non-zero multiple/],
  [
    'BOOT_ESP_NOT_A_FOLDER',
    { boot: { esp: missing, code: small, variables: small } },
    /Could not read directory/,
  ],
  [
    'QEMU_ARG_ID_TWICE',
    { qemuArgs: ['-device', 'isa-serial,id=console-serial'] },
    /Duplicate (device )?ID|duplicate/i,
  ],
  [
    'QEMU_ARG_BOOTINDEX_TWICE',
    { qemuArgs: ['-device', 'e1000,bootindex=1', '-device', 'e1000e,bootindex=1'] },
    /bootindex 1 has already been used/,
  ],
  ['QEMU_ARG_JSON', { qemuArgs: ['-device', '{"driver":"edu",}'] }, /JSON parse error/],
  ['QEMU_ARG_JSON', { qemuArgs: ['-device', '{"driver":"edu","driver":"edu"}'] }, /JSON parse error/],
  ['QEMU_ARG_JSON', { qemuArgs: ['-object', '{"qom-type":"rng-builtin"'] }, /JSON parse error/],
  ['QEMU_ARG_JSON', { qemuArgs: ['-blockdev', '{driver:"null-co"}'] }, /JSON parse error/],
  ['QEMU_ARG_JSON', { qemuArgs: ['-netdev', '{"type":"user","id":n}'] }, /JSON parse error/],
  ['PCI_SLOTS_FULL', { devices: disks(31) }, /no slot\/function available/],
  ['PCI_SLOTS_FULL', { type: 'pc', devices: disks(31) }, /no slot\/function available/],
  [
    'PCI_SLOTS_FULL',
    { devices: disks(29), qemuArgs: ['-device', 'amd-iommu', '-device', 'virtio-rng'] },
    /no slot\/function available/,
  ],
  [
    'PCI_SLOTS_FULL',
    { devices: disks(30), qemuArgs: ['-usb'] },
    /not available for|no slot\/function available/,
  ],
  [
    'PCI_SLOTS_FULL',
    { type: 'pc', devices: disks(30), qemuArgs: ['-nic', 'user'] },
    /no slot\/function available/,
  ],
  [
    'PCI_ADDRESS_TAKEN',
    { devices: disks(2), qemuArgs: ['-device', 'e1000,addr=0x2'] },
    /slot 2 function 0 not available/,
  ],
  ['PCI_ADDRESS_TAKEN', { qemuArgs: ['-device', 'e1000,addr=1f.2'] }, /slot 31 function 2 not available/],
  [
    'PCI_EXPANDER_NOT_A_BRIDGE',
    { qemuArgs: ['-device', 'pxb-pcie,id=p,bus=pcie.0,bus_nr=32', '-device', 'virtio-rng-pci'] },
    /Only PCI\/PCIe bridges can be plugged into pxb-pcie/,
  ],
  [
    'PCI_EXPANDER_NOT_A_BRIDGE',
    {
      devices: [{ kind: 'cxl', size: '256M', backing: 'ram' }],
      qemuArgs: ['-device', '{"driver":"virtio-rng-pci"}'],
    },
    /Only PCI\/PCIe bridges can be plugged into pxb-cxl/,
  ],
  ['CPU_FEATURE_UNKNOWN', { cpu: { features: ['+nonsense'] } }, /nonsense' not found/],
  ['CPU_FEATURE_UNKNOWN', { cpu: { features: ['-nonsense'] } }, /nonsense' not found/],
  ['CPU_FEATURE_UNKNOWN', { cpu: { features: ['nonsense=1'] } }, /nonsense' not found/],
  ['CPU_FEATURE_UNKNOWN', { cpu: { model: 'qemu64', features: ['+hv_relaxed'] } }, /hv_relaxed' not found/],
  ['IDE_PORT_TAKEN', { devices: ide(3), qemuArgs: ['-cdrom', small] }, /only 1 units/],
  ['IDE_PORT_TAKEN', { devices: ide(1), qemuArgs: ['-drive', `format=raw,file=${twice}`] }, /only 1 units/],
  ['IDE_PORT_TAKEN', { qemuArgs: [...ownIde('a'), ...ownIde('b')] }, /only 1 units/],
  ['IDE_PORT_TAKEN', { type: 'pc', devices: ide(3), qemuArgs: ['-cdrom', small] }, /IDE unit 0 is in use/],
  ['IDE_PORT_MISSING', { qemuArgs: ownIde('a', ',bus=ide.7') }, /Bus 'ide.7' not found/],
  [
    'IDE_PORT_MISSING',
    { qemuArgs: ['-drive', `format=raw,index=6,file=${twice}`] },
    /machine type does not support if=ide,bus=6/,
  ],
  ['IDE_PORT_MISSING', { type: 'pc', devices: ide(4), qemuArgs: ownIde('a') }, /IDE unit 1 is in use/],
  ['QEMU_ARG_VALUE_MISSING', { qemuArgs: ['-device'] }, /requires an argument/],
  ['QEMU_ARG_STDIO', { qemuArgs: ['-chardev', 'stdio,id=own'] }, /cannot use stdio by multiple/],
]

function pair(from: number, to: number, value: number) {
  return { from, to, value }
}

function ide(count: number) {
  return Array.from({ length: count }, () => ({ kind: 'disk', file: small, bus: 'ide' }) as const)
}

function ownIde(id: string, more = ''): readonly string[] {
  const drive = `if=none,id=${id},format=raw,snapshot=on,file=${twice}`
  return ['-drive', drive, '-device', `ide-hd,drive=${id}${more}`]
}

function disks(count: number) {
  return Array.from({ length: count }, () => ({ kind: 'disk', file: small, readonly: true }) as const)
}

function ramDimms(count: number) {
  return Array.from({ length: count }, () => ({ kind: 'nvdimm', size: '128M', backing: 'ram' }) as const)
}

/** Refused only by a binary or in a state that cannot be made here; the sources say what was seen. */
const NOT_HERE = new Set([
  'BOOT_QBOOT_MISSING',
  'BOOT_KERNEL_IS_EFI',
  'QEMU_LACKS_TYPE',
  'QEMU_LACKS_PROPERTY',
  'QEMU_TOO_OLD',
  'NUMA_HMAT_QEMU_TOO_OLD',
  'MACHINE_TYPE_UNKNOWN',
  'DEVICE_ID_TWICE',
  // Shown by random machines: the guest hangs, which takes a whole time-out.
  'QEMU_ARG_QBOOT_HANGS',
  'QEMU_ARG_ICOUNT_KVM',
  // A kernel of that kind is needed; boot.test.ts has its facts only.
  'BOOT_INITRD_TOO_LARGE',
  'BOOT_INITRD_OLD_KERNEL',
  'BOOT_MODULE_SPACE',
  'BOOT_VGA_INVALID',
  // Shown in rules-devices.test.ts, with a port that is taken and a file that is open.
  'QEMU_ARG_PORT',
  'GDB_PORT_REFUSED',
  'BOOT_VARIABLES_BUSY',
  // Shown in kernel-matrix.test.ts, each with a kernel that QEMU really got.
  'BOOT_KERNEL_DAMAGED',
  'BOOT_KERNEL_MULTIBOOT_64',
  'BOOT_KERNEL_NOTES_DAMAGED',
])

describe('what bringup says that QEMU refuses', () => {
  it.each(REFUSED)('%s: %j', async (code, machine, words) => {
    const found = checkMachine(parseMachine('tiny', machine), facts, 'tiny')
    expect(found.filter((d) => d.severity === 'error').map((d) => d.code)).toContain(code)
    const answer = await askQemu(machine)
    expect(answer.words).toMatch(words)
    expect(answer.status).not.toBe(0)
  })

  it('covers every such rule of the core devices', () => {
    const kinds: readonly DiagnosticKind[] = [
      ...Object.values(sections).flatMap((s) => Object.values<DiagnosticKind>(s.diagnostics)),
      ...[wholeProblems, argProblems, portProblems, pciProblems, ideProblems].flatMap((p) =>
        Object.values<DiagnosticKind>(p),
      ),
    ]
    const shown = new Set(REFUSED.map(([code]) => code))
    const refused = kinds.filter((k) => k.qemu === 'refuses').map((k) => k.code)
    expect(refused.filter((code) => !shown.has(code) && !NOT_HERE.has(code))).toEqual([])
  })
})

it('more than 255 CPUs: what QEMU says of its x2APIC is what it does', async () => {
  const argv = [
    '-S',
    '-accel',
    'tcg',
    '-M',
    'q35',
    '-cpu',
    'max',
    '-smp',
    '1,maxcpus=256',
    '-display',
    'none',
  ]
  const qemu = spawn('qemu-system-x86_64', [...argv, '-qmp', 'stdio'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  killWhenStuck(qemu, 20)
  qemu.stdin.on('error', () => {})
  qemu.stdin.end('{"execute":"qmp_capabilities"}{"execute":"quit"}')
  const status = await new Promise((resolve) => qemu.on('close', resolve))
  expect(status === 0).toBe(asked.hasTcgX2apic)
})

const ACCEPTED: readonly MachineInput[] = [
  {},
  { memory: '1000M', numa: 3 },
  { cpu: 5, numa: 2 },
  { cpu: 1, numa: 2 },
  { cpu: { count: 3, max: 8, threads: 2 }, numa: 3 },
  { cpu: { count: 255 } },
  {
    cpu: 4,
    numa: {
      nodes: [
        node('128M', { cpus: '0,2' }),
        node('0', { cpus: '1,3' }),
        node('64M', { cpus: 0, initiator: 0 }),
      ],
    },
  },
  { cpu: 128, numa: 128 },
  { memory: { max: '900G' } },
  { memory: { backend: 'memfd', share: true, hostNodes: [0], policy: 'preferred' }, devices: ramDimms(3) },
  { memory: { path: folder, prealloc: true }, numa: 2 },
  { devices: disks(30) },
  { devices: ide(5), qemuArgs: ownIde('a') },
  { devices: ide(2), qemuArgs: ['-cdrom', small] },
  { type: 'pc', devices: ide(3), qemuArgs: ownIde('a') },
  { type: 'pc', devices: disks(30), qemuArgs: ['-usb'] },
  {
    devices: disks(28),
    qemuArgs: ['-device', 'e1000,addr=1f.5', ...['-device', 'pcie-root-port,id=r', '-device', 'e1000,bus=r']],
  },
  {
    cpu: {
      features: [
        '+sse4_1',
        '+lahf_lm',
        'lahf_lm=on',
        'hv_relaxed=on',
        'tsc-freq=1G',
        'tsc_freq=1G',
        '-sse3',
        'vmx_ept=off',
      ],
    },
  },
  // The nodes have host nodes, the memory as a whole has none.
  { memory: { policy: 'preferred' }, numa: { nodes: [{ hostNodes: [0] }, { hostNodes: [0] }] } },
  {
    cpu: 1,
    memory: { policy: 'interleave' },
    numa: { nodes: [{ hostNodes: [0], memory: '256M' }, { memory: 0 }] },
  },
  { console: 'virtio', debugExit: { port: 0x501 } },
  hmat(
    { initiator: 0, target: 0, latency: 5, bandwidth: '1M' },
    { initiator: 0, target: 1, latency: 65534, bandwidth: '65534M', hierarchy: 'memory' },
  ),
  cached({ node: 0, size: '2M', level: 2 }, { node: 0, size: '1M' }),
]

describe('what bringup accepts', () => {
  it.each(ACCEPTED)('QEMU starts %j', async (machine) => {
    const found = checkMachine(parseMachine('tiny', machine), facts, 'tiny')
    // There is nothing to boot, and these facts name no device types: neither is what is tried here.
    expect(
      found.filter((d) => d.severity === 'error' && !['BOOT_NOTHING', 'QEMU_LACKS_TYPE'].includes(d.code)),
    ).toEqual([])
    expect(await askQemu(machine)).toMatchObject({ status: 0 })
  })
})
