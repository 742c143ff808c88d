/**
 * The rules of devices against real QEMU: what a rule says QEMU refuses, it refuses, with the words that the rule
 * quotes; what it says QEMU accepts silently, QEMU starts with, and where that is cheap the harm is shown.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { BringupError, type DiagnosticKind } from '../../src/diagnostics.ts'
import { createFiles } from '../../src/guest/host-files.ts'
import { readPorts } from '../../src/host/ports.ts'
import { parseUserNet } from '../../src/machine/devices/nic-forwards.ts'
import { problems as ofPvrdma } from '../../src/machine/devices/pvrdma-problems.ts'
import type { Facts } from '../../src/machine/facts.ts'
import type { GuestPciFunction } from '../../src/machine/guest-view.ts'
import {
  checkMachine,
  compileMachine,
  expectationsOf,
  type MachineInput,
  parseMachine,
} from '../../src/machine/machine.ts'
import { devices } from '../../src/machine/registry.ts'
import { gatherFacts } from '../../src/plan/gather.ts'
import { pathsOf, placeMachine, portsOf } from '../../src/plan/place.ts'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { type QemuProcess, startQemu } from '../../src/qemu/process.ts'
import { identityOf } from '../../src/stores/journal.ts'
import { KiB, MiB } from '../../src/units.ts'

// Commas, equals signs, colons and blanks are in every path of this file.
const folder = mkdtempSync(join(tmpdir(), 'rules, a=b:c '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => join(folder, name)

function sized(name: string, bytes: number): void {
  rmSync(at(name), { recursive: true, force: true })
  writeFileSync(at(name), '')
  truncateSync(at(name), bytes)
}

beforeEach(() => {
  sized('small.img', 32 * MiB)
  sized('64m.img', 64 * MiB)
  sized('large.img', 128 * MiB)
  sized('empty.img', 0)
  for (const [name, text] of [
    ['full.img', 'data'],
    ['labelled.img', 'NAMESPACE_INDEX\0'],
  ] as const) {
    sized(name, 64 * MiB - 128 * KiB)
    appendFileSync(at(name), text)
    truncateSync(at(name), 64 * MiB)
  }
  writeFileSync(at('damaged.qcow2'), Buffer.from('QFI\xfb\0\0\0\x03not an image', 'latin1'))
  recorded('half.img', { event: 'resizing', size: 128 * MiB, label: 128 * 1024, labels: '' })
  recorded('unclean.img', { event: 'began', machine: 'm', device: 'd', run: 'r', joins: false })
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', at('good.img'), '64M'])
  rmSync(at('folder'), { recursive: true, force: true })
  mkdirSync(at('folder'))
  rmSync(at('pipe'), { force: true })
  spawnSync('mkfifo', [at('pipe')])
})

/** A store that is written down: it was made, and then that happened. */
function recorded(name: string, ...lines: readonly object[]): void {
  sized(name, 64 * MiB)
  const made = { event: 'made', size: 64 * MiB, label: 0, file: identityOf(statSync(at(name))) }
  const text = [made, ...lines].map((line) => `${JSON.stringify({ at: '', ...line })}\n`).join('')
  writeFileSync(at(`${name}.bringup.jsonl`), text)
}

/** Everything but a guest: the machine is placed, its facts are gathered, its files made, and QEMU is started, paused. */
function prepare(machine: MachineInput, known: Pick<Facts, 'qemu' | 'hostPorts'> = {}) {
  const name = 'tiny'
  const parsed = parseMachine(name, { memory: '64M', ...machine })
  const config = placeMachine(parsed, { machine: name, folder, stateFolder: at('.bringup') })
  const facts = gatherFacts(pathsOf(name, config), { accelerators: [], ...known })
  const compiled = compileMachine(config, facts, name)
  const args = [['-accel', 'tcg'] as const, ...compiled.args]
  const found = checkMachine(config, facts, name)
  return {
    facts,
    found,
    codes: found.flatMap((d) => (d.path.startsWith('devices[') ? [d.code] : [])),
    expectations: expectationsOf(config, facts, name),
    start: async () => {
      createFiles(compiled.files)
      return startQemu({ plan: { ...compiled, args, qemu: { path: 'qemu-system-x86_64', version: '' } } })
    },
  }
}

async function endOf(qemu: QemuProcess) {
  await qemu.ready.catch(() => {})
  qemu.quit(2000)
  return qemu.exited
}

type Item = NonNullable<MachineInput['devices']>[number]
const nvdimm = (more: object = {}): Item =>
  ({ kind: 'nvdimm', size: '64M', file: '64m.img', ...more }) as Item
const disk = (more: object = {}): Item => ({ kind: 'disk', file: '64m.img', ...more }) as Item
const cdrom = (more: object = {}): Item => ({ kind: 'cdrom', file: '64m.img', ...more }) as Item
const floppy = (more: object = {}): Item => ({ kind: 'floppy', file: 'small.img', ...more }) as Item
const nic = (more: object = {}): Item => ({ kind: 'nic', ...more }) as Item
const vpmem = (more: object = {}): Item =>
  ({ kind: 'virtio-pmem', size: '64M', file: '64m.img', ...more }) as Item
const cxl = (more: object = {}): Item => ({ kind: 'cxl', size: '256M', backing: 'ram', ...more }) as Item
const ivshmem = (more: object = {}): Item => ({ kind: 'ivshmem', size: '1M', ...more }) as Item
const times = <T>(n: number, item: T): T[] => Array.from({ length: n }, () => item)
const twoNodes: MachineInput = { cpu: 2, memory: '128M', numa: { nodes: [{}, {}] } as never }

const BIN = resolve(import.meta.dirname, '../../dist/cli/bin.js')
const VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd'
const NO_RIGHTS = ['--inh-caps=-all', '--bounding-set=-net_bind_service']

/** The code must be found, and QEMU must exit with words that the rule's `source` quotes. */
const REFUSED: readonly (readonly [code: string, machine: MachineInput, words: string])[] = [
  ['NVDIMM_SIZE_ZERO', { devices: [nvdimm({ size: 0 })] }, "doesn't take value '0'"],
  [
    'NVDIMM_SIZE_BELOW_ALIGNMENT',
    { devices: [{ kind: 'nvdimm', size: '1M', backing: 'ram' }] },
    'too small to contain nvdimm label (0x0) and aligned PMEM (0x200000)',
  ],
  [
    'NVDIMM_LABEL_TOO_SMALL',
    { devices: [nvdimm({ label: '64K', file: 'new.img' })] },
    "Property 'nvdimm.label-size' (0x10000) is required at least 0x20000",
  ],
  [
    'NVDIMM_ALIGN_NOT_POWER_OF_TWO',
    { devices: [nvdimm({ align: '12K' })] },
    'alignment 0x3000 must be a power of two',
  ],
  [
    'NVDIMM_ALIGN_NOT_PAGES',
    { devices: [nvdimm({ align: 3000 })] },
    'alignment 0xbb8 must be multiples of page size 0x1000',
  ],
  [
    'NVDIMM_NODE_MISSING',
    { ...twoNodes, devices: [nvdimm({ node: 2 })] },
    'which exceeds the number of numa nodes',
  ],
  [
    'NVDIMM_NODE_WITHOUT_NUMA',
    { devices: [nvdimm({ node: 1 })] },
    'which exceeds the number of numa nodes: 1',
  ],
  [
    'NVDIMM_READONLY_ARMED',
    { devices: [nvdimm({ readonly: true, unarmed: false })] },
    "'unarmed' property must be 'on' since memdev",
  ],
  [
    'NVDIMM_FILE_SMALLER',
    { devices: [nvdimm({ file: 'small.img' })] },
    "backing store size 0x2000000 does not match 'size' option 0x4000000",
  ],
  ['NVDIMM_FILE_UNFIT', { devices: [nvdimm({ file: 'pipe' })] }, 'unable to map backing store for guest RAM'],
  ['DISK_FILE_MISSING', { devices: [disk({ file: 'missing.img' })] }, 'No such file or directory'],
  ['DISK_FILE_UNFIT', { devices: [disk({ file: 'folder' })] }, "'file' driver requires"],
  ['DISK_UNREADABLE_IMAGE', { devices: [disk({ format: 'qcow2' })] }, 'Image is not in qcow2 format'],
  ['DISK_UNREADABLE_IMAGE', { devices: [disk({ file: 'damaged.qcow2' })] }, 'Unsupported cluster size'],
  [
    'DISK_QCOW2_NOT_MADE',
    { devices: [disk({ file: 'new.qcow2', size: '1M' })] },
    'No such file or directory',
  ],
  ['DISK_IDE_READONLY', { devices: [disk({ bus: 'ide', readonly: true })] }, 'Block node is read-only'],
  ['DISK_IDE_FULL', { devices: times(7, disk({ bus: 'ide' })) }, "Bus 'ide.6' not found"],
  ['DISK_IDE_FULL', { type: 'pc', devices: times(5, disk({ bus: 'ide' })) }, "Bus 'ide.2' not found"],
  ['MEDIUM_MISSING', { devices: [cdrom({ file: 'none.iso' })] }, 'No such file or directory'],
  ['CDROM_IDE_FULL', { devices: times(7, cdrom()) }, "Bus 'ide.6' not found"],
  ['CDROM_IDE_FULL', { type: 'pc', devices: times(5, cdrom()) }, "Bus 'ide.2' not found"],
  [
    'FLOPPY_DRIVES_FULL',
    { devices: times(3, floppy()) },
    'machine type does not support if=floppy,bus=0,unit=2',
  ],
  [
    'DISK_FILE_TWICE',
    { devices: [disk({ persist: true }), disk({ persist: true })] },
    'Failed to get "write" lock',
  ],
  ['DISK_FILE_TWICE', { devices: [disk({ persist: true }), disk()] }, 'Failed to get shared "write" lock'],
  [
    'DISK_BOOTINDEX_TWICE',
    { devices: times(2, disk({ bootindex: 1 })) },
    'The bootindex 1 has already been used',
  ],
  [
    'FOLDER_UNFIT',
    { devices: [{ kind: 'folder', path: at('missing'), guest: '/m' } as Item] },
    'cannot initialize fsdev',
  ],
  [
    'FOLDER_UNFIT',
    { devices: [{ kind: 'folder', path: at('good.img'), guest: '/m' } as Item] },
    'cannot initialize fsdev',
  ],
  [
    'FOLDER_ID_TOO_LONG',
    { devices: [{ kind: 'folder', id: 'a'.repeat(32), path: at('folder'), guest: '/m' } as Item] },
    'is longer than maximum (31 bytes)',
  ],
  [
    'NIC_OPTION_UNSUPPORTED',
    { devices: [nic({ model: 'e1000', queues: 2 })] },
    "Property 'e1000.mq' not found",
  ],
  ['NIC_ROM_UNREADABLE', { devices: [nic({ rom: 'missing.rom' })] }, 'failed to find romfile'],
  ['NIC_MAC_INVALID', { devices: [nic({ mac: '52:54:00:zz:00:01' })] }, "doesn't take value"],
  ['NIC_PORT_RANGE', { devices: [nic({ forwards: ['70000-22'] })] }, 'Invalid host forwarding rule'],
  [
    'NIC_PORT_TWICE',
    { devices: [nic({ forwards: ['42042-1', '42042-2'] })] },
    'Could not set up host forwarding rule',
  ],
  [
    'SERIAL_TOO_MANY',
    { devices: times(4, { kind: 'serial' } as Item) },
    'Max. supported number of ISA serial ports is 4.',
  ],
  [
    'VIRTIO_CONSOLE_NAME_TWICE',
    { devices: times(2, { kind: 'virtio-console', name: 'x' } as Item) },
    'A port already exists by name',
  ],
  [
    'VIRTIO_CONSOLE_TOO_MANY',
    { devices: times(32, { kind: 'virtio-console', name: undefined } as Item) },
    'Out-of-range port id specified, max. allowed: 30',
  ],
  ['IVSHMEM_SIZE_MISSING', { devices: [{ kind: 'ivshmem' }] }, "Parameter 'size' is missing"],
  ['IVSHMEM_SIZE_NOT_POWER', { devices: [ivshmem({ size: '2K' })] }, 'does not match'],
  [
    'IVSHMEM_SOCKET_UNUSABLE',
    { devices: [ivshmem({ vectors: 1, socket: at('no server') })] },
    'Failed to connect',
  ],
  [
    'IVSHMEM_SOCKET_UNUSABLE',
    { devices: [ivshmem({ vectors: 1, socket: at('small.img') })] },
    'Failed to connect',
  ],
  [
    'IVSHMEM_SOCKET_TOO_LONG',
    { devices: [ivshmem({ vectors: 1, socket: `/${'s'.repeat(108)}` })] },
    'is too long',
  ],
  ['IVSHMEM_HUGE_PAGES', { devices: [ivshmem({ size: '4M', hugePages: '16K' })] }, 'failed to create memfd'],
  ['IVSHMEM_POLICY_WITHOUT_NODES', { devices: [ivshmem({ policy: 'bind' })] }, 'host-nodes must be set'],
  ['VIRTIO_PMEM_SIZE_ZERO', { devices: [vpmem({ size: 0 })] }, "doesn't take value '0'"],
  [
    'VIRTIO_PMEM_SIZE_NOT_PAGES',
    { devices: [vpmem({ size: 1_000_001, file: 'new.img' })] },
    'backend memory size must be multiple of 0x1000',
  ],
  ['BACKING_FILE_SMALLER', { devices: [vpmem({ file: 'small.img' })] }, "does not match 'size' option"],
  ['BACKING_FILE_UNFIT', { devices: [vpmem({ file: 'pipe' })] }, 'unable to map backing store for guest RAM'],
  ['CXL_NEEDS_Q35', { type: 'pc', devices: [cxl()] }, "Bus 'pcie.0' not found"],
  ['CXL_SIZE_ZERO', { devices: [cxl({ size: 0 })] }, "doesn't take value '0'"],
  ['CXL_LABEL_ZERO', { devices: [cxl({ label: 0 })] }, "doesn't take value '0'"],
  [
    'CXL_WINDOW_NOT_CAPACITY',
    { devices: [cxl({ window: '300M' })] },
    'Size of a CXL fixed memory window must my a multiple of 256MiB',
  ],
  [
    'CXL_BRIDGES_TOO_MANY',
    { devices: times(18, cxl()) },
    'Insufficient space for pxb cxl host register space',
  ],
  [
    'CXL_BRIDGE_FULL',
    { devices: times(33, cxl({ bridge: 'b' })) },
    'no slot/function available for cxl-rp, all in use or reserved',
  ],
]

/** The code must be found, and QEMU must start all the same: without the rule there would be no message. */
const ACCEPTED: readonly (readonly [code: string, machine: MachineInput, words?: string])[] = [
  ['NVDIMM_SIZE_NOT_PAGES', { devices: [nvdimm({ size: 1_000_001, file: 'empty.img' })] }],
  ['NVDIMM_SIZE_CUT', { devices: [{ kind: 'nvdimm', size: '3M', backing: 'ram' }] }],
  ['NVDIMM_SIZE_UNALIGNED', { devices: [nvdimm({ size: '100M', file: '100m.img' })] }],
  ['NVDIMM_SIZE_NOT_SECTIONS', { devices: [nvdimm()] }],
  ['NVDIMM_OPTION_NEEDS_FILE', { devices: [nvdimm({ backing: 'ram' })] }],
  ['NIC_QUEUES_WITHOUT_TAP', { devices: [nic({ queues: 2 })] }],
  ['NVDIMM_SHARED_PRIVATE', { devices: [nvdimm({ shared: true, share: false })] }],
  ['NVDIMM_NOT_KEPT', { devices: [nvdimm({ share: false })] }],
  [
    'NVDIMM_PMEM_NOT_DAX',
    { devices: [nvdimm({ pmem: true })] },
    "Using non DAX backing file with 'pmem=on' option is deprecated",
  ],
  ['NVDIMM_FILE_LARGER', { devices: [nvdimm({ file: 'large.img' })] }],
  [
    'NVDIMM_READONLY_EMPTY',
    { devices: [nvdimm({ file: 'empty.img', readonly: true })] },
    'ftruncate: Invalid argument',
  ],
  ['NVDIMM_READONLY_NEW', { devices: [nvdimm({ file: 'new-readonly.img', readonly: true })] }],
  [
    'NVDIMM_FILE_IS_IMAGE',
    { devices: [nvdimm({ file: 'good.img', size: 196_616 - (196_616 % (4 * KiB)) })] },
  ],
  [
    'NVDIMM_LABEL_HIDES_DATA',
    { devices: [nvdimm({ file: 'full.img', size: 64 * MiB - 128 * KiB, label: '128K' })] },
  ],
  ['NVDIMM_LABEL_EXPOSED', { devices: [nvdimm({ file: 'labelled.img' })] }],
  [
    'NVDIMM_LABEL_MOVED',
    { devices: [nvdimm({ file: 'labelled.img', size: 64 * MiB - 256 * KiB, label: '256K' })] },
  ],
  ['NVDIMM_RESIZE_UNFINISHED', { devices: [nvdimm({ file: 'half.img' })] }],
  ['NVDIMM_STORE_UNCLEAN', { devices: [nvdimm({ file: 'unclean.img' })] }],
  ['DISK_EMPTY', { devices: [disk({ file: 'empty.img' })] }],
  ['DISK_RAW_IS_QCOW2', { devices: [disk({ file: 'good.img' })] }],
  ['DISK_SIZE_IGNORED', { devices: [disk({ size: '1M' })] }],
  ['DISK_BLANK_DISCARDED', { devices: [disk({ file: 'blank.img', size: '1M' })] }],
  ['DISK_READONLY_PERSIST', { devices: [disk({ readonly: true, persist: true })] }],
  ['DISK_SERIAL_TOO_LONG', { devices: [disk({ serial: '123456789012345678901' })] }],
  ['MEDIUM_UNFIT', { devices: [cdrom({ file: 'empty.img' })] }],
  ['NIC_MAC_NOT_UNICAST', { devices: [nic({ mac: '53:54:00:00:00:01' })] }],
  ['NIC_MAC_TWICE', { devices: times(2, nic({ mac: '52:54:00:00:00:01' })) }],
  ['NIC_ADDRESS_WITHOUT_NETWORK', { devices: [nic({ address: '10.1.0.5' })] }],
  ['NIC_NETWORK_UNKNOWN', { devices: [nic({ network: 'lan' })] }],
  ['NIC_FORWARD_WITHOUT_NETWORK', { devices: [nic({ network: 'none', forwards: [':22'] })] }],
  ['NIC_RDMA_WITHOUT_NETWORK', { devices: [nic({ network: 'none', rdma: 'rxe' })] }],
  ['NIC_RDMA_NAME_TWICE', { devices: times(2, nic({ rdma: { kind: 'rxe', name: 'r' } })) }],
  ['WATCHDOG_TWICE', { devices: times(2, { kind: 'watchdog' } as Item) }],
  ['FOLDER_GUEST_PATH', { devices: [{ kind: 'folder', path: at('folder'), guest: '/usr' } as Item] }],
  ['FOLDER_GUEST_TWICE', { devices: times(2, { kind: 'folder', path: at('folder'), guest: '/m' } as Item) }],
  [
    'FOLDER_NO_MOUNT_POINT',
    {
      devices: [
        { kind: 'folder', path: at('folder'), guest: '/m', access: 'readonly' },
        { kind: 'folder', path: at('folder'), guest: '/m/in' },
      ] as Item[],
    },
  ],
  ['IVSHMEM_KEYS_CLASH', { devices: [ivshmem({ file: 'window.img', hugePages: '2M' })] }],
  ['IVSHMEM_NODES_IGNORED', { devices: [ivshmem({ file: 'window2.img', hostNodes: [0] })] }],
  ['VIRTIO_PMEM_SIZE_UNALIGNED', { devices: [vpmem({ size: '1M', file: 'new-1m.img' })] }],
  ['BACKING_FILE_LARGER', { devices: [vpmem({ file: 'large.img' })] }],
  ['BACKING_FILE_IS_DIRECTORY', { devices: [vpmem({ file: 'folder' })] }],
  ['BACKING_FILE_IS_IMAGE', { devices: [vpmem({ file: 'good.img', size: 192 * KiB })] }],
  ['BACKING_FILE_TWICE', { devices: times(2, vpmem({ shared: true })) }],
  ['BACKING_NOT_KEPT', { devices: [vpmem({ share: false })] }],
  ['BACKING_SHARED_PRIVATE', { devices: [vpmem({ share: false, shared: true })] }],
  ['BACKING_OPTION_NEEDS_FILE', { devices: [vpmem({ backing: 'ram' })] }],
  ['CXL_SIZE_NOT_CAPACITY', { devices: [cxl({ size: '300M' })] }],
  ['CXL_WINDOW_TOO_SMALL', { devices: [cxl({ size: '512M', window: '256M' })] }],
  ['CXL_WINDOW_TWICE', { devices: times(2, cxl({ bridge: 'b', window: '512M' })) }],
]

/** Shown in tests of their own below, or unavailable here. */
const ELSEWHERE = [
  // They depend on RDMA devices: pvrdma-rules.test.ts, and `npm run test:rdma`.
  ...Object.keys(ofPvrdma),
  // Rules of a program beside QEMU; folder.test.ts.
  'VIRTIOFSD_MISSING',
  'VIRTIOFSD_NEEDS_ROOT',
  'VIRTIOFSD_ALWAYS_WRITES',
  'NVDIMM_FILE_IS_DIRECTORY',
  'NVDIMM_FILE_TWICE',
  'NVDIMM_FILE_BUSY',
  'DISK_BUSY',
  'MEDIUM_BUSY',
  'NIC_PORT_TAKEN',
  'NIC_PORT_PRIVILEGED',
  // bringup itself meets these: it makes the file before QEMU would look for it.
  'NVDIMM_FOLDER_MISSING',
  'DISK_FOLDER_MISSING',
  // bringup copies the base itself: QEMU sees only the copy.
  'DISK_BASE_UNFIT',
  // Nothing is writable or unreadable for root; the user nobody is tried below.
  'NVDIMM_FILE_NO_ACCESS',
  'DISK_NO_ACCESS',
  'MEDIUM_NO_ACCESS',
  'FOLDER_NOT_WRITABLE',
  // Depends on who runs the tests; `folder.test.ts` gives the fact.
  'FOLDER_RW_AS_ROOT',
  // No QEMU without libpmem here.
  'NVDIMM_PMEM_UNSUPPORTED',
  // No DAX device on a computer without persistent memory.
  'NVDIMM_DAX_SIZE',
  'NVDIMM_DAX_ALIGN',
  // Shown below, with what the binary says of itself.
  'CXL_VOLATILE_UNSUPPORTED',
  // Nothing starts with volatile memory here, for the reason above.
  'BACKING_FILE_BUSY',
  'BACKING_FOLDER_MISSING',
  'BACKING_FILE_NO_ACCESS',
  'BACKING_NO_ROOM',
  // Shown with images of their own in hostile-files.test.ts and qcow2.test.ts.
  'DISK_IMAGE_READS_OTHER',
  'DISK_IMAGE_ENCRYPTED',
  // Depend on the kernel of the host; `vsock.test.ts` gives the facts, and the one that holds here is shown below.
  'VSOCK_UNAVAILABLE',
  'VSOCK_NO_ACCESS',
  'VSOCK_TWICE',
  // bringup alone knows the networks of a rack; racks.test.ts.
  'NIC_NETWORK_UNKNOWN',
  // This QEMU has both backends; nic.test.ts gives it others.
  'NIC_BACKEND_MISSING',
  // A full disk is not made for a test.
  'NVDIMM_NO_ROOM',
  'DISK_NO_ROOM',
]

const kinds: Readonly<Record<string, DiagnosticKind>> = Object.assign(
  {},
  ...devices.map((d) => d.diagnostics),
)

describe('QEMU refuses', () => {
  test.each(REFUSED)('%s', async (code, machine, words) => {
    const { codes, start } = prepare(machine)
    expect(codes).toContain(code)
    expect(kinds[code]?.qemu).toBe('refuses')
    expect(kinds[code]?.source).toContain(words)
    const { status, stderr } = await endOf(await start())
    expect(stderr).toContain(words)
    expect(status).toBe(1)
  })
})

describe('QEMU starts', () => {
  test.each(ACCEPTED.map(([code, machine, words = '']) => [code, machine, words] as const))(
    '%s',
    async (code, machine, words) => {
      const { codes, start } = prepare(machine)
      expect(codes).toContain(code)
      expect(kinds[code]?.qemu).toMatch(/misbehaves|accepts/)
      const qemu = await start()
      await qemu.ready
      const { stderr, status } = await endOf(qemu)
      expect(stderr).toContain(words)
      expect(status).toBe(0)
    },
  )
})

test('every diagnostic of a device is shown to QEMU, or said why not', () => {
  const shown = [...REFUSED, ...ACCEPTED].map(([code]) => code)
  expect(Object.keys(kinds).filter((code) => !shown.includes(code) && !ELSEWHERE.includes(code))).toEqual([])
})

test('NVDIMM_FILE_IS_DIRECTORY: QEMU starts, and nothing is ever in the directory', async () => {
  const { codes, start } = prepare({ devices: [nvdimm({ file: 'folder' })] })
  expect(codes).toContain('NVDIMM_FILE_IS_DIRECTORY')
  await using qemu = await start()
  await qemu.ready
  expect(readdirSync(at('folder'))).toEqual([])
})

test('NVDIMM_FILE_TWICE: QEMU itself maps one file twice silently', async () => {
  const { codes, start } = prepare({ devices: [nvdimm({ shared: true }), nvdimm({ shared: true })] })
  expect(codes).toContain('NVDIMM_FILE_TWICE')
  const qemu = await start()
  await qemu.ready
  expect(await endOf(qemu)).toMatchObject({ status: 0, stderr: '' })
})

test('IVSHMEM_SIZE_NOT_POWER: QEMU aborts on a size that is no power of two', async () => {
  const { codes, start } = prepare({ devices: [ivshmem({ size: '3M' })] })
  expect(codes).toContain('IVSHMEM_SIZE_NOT_POWER')
  const { stderr, signal } = await (await start()).exited
  expect([stderr.includes('is_power_of_2'), signal]).toEqual([true, 'SIGABRT'])
})

test('VSOCK_UNAVAILABLE: a host without vhost-vsock', async (t) => {
  const { codes, start } = prepare({ devices: [{ kind: 'vsock', cid: 42 }] })
  if (existsSync('/dev/vhost-vsock')) t.skip('this computer has it')
  expect(codes).toEqual(['VSOCK_UNAVAILABLE'])
  const { stderr, status } = await endOf(await start())
  expect([stderr.includes('failed to open vhost device'), status]).toEqual([true, 1])
})

test('NVDIMM_FILE_BUSY: a second machine is told, and its QEMU cannot start', async () => {
  const machine = { devices: [nvdimm({ file: 'busy, a=b.img' })] }
  await using first = await prepare(machine).start()
  await first.ready
  const second = prepare(machine)
  expect(second.codes).toContain('NVDIMM_FILE_BUSY')
  expect(second.facts.files.get(at('busy, a=b.img'))?.lockedBy).toMatchObject({
    pid: first.pid,
    mode: 'write',
  })
  const { ready } = await second.start()
  await expect(ready).rejects.toSatisfy((e) => e instanceof BringupError && e.code === 'STORE_LOCKED')
  const reader = prepare({ devices: [nvdimm({ file: 'busy, a=b.img', shared: true })] })
  expect(reader.codes).toContain('NVDIMM_FILE_BUSY')
})

test.each([vpmem({ file: 'held.img' }), cxl({ backing: 'file', file: 'held.cxl' })])(
  'BACKING_FILE_BUSY: a second machine is told, and its QEMU cannot start',
  async (device) => {
    await using first = await prepare({ devices: [device] }).start()
    await first.ready
    const second = prepare({ devices: [device] })
    expect(second.codes).toContain('BACKING_FILE_BUSY')
    const { ready } = await second.start()
    await expect(ready).rejects.toSatisfy((e) => e instanceof BringupError && e.code === 'STORE_LOCKED')
  },
)

test('CXL_VOLATILE_UNSUPPORTED: asked of the binary, which then means it', async () => {
  const path = findQemu('x86_64', undefined)
  const cache = at('cache')
  const qemu = await readCapabilities(path, 'x86_64', cache)
  const hasIt = qemu.properties['cxl-type3']?.includes('volatile-memdev') === true
  const { codes, start } = prepare({ devices: [cxl({ type: 'volatile' })] }, { qemu })
  expect(codes.includes('CXL_VOLATILE_UNSUPPORTED')).toBe(!hasIt)
  const { status, stderr } = await endOf(await start())
  if (hasIt) return expect(status).toBe(0)
  expect(stderr).toContain("Property 'cxl-type3.volatile-memdev' not found")
  expect(kinds.CXL_VOLATILE_UNSUPPORTED?.source).toContain("Property 'cxl-type3.volatile-memdev' not found")
})

test('two machines that say so share a file', async () => {
  const machine = { devices: [nvdimm({ shared: true })] }
  await using first = await prepare(machine).start()
  await first.ready
  const { codes, start } = prepare(machine)
  expect(codes).not.toContain('NVDIMM_FILE_BUSY')
  await using second = await start()
  await expect(second.ready).resolves.toBeUndefined()
})

test('DISK_BUSY: QEMU locks what it writes to', async () => {
  const machine = { devices: [disk({ persist: true })] }
  await using first = await prepare(machine).start()
  await first.ready
  const { codes, start } = prepare(machine)
  expect(codes).toContain('DISK_BUSY')
  expect((await endOf(await start())).stderr).toContain('Failed to get "write" lock')
})

describe('DISK_BUSY: readers share an image, a writer keeps all others out', () => {
  const base = { file: 'base.qcow2' }
  const overlay = { file: 'overlay.qcow2' }
  beforeEach(() => {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', at('base.qcow2'), '64M'])
    const over = ['-b', 'base.qcow2', '-F', 'qcow2', at('overlay.qcow2')]
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...over], { cwd: folder })
  })
  const NOT_SHARED = 'Failed to get shared "write" lock'
  const NOT_WRITTEN = 'Failed to get "write" lock'
  test.each([
    [{}, {}, undefined],
    [{ readonly: true }, {}, undefined],
    [{}, { readonly: true }, undefined],
    [{}, { persist: true }, NOT_WRITTEN],
    [{ readonly: true }, { persist: true }, NOT_WRITTEN],
    [{ persist: true }, {}, NOT_SHARED],
    [{ persist: true }, { readonly: true }, NOT_SHARED],
    [base, base, undefined],
    [{ ...base, persist: true }, { ...base, readonly: true }, NOT_SHARED],
    [base, overlay, undefined],
    [overlay, base, undefined],
    [{ ...overlay, persist: true }, base, undefined],
    [{ ...overlay, persist: true }, { ...base, persist: true }, NOT_WRITTEN],
    [{ ...base, persist: true }, overlay, NOT_SHARED],
  ])('%j, then %j: %s', async (one, other, words) => {
    await using first = await prepare({ devices: [disk(one)] }).start()
    await first.ready
    const { found, start } = prepare({ devices: [disk(other)] })
    const busy = found.filter((d) => d.code === 'DISK_BUSY')
    if (words === undefined) {
      expect(busy).toEqual([])
      await using second = await start()
      await expect(second.ready).resolves.toBeUndefined()
    } else {
      expect(busy).toMatchObject([{ what: expect.stringContaining(`process ${first.pid} (qemu-system`) }])
      expect((await endOf(await start())).stderr).toContain(words)
    }
  })
})

test.runIf(existsSync(VARIABLES))('BOOT_VARIABLES_BUSY: a guest writes its UEFI variables', async () => {
  copyFileSync(VARIABLES, at('vars.fd'))
  const machine: MachineInput = {
    boot: { esp: at('folder'), code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: at('vars.fd') },
  }
  const alone = prepare(machine)
  expect(alone.found.filter((d) => d.severity === 'error')).toEqual([])
  await using first = await alone.start()
  await first.ready
  const { found, start } = prepare(machine)
  expect(found.filter((d) => d.code === 'BOOT_VARIABLES_BUSY')).toMatchObject([
    { path: 'boot.variables', what: expect.stringContaining(`${first.pid} (qemu-system`) },
  ])
  const second = await start()
  await expect(second.ready).rejects.toThrow()
  await second.exited
})

test.runIf(process.getuid?.() === 0)('the user "nobody" may not open what belongs to root', () => {
  spawnSync('chmod', ['755', folder])
  spawnSync('chmod', ['600', at('64m.img')])
  const ask = (...args: readonly string[]) =>
    spawnSync(
      'setpriv',
      ['--reuid', '65534', '--clear-groups', 'qemu-system-x86_64', '-S', '-display', 'none', ...args],
      { encoding: 'utf8', timeout: 1_000_000 },
    ).stderr
  const path = at('64m.img').replaceAll(',', ',,')
  const memory = ask('-object', `memory-backend-file,id=m,size=64M,mem-path=${path}`)
  expect(memory).toMatch(/can't open backing store .* Permission denied/)
  expect(ask('-drive', `if=none,file.driver=file,format=raw,file.filename=${path}`)).toMatch(
    /Could not open .* Permission denied/,
  )
})

test('the store is made, has room for the label, and is what QEMU maps', async () => {
  const { start, codes } = prepare({
    nvdimmPersistence: 'cpu',
    devices: [{ kind: 'nvdimm', size: '128M', label: '128K' }],
  })
  expect(codes).toEqual([])
  await using qemu = await start()
  await qemu.ready
  const store = at('.bringup/stores/tiny/nvdimm0.img')
  expect(statSync(store).size).toBe(128 * MiB + 128 * KiB)
  const property = (path: string, name: string) => qemu.qmp.execute('qom-get', { path, property: name })
  expect(await property('/objects/nvdimm0-memory', 'mem-path')).toBe(store)
  const [{ data } = { data: {} }] = await qemu.qmp.execute('query-memory-devices')
  expect(data).toMatchObject({ id: 'nvdimm0', size: 128 * MiB, slot: 0, node: 0 })
  expect(await property('/machine', 'nvdimm-persistence')).toBe('cpu')
})

interface PciDevice {
  readonly id: { readonly vendor: number; readonly device: number }
  readonly slot: number
}

const hex = (n: number) => n.toString(16).padStart(4, '0')

test.each(['q35', 'pc'] as const)(
  'a %s with one of everything shows the PCI functions that a guest must see',
  async (type) => {
    const models = ['virtio-net-pci', 'e1000', 'e1000e', 'vmxnet3'].map((model) => nic({ model }))
    const buses = ['virtio', 'nvme', 'ide'].map((bus) => disk({ bus }))
    const others = [
      { kind: 'watchdog' },
      { kind: 'virtio-console', id: 'shell', name: 'sh' },
      { kind: 'virtio-console' },
      { kind: 'serial' },
    ] as Item[]
    const { start, expectations, codes } = prepare({
      type,
      devices: [...models, ...buses, disk(), nic(), ...others, nvdimm({ file: 'all.img', size: '128M' })],
    })
    expect(codes).toEqual([])
    await using qemu = await start()
    await qemu.ready
    const buses0 = (await qemu.qmp.execute('query-pci' as string)) as readonly {
      readonly devices: readonly PciDevice[]
    }[]
    const pci = buses0
      .flatMap((b) => b.devices)
      .map(
        ({ id, slot }): GuestPciFunction => ({
          address: `00:${slot}`,
          vendor: hex(id.vendor),
          device: hex(id.device),
          class: '',
        }),
      )
    const functions = expectations.filter((e) => e.aspect === 'PCI function')
    expect(functions).toHaveLength(12)
    expect(functions.map(({ device, see }) => [device, see({ pci })])).toEqual(
      functions.map(({ device, want }) => [device, want]),
    )
    expect([...qemu.channels.keys()].sort()).toEqual(['serial0', 'shell', 'virtio-console1'])
  },
)

describe('a port of this computer that is taken', () => {
  test.each([
    ['NIC_PORT_TAKEN', (port: number) => ({ devices: [nic({ forwards: [`tcp:${port}-:22`] })] })],
    ['QEMU_ARG_PORT', (port: number) => ({ qemuArgs: ['-gdb', `tcp::${port}`] })],
    ['GDB_PORT_REFUSED', (port: number) => ({ gdb: port })],
    ['QEMU_ARG_PORT', (port: number) => ({ qemuArgs: ['-netdev', `user,id=own,hostfwd=tcp::${port}-:22`] })],
    [
      'QEMU_ARG_PORT',
      (port: number) => ({
        qemuArgs: ['-chardev', `socket,id=own,host=127.0.0.1,port=${port},server=on,wait=off`],
      }),
    ],
    ['QEMU_ARG_PORT', (port: number) => ({ qemuArgs: ['-qmp', `tcp:127.0.0.1:${port},server=on,wait=off`] })],
  ])('%s, %o', async (code, describe) => {
    // All of IPv4 and IPv6.
    const server = createServer().listen(0, '::')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const machine = describe(port)
    const hostPorts = await readPorts(portsOf(parseMachine('tiny', machine)))
    const { found, start } = prepare(machine, { hostPorts })
    expect(found.filter((d) => d.code === code)).toMatchObject([
      { what: expect.stringContaining(`process ${process.pid}`) },
    ])
    const { status, stderr } = await endOf(await start())
    expect(stderr).toMatch(/Could not set up host forwarding rule|Address already in use/)
    expect(status).not.toBe(0)
    server.close()
    await once(server, 'close')
    // The one that is suggested is free indeed.
    const [fact] = hostPorts
    await using other = await prepare(describe(fact?.suggestion ?? 0)).start()
    await expect(other.ready).resolves.toBeUndefined()
  })

  test.runIf(process.getuid?.() === 0 && lowPortsAreClosed())(
    'NIC_PORT_PRIVILEGED: the user "nobody" may not listen on a low port',
    () => {
      const rule = 'user,id=own,hostfwd=tcp:127.0.0.1:443-:22'
      const qemu = ['qemu-system-x86_64', '-S', '-display', 'none', '-netdev', rule]
      const answer = spawnSync('setpriv', ['--reuid', '65534', '--clear-groups', ...NO_RIGHTS, ...qemu], {
        encoding: 'utf8',
      })
      expect(answer.stderr).toContain('Could not set up host forwarding rule')
      const home = mkdtempSync(join(tmpdir(), 'nobody-'))
      chownSync(home, 65_534, 65_534)
      const run = [process.execPath, BIN, 'plan', '--json', '--nic', 'forwards=tcp:443-:22']
      const plan = spawnSync('setpriv', ['--reuid', '65534', '--clear-groups', ...NO_RIGHTS, ...run], {
        encoding: 'utf8',
        cwd: home,
        env: { ...process.env, HOME: home, XDG_CACHE_HOME: home },
      })
      rmSync(home, { recursive: true, force: true })
      expect(plan.stdout + plan.stderr).toContain('NIC_PORT_PRIVILEGED')
    },
  )
})

function lowPortsAreClosed(): boolean {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) > 443
}

test('QEMU takes a free port by itself, and says which', async () => {
  const { start } = prepare({
    devices: [nic({ forwards: [{ guest: 22 }, 'udp:-:53'] }), nic({ id: 'second', forwards: ':80' })],
  })
  await using qemu = await start()
  await qemu.ready
  const answer = await qemu.qmp.execute('human-monitor-command', { 'command-line': 'info usernet' })
  const forwards = parseUserNet(answer)
  expect(forwards.map(({ nic: id, protocol, guestPort }) => `${id} ${protocol} ${guestPort}`).sort()).toEqual(
    ['nic0 tcp 22', 'nic0 udp 53', 'second tcp 80'],
  )
  const port = forwards.find((f) => f.guestPort === 80)?.hostPort ?? 0
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
})
