/** What can be wrong with a machine, one aspect each. A spoil need not bite: then QEMU has to accept the machine. */
import type { MachineInput } from '../../src/machine/machine.ts'

/** Turns a description that is right into one that has this one thing wrong with it. */
export type Spoil = (machine: MachineInput) => unknown

type Loose = Readonly<Record<string, unknown>>

const section = (key: 'cpu' | 'memory' | 'boot', value: Loose): Spoil => {
  return (machine) => ({ ...machine, [key]: { ...(machine[key] as Loose | undefined), ...value } })
}
const only = (key: string, value: unknown): Spoil => {
  return (machine) => ({ ...machine, [key]: value })
}
const add = (...devices: readonly Loose[]): Spoil => {
  return (machine) => ({ ...machine, devices: [...(machine.devices ?? []), ...devices] })
}
const ofThree = (numa: Loose, rest: Loose = {}): Spoil => {
  return (machine) => ({
    ...machine,
    cpu: 4,
    memory: {},
    devices: withoutNodes(machine),
    numa: {
      nodes: [
        { cpus: [0, 1], memory: '32M' },
        { cpus: [2, 3], memory: '32M' },
        { cpus: [], memory: '32M' },
      ],
      ...numa,
    },
    ...rest,
  })
}
const measured = (...hmat: readonly Loose[]) => ofThree({ hmat })
const cached = (...caches: readonly Loose[]) =>
  ofThree({ hmat: [{ initiator: 0, target: 0, latency: 5, bandwidth: '1G' }], caches })

/** Nodes of the machine before are not those of the machine now. */
function withoutNodes(machine: MachineInput): readonly Loose[] {
  return (machine.devices ?? []).map((d) => (d.kind === 'nvdimm' ? { ...d, node: undefined } : d))
}

const pm = (more: Loose): Loose => ({ kind: 'nvdimm', id: 'wrong', size: '16M', ...more })
const dk = (more: Loose): Loose => ({ kind: 'disk', id: 'wrong', size: '1M', ...more })
const nc = (more: Loose): Loose => ({ kind: 'nic', id: 'wrong', ...more })
const vp = (more: Loose): Loose => ({ kind: 'virtio-pmem', id: 'wrong', size: '2M', ...more })
const im = (more: Loose): Loose => ({ kind: 'ivshmem', id: 'wrong', size: '1M', ...more })
const cx = (more: Loose): Loose => ({ kind: 'cxl', id: 'wrong', size: '256M', backing: 'ram', ...more })
const times = (n: number, one: (i: number) => Loose) => Array.from({ length: n }, (_, i) => one(i))

const OF_CPUS: Readonly<Record<string, Spoil>> = {
  'no CPUs': section('cpu', { count: 0 }),
  'no threads': section('cpu', { threads: 0 }),
  'topology too small': only('cpu', { count: 4, sockets: 1, cores: 3 }),
  'topology too large': only('cpu', { count: 4, sockets: 3, cores: 2 }),
  'more than max': only('cpu', { count: 4, max: 2 }),
  'APIC ids above 254': only('cpu', { count: 1, max: 256 }),
  'unknown CPU model': section('cpu', { model: 'Pentium9' }),
  'host CPU without KVM': section('cpu', { model: 'host' }),
}

const OF_MEMORY: Readonly<Record<string, Spoil>> = {
  'RAM not of 8K': section('memory', { size: 64 * 1024 * 1024 + 4096 }),
  'RAM of odd bytes': section('memory', { size: 64 * 1024 * 1024 + 1 }),
  'RAM too small': section('memory', { size: '1M' }),
  'no RAM': section('memory', { size: 0 }),
  'another RAM than the nodes': section('memory', { size: '512M' }),
  'one slot': section('memory', { slots: 1 }),
  '257 slots': section('memory', { slots: 257 }),
  'max too small': section('memory', { slots: 4, max: '32M' }),
  'max not of pages': section('memory', { slots: 4, max: 4 * 1024 ** 3 + 1 }),
  'max beyond address space': section('memory', { slots: 4, max: '2T' }),
  'file without path': section('memory', { backend: 'file', path: undefined }),
  'path without folder': section('memory', { backend: 'file', path: 'nowhere/ram' }),
  'path of small file': section('memory', { backend: 'file', path: 'small.img' }),
  'one file for all': section('memory', { backend: 'file', path: 'ram.img' }),
  'path without file backend': section('memory', { backend: 'ram', path: 'ram.img' }),
  'policy without nodes': section('memory', { policy: 'bind' }),
  'host node missing': section('memory', { hostNodes: [9] }),
  'huge pages': section('memory', { backend: 'memfd', path: undefined, hugePages: '2M' }),
  'huge pages of no size': section('memory', { backend: 'memfd', path: undefined, hugePages: '8M' }),
  'huge pages in plain RAM': section('memory', { backend: 'ram', path: undefined, hugePages: '2M' }),
}

const nodes = (...list: readonly Loose[]) => ofThree({ nodes: list })
const pairs = (...list: readonly (readonly [number, number, number])[]) =>
  ofThree({ distances: list.map(([from, to, value]) => ({ from, to, value })) })

const OF_NUMA: Readonly<Record<string, Spoil>> = {
  'CPU on two nodes': nodes({ cpus: [0, 1, 2] }, { cpus: [2, 3] }),
  'CPU on no node': nodes({ cpus: [0, 1] }, { cpus: [2] }),
  'CPU beyond the last': nodes({ cpus: [0, 1] }, { cpus: [2, 3, 4] }),
  'node of half a page': nodes({ memory: 32 * 1024 * 1024 + 2048 }, { memory: 32 * 1024 * 1024 - 2048 }),
  'node of 512K': nodes({ memory: '512K' }, { memory: '32M' }),
  'threads of a core apart': ofThree(
    {},
    {
      cpu: { count: 4, sockets: 1, cores: 2, threads: 2 },
      numa: { nodes: [{ cpus: [0, 2] }, { cpus: [1, 3] }] },
    },
  ),
  'distance 9': ofThree({ distances: 9 }),
  'distance 10': ofThree({ distances: 10 }),
  'distance 255': ofThree({ distances: 255 }),
  'distance 256': ofThree({ distances: 256 }),
  'local distance 11': pairs([0, 0, 11], [0, 1, 20], [0, 2, 20], [1, 2, 20]),
  'distance missing': pairs([0, 1, 20]),
  'distance of no node': pairs([0, 1, 20], [0, 2, 20], [1, 2, 20], [0, 3, 20]),
  'distance one way': pairs([0, 1, 20], [1, 0, 21], [0, 2, 20], [1, 2, 20]),
  'distance twice': pairs([0, 1, 20], [0, 1, 30], [0, 2, 20], [1, 2, 20]),
  'matrix too small': ofThree({
    distances: [
      [10, 20],
      [20, 10],
    ],
  }),
  'initiator without CPUs': nodes({ cpus: 4 }, { cpus: 0 }, { cpus: 0, initiator: 1 }),
  'initiator elsewhere': nodes({ cpus: 2, initiator: 1 }, { cpus: 2 }),
  'HMAT from no CPUs': measured({ initiator: 2, target: 0, latency: 5 }),
  'HMAT to no node': measured({ initiator: 0, target: 3, latency: 5 }),
  'HMAT of nothing': measured({ initiator: 0, target: 0 }),
  'HMAT twice': measured({ initiator: 0, target: 0, latency: 5 }, { initiator: 0, target: 0, latency: 6 }),
  'HMAT bandwidth unaligned': measured({ initiator: 0, target: 0, bandwidth: 1_500_000 }),
  'HMAT spread': measured(
    { initiator: 0, target: 0, latency: 1 },
    { initiator: 0, target: 1, latency: 70_001 },
  ),
  'HMAT latency wraps': measured({ initiator: 0, target: 0, latency: 70_001 }),
  'cache level 2 alone': cached({ node: 0, level: 2, size: '1M' }),
  'cache level 2 smaller': cached({ node: 0, level: 1, size: '2M' }, { node: 0, level: 2, size: '1M' }),
  'cache unmeasured': cached({ node: 1, size: '1M' }),
  'cache twice': cached({ node: 0, size: '1M' }, { node: 0, size: '1M' }),
}

const OF_NVDIMMS: Readonly<Record<string, Spoil>> = {
  'NVDIMM of nothing': add(pm({ size: 0 })),
  'NVDIMM of 1M of RAM': add(pm({ size: '1M', backing: 'ram' })),
  'NVDIMM of 3M of RAM': add(pm({ size: '3M', backing: 'ram' })),
  'NVDIMM below its alignment': add(pm({ size: '1M', align: '2M', label: '1M' })),
  'NVDIMM not of its alignment': add(pm({ size: '21M', align: '2M' })),
  'NVDIMM of odd bytes': add(pm({ size: 1_000_001 })),
  'NVDIMM label too small': add(pm({ label: '64K' })),
  'NVDIMM label of odd bytes': add(pm({ label: 131_073 })),
  'NVDIMM align 3K': add(pm({ align: '3K' })),
  'NVDIMM align 12K': add(pm({ align: '12K' })),
  'NVDIMM align 1K': add(pm({ align: '1K' })),
  'NVDIMM on node 9': add(pm({ node: 9 })),
  'NVDIMM on node 1': add(pm({ node: 1 })),
  'NVDIMM readonly and armed': add(pm({ readonly: true, unarmed: false })),
  'NVDIMM of RAM with a file': add(pm({ backing: 'ram', file: 'pm.img' })),
  'NVDIMM of RAM readonly': add(pm({ backing: 'ram', readonly: true })),
  'NVDIMM shared and private': add(pm({ share: false, shared: true })),
  'NVDIMM in a folder': add(pm({ file: 'folder' })),
  'NVDIMM without folder': add(pm({ file: 'nowhere/pm.img' })),
  'NVDIMM of a smaller file': add(pm({ file: 'small.img' })),
  'NVDIMM of a larger file': add(pm({ file: 'large.img' })),
  'NVDIMM readonly and empty': add(pm({ file: 'empty.img', readonly: true })),
  'NVDIMM of a pipe': add(pm({ file: 'pipe' })),
  'NVDIMM file twice': add(pm({ file: 'pm.img' }), pm({ id: 'wrong2', file: 'pm.img' })),
  'NVDIMM pmem': add(pm({ pmem: true })),
}

const OF_MEMORY_DEVICES: Readonly<Record<string, Spoil>> = {
  'virtio-pmem of nothing': add(vp({ size: 0 })),
  'virtio-pmem of odd bytes': add(vp({ size: 1_000_001 })),
  'virtio-pmem of a smaller file': add(vp({ file: 'small.img' })),
  'virtio-pmem of a larger file': add(vp({ file: 'large.img' })),
  'virtio-pmem in a folder': add(vp({ file: 'folder' })),
  'virtio-pmem without folder': add(vp({ file: 'nowhere/pm.img' })),
  'virtio-pmem of a pipe': add(vp({ file: 'pipe' })),
  'virtio-pmem file twice': add(vp({ file: 'pm.img' }), vp({ id: 'wrong2', file: 'pm.img' })),
  'virtio-pmem shared and private': add(vp({ share: false, shared: true })),
  'virtio-pmem of RAM with a file': add(vp({ backing: 'ram', file: 'pm.img' })),
  'virtio-pmem beyond max': (machine) => ({
    ...machine,
    numa: undefined,
    memory: { size: '64M', max: '65M', slots: 4 },
    devices: [vp({})],
  }),
  'shared memory of nothing': add(im({ size: 0 })),
  'shared memory without size': add(im({ size: undefined })),
  'shared memory of half a page': add(im({ size: '2K' })),
  'shared memory of 3M': add(im({ size: '3M' })),
  'shared memory of a smaller file': add(im({ size: '64M', file: 'small.img' })),
  'shared memory in a folder': add(im({ file: 'folder' })),
  'shared memory without folder': add(im({ file: 'nowhere/window' })),
  'shared memory with a policy alone': add(im({ policy: 'bind' })),
  'shared memory on a missing host node': add(im({ hostNodes: [63] })),
  'shared memory of odd huge pages': add(im({ hugePages: '16K' })),
  'shared memory of a server that is missing': add(im({ vectors: 1, socket: 'no-socket' })),
  'CXL of nothing': add(cx({ size: 0 })),
  'CXL of 300M': add(cx({ size: '300M' })),
  'CXL without labels': add(cx({ label: 0 })),
  'CXL window of 300M': add(cx({ window: '300M' })),
  'CXL window too small': add(cx({ size: '512M', window: '256M' })),
  'CXL windows of one bridge': add(
    cx({ bridge: 'b', window: '512M' }),
    cx({ id: 'wrong2', bridge: 'b', window: '1G' }),
  ),
  'CXL on 18 bridges': (machine) => ({
    ...machine,
    devices: times(18, (i) => cx({ id: `wrong${i}` })),
  }),
  'CXL volatile': add(cx({ type: 'volatile' })),
  'CXL without PCI Express': (machine) => ({ ...machine, type: 'pc', devices: [cx({})] }),
}

const OF_DEVICES: Readonly<Record<string, Spoil>> = {
  'disk missing': add(dk({ file: 'missing.img', size: undefined })),
  'disk without folder': add(dk({ file: 'nowhere/disk.img' })),
  'disk is a folder': add(dk({ file: 'folder' })),
  'disk is empty': add(dk({ file: 'empty.img', size: undefined })),
  'disk is no qcow2': add(dk({ file: 'text', format: 'qcow2', size: undefined })),
  'disk made as qcow2': add(dk({ file: 'new.qcow2' })),
  'disk readonly and kept': add(dk({ readonly: true, persist: true })),
  'disk readonly on IDE': add(dk({ readonly: true, bus: 'ide' })),
  'disks beyond the ports': add(...times(7, (i) => dk({ id: `wrong${i}`, bus: 'ide' }))),
  'disk file twice': add(
    dk({ file: 'small.img', persist: true }),
    dk({ id: 'wrong2', file: 'small.img', persist: true }),
  ),
  'disk serial too long': add(dk({ serial: 'x'.repeat(21) })),
  'disk bootindex twice': add(dk({ bootindex: 1 }), dk({ id: 'wrong2', bootindex: 1 })),
  'MAC of five bytes': add(nc({ mac: '52:54:00:12:34' })),
  'MAC of a group': add(nc({ mac: '53:54:00:12:34:56' })),
  'MAC of zeros': add(nc({ mac: '00:00:00:00:00:00' })),
  'MAC twice': add(nc({ mac: '52:54:00:12:34:56' }), nc({ id: 'wrong2', mac: '52:54:00:12:34:56' })),
  'port 70000': add(nc({ forwards: [{ guest: 70_000 }] })),
  'port twice': add(
    nc({
      forwards: [
        { host: 45_671, guest: 1 },
        { host: 45_671, guest: 2 },
      ],
    }),
  ),
  'forward without network': add(nc({ network: 'none', forwards: [':22'] })),
  'four serial ports more': add(...times(4, (i) => ({ kind: 'serial', id: `wrong${i}` }))),
  '31 virtio consoles': add(...times(31, (i) => ({ kind: 'virtio-console', id: `wrong${i}` }))),
  '31 virtio ports': add(...times(31, (i) => ({ kind: 'virtio-console', id: `wrong${i}`, name: `n${i}` }))),
  'virtio port name twice': add(...times(2, (i) => ({ kind: 'virtio-console', id: `wrong${i}`, name: 'n' }))),
  'two watchdogs': add(...times(2, (i) => ({ kind: 'watchdog', id: `wrong${i}` }))),
  'id twice': add(pm({}), dk({})),
}

const OF_THE_REST: Readonly<Record<string, Spoil>> = {
  '32-bit CPU': (machine) => ({
    ...machine,
    boot: {},
    cpu: { model: 'qemu32' },
    numa: undefined,
    memory: '64M',
    devices: [],
  }),
  'CPU without long mode': (machine) => ({
    ...machine,
    boot: {},
    cpu: { features: ['-lm'] },
    numa: undefined,
    memory: '64M',
    devices: [],
  }),
  'kernel missing': section('boot', { kernel: 'missing' }),
  'kernel is text': section('boot', { kernel: 'text' }),
  'kernel is a folder': section('boot', { kernel: 'folder' }),
  'initrd missing': section('boot', { initrd: 'missing' }),
  'kernel under bios': section('boot', { firmware: 'bios' }),
  'esp without uefi': section('boot', { firmware: 'direct', esp: 'folder' }),
  'pin beyond the last CPU': only('pins', [{ cpu: 64, hostCpus: [0] }]),
  'own -m': only('qemuArgs', ['-m', '64']),
  'own -smp': only('qemuArgs', ['-smp', '1']),
  'USB without a bus': only('qemuArgs', ['-device', 'usb-kbd']),
  'USB ports full': only('qemuArgs', [
    '-device',
    'usb-ehci',
    ...Array(7).fill(['-device', 'usb-tablet']).flat(),
  ]),
  'broken JSON': only('qemuArgs', ['-device', '{"driver":"edu",}']),
  'own id twice': add({ kind: 'watchdog', id: 'w' }),
  'argument with the id of a device': (machine) => ({
    ...machine,
    devices: [{ kind: 'nic', id: 'n', model: 'e1000' }],
    qemuArgs: ['-device', 'virtio-rng-pci,id=n'],
  }),
}

export const SPOILS: Readonly<Record<string, Spoil>> = {
  ...OF_CPUS,
  ...OF_MEMORY,
  ...OF_NUMA,
  ...OF_NVDIMMS,
  ...OF_MEMORY_DEVICES,
  ...OF_DEVICES,
  ...OF_THE_REST,
}
