import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arbitraryMachine } from '../../../test/agreement/arbitrary-machine.ts'
import type { Facts } from '../facts.ts'
import { compileMachine, type MachineInput, parseMachine } from '../machine.ts'
import { devices } from '../registry.ts'
import { machineFromQemu } from './from-qemu.ts'

const facts: Facts = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 40, accelerators: [] }
const home = { machine: 'tiny', folder: '/project', stateFolder: '/project/.bringup' }

const sortedKeys = (text: string) => [text.split(',')[0], ...text.split(',').slice(1).toSorted()].join()

/** The words that a description becomes, as a plan prints them. */
function wordsOf(machine: MachineInput): readonly string[] {
  const config = { ...parseMachine('tiny', machine), home }
  const words = compileMachine(config, facts, 'tiny').args.flatMap((arg) =>
    [...arg].filter((w) => w !== undefined),
  )
  // Keys of -machine have no order; memory behind CXL comes last on a command line, wherever it is described.
  return words.map((word, i) => (words[i - 1] === '-machine' ? sortedKeys(word) : word))
}

/** The same guest: what is read of the words becomes the same words. */
function expectSame(machine: MachineInput): void {
  const words = wordsOf(machine)
  const read = machineFromQemu(words)
  expect({
    words: wordsOf(read.machine),
    remarks: read.remarks.filter(({ state }) => state === 'lost' || state === 'needless'),
  }).toEqual({
    words,
    remarks: [],
  })
}

const FIRST: readonly MachineInput[] = [
  {},
  { boot: { kernel: 'k.elf', initrd: 'i', append: 'a=1,2 b' }, debugExit: { port: 0x501 }, debugcon: true },
  { type: 'pc', display: 'cirrus', debugcon: { port: 0x3f8 }, console: 'virtio', gdb: 1234 },
  { boot: { esp: 'esp', code: 'CODE.fd', variables: 'VARS.fd' }, display: 'virtio-gpu' },
  { boot: { kernel: 'k', firmware: 'uefi' }, gdb: true },
]

const DEVICES: readonly NonNullable<MachineInput['devices']>[number][] = [
  { kind: 'nvdimm', size: '16M', node: 0, label: '128K', share: false },
  { kind: 'nvdimm', size: '16M', backing: 'ram', unarmed: true },
  { kind: 'nvdimm', size: '16M', file: 'a,b.img', readonly: true, align: '2M', pmem: true },
  { kind: 'virtio-pmem', size: '16M', share: false },
  { kind: 'virtio-pmem', size: '16M', backing: 'ram' },
  { kind: 'cdrom', file: 'a.iso', bus: 'ide', bootindex: 0 },
  { kind: 'cdrom', file: 'a.iso', bus: 'scsi' },
  { kind: 'cdrom', file: 'a.iso', bus: 'usb' },
  { kind: 'cxl', size: '256M', label: '1M', bridge: 'left' },
  { kind: 'cxl', size: '256M', type: 'volatile', window: '1G' },
  { kind: 'disk', file: 'a.img', bus: 'ide', serial: 'S 1' },
  { kind: 'disk', file: 'a.img', bus: 'scsi', persist: true, bootindex: 3 },
  { kind: 'disk', file: 'a.qcow2', bus: 'usb', readonly: true },
  { kind: 'disk', file: 'nbd:x', bus: 'nvme', format: 'qcow2' },
  { kind: 'floppy', file: 'f.img', bootindex: 1 },
  { kind: 'floppy', file: 'f.img', persist: true },
  { kind: 'folder', path: '/srv/files' },
  { kind: 'folder', id: 'src', path: '/srv/files', access: 'rw' },
  { kind: 'ivshmem', size: '1M', file: '/dev/shm/w', master: true },
  { kind: 'ivshmem', size: '4M', vectors: 2, socket: '/tmp/s' },
  { kind: 'nic', model: 'rtl8139', mac: '52:54:00:12:34:56', rom: true },
  { kind: 'nic', model: 'e1000e', offloads: false, forwards: ['tcp:8080-:80', 'udp:-:53'] },
  { kind: 'nic', offloads: false, network: 'none', rom: 'a.rom' },
  { kind: 'pvrdma', device: 'rxe0', slot: 9, multiplexer: '/tmp/mux' },
  { kind: 'serial' },
  { kind: 'virtio-console', name: 'org.own' },
  { kind: 'vsock', cid: 42 },
  { kind: 'watchdog', action: 'pause' },
]

describe('a command that bringup made, read again, is the same guest', () => {
  it.each(FIRST)('%j', expectSame)
  it.each(DEVICES)('%j', (device) => expectSame({ devices: [device] }))

  it('has an example of every kind of device', () => {
    expect([...new Set(DEVICES.map(({ kind }) => kind))].toSorted()).toEqual(
      devices.map(({ kind }) => kind as string).toSorted(),
    )
  })

  it('for random machines', () => {
    // A second -name is the machine's own name to the reader.
    const isNamed = ({ qemuArgs = [] }: MachineInput) => qemuArgs.includes('-name')
    fc.assert(
      fc.property(
        arbitraryMachine.filter((m) => !isNamed(m)),
        expectSame,
      ),
      { numRuns: 400, seed: 14 },
    )
  })
})
