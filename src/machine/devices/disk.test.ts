import { expect, test } from 'vitest'
import { fileFact, flat, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { MiB } from '../../units.ts'
import type { FileFact } from '../facts.ts'
import type { HardwareView } from '../guest-view.ts'
import { disk } from './disk.ts'

const codes = (description: Record<string, unknown>, fact?: Partial<FileFact>) => {
  const path = String(description.file ?? '.bringup/stores/tiny/disk0.img')
  return one(
    disk,
    description,
    fact ? { files: [fileFact(path, { bytes: MiB, content: 'unknown', ...fact })] } : {},
  ).codes()
}
const args = (description: Record<string, unknown>, world?: World) =>
  flat(one(disk, description, world).compile().args)

test('writes to a named image are discarded unless they are to be kept', () => {
  expect(args({ file: 'root.qcow2' })).toMatchInlineSnapshot(`
    [
      "-drive",
      "if=none,id=disk0-drive,format=qcow2,file.driver=file,file.filename=root.qcow2,snapshot=on",
      "-device",
      "virtio-blk-pci,id=disk0,drive=disk0-drive,serial=disk0",
    ]
  `)
  expect(
    args({ file: 'a:b,c.img', persist: true, bus: 'nvme', serial: 'S1', bootindex: 0 }),
  ).toMatchInlineSnapshot(`
    [
      "-drive",
      "if=none,id=disk0-drive,format=raw,file.driver=file,file.filename=a:b,,c.img",
      "-device",
      "nvme,id=disk0,drive=disk0-drive,serial=S1,bootindex=0",
    ]
  `)
})

test('a store of bringup’s own is made and kept', () => {
  const { compile } = one(disk, { size: '64M' })
  expect(compile().files).toEqual([
    { kind: 'create-sparse', path: '.bringup/stores/tiny/disk0.img', bytes: 64 * MiB },
  ])
  expect(flat(compile().args)[1]).not.toContain('snapshot')
})

test('a base is what the guest sees, or what a file that is kept begins as', () => {
  const base = fileFact('/cache/base.img', { bytes: 8 * MiB, content: 'boot-sector' })
  const world = { files: [base] }
  const shared = one(disk, { base: '/cache/base.img' }, world)
  expect(shared.codes()).toEqual([])
  expect(shared.compile().files).toEqual([])
  expect(flat(shared.compile().args)[1]).toMatch(/file\.filename=\/cache\/base\.img,snapshot=on$/)
  const kept = one(disk, { base: '/cache/base.img', persist: true }, world)
  const path = '.bringup/stores/tiny/disk0.img'
  expect(kept.codes()).toEqual([])
  expect(kept.compile().files).toEqual([
    { kind: 'create-sparse', path, bytes: 8 * MiB, from: '/cache/base.img' },
  ])
  expect(flat(kept.compile().args)[1]).toMatch(/disk0\.img$/)
  const there = { files: [base, fileFact(path, { bytes: 8 * MiB, content: 'boot-sector' })] }
  expect(one(disk, { base: '/cache/base.img', persist: true }, there).compile().files).toEqual([])
})

test.each<[string, Record<string, unknown>, Partial<FileFact>]>([
  ['missing', {}, { kind: 'missing' }],
  ['empty', {}, { bytes: 0 }],
  ['a qcow2 image', {}, { content: 'qcow2' }],
  ['to become a qcow2 image', { file: 'mine.qcow2' }, {}],
])('a base that is %s is refused', (_name, description, fact) => {
  const base = fileFact('base.img', { bytes: MiB, content: 'boot-sector', ...fact })
  const missing = fileFact(String(description.file ?? '.bringup/stores/tiny/disk0.img'), { kind: 'missing' })
  const found = one(disk, { base: 'base.img', persist: true, ...description }, { files: [base, missing] })
  expect(found.codes()).toContain('DISK_BASE_UNFIT')
})

test('read-only, a block device, and ports of two machines', () => {
  expect(args({ file: 'x', readonly: true })[1]).toContain('readonly=on')
  expect(args({ file: 'x', readonly: true })[1]).not.toContain('snapshot')
  expect(
    args({ file: '/dev/sdz' }, { files: [fileFact('/dev/sdz', { kind: 'block-device' })] })[1],
  ).toContain('file.driver=host_device')
  const three = [1, 2, 3].map((n) => [disk, { file: `${n}.img`, bus: 'ide' }] as const)
  const ports = (type: string) =>
    machineWith(three, { machine: { type } }).map((d) => flat(d.compile().args)[3])
  expect(ports('q35')[2]).toBe('ide-hd,id=disk2,drive=disk2-drive,bus=ide.2,serial=disk2')
  expect(ports('pc')[2]).toBe('ide-hd,id=disk2,drive=disk2-drive,bus=ide.1,unit=0,serial=disk2')
})

test.each<[string, Record<string, unknown>, Partial<FileFact>, readonly string[]]>([
  ['a good raw image', { file: 'x' }, {}, []],
  ['a good qcow2 image', { file: 'x.qcow2' }, { content: 'qcow2' }, []],
  ['missing', { file: 'x' }, { kind: 'missing' }, ['DISK_FILE_MISSING']],
  ['no file and no size', {}, { kind: 'missing' }, ['DISK_FILE_MISSING']],
  ['no folder', { file: 'no/x', size: '1M' }, { kind: 'missing', hasParent: false }, ['DISK_FOLDER_MISSING']],
  ['a directory', { file: 'x' }, { kind: 'directory' }, ['DISK_FILE_UNFIT']],
  ['unreadable', { file: 'x' }, { isReadable: false }, ['DISK_NO_ACCESS']],
  ['only readable, nothing kept', { file: 'x' }, { isWritable: false }, []],
  ['only readable, kept', { file: 'x', persist: true }, { isWritable: false }, ['DISK_NO_ACCESS']],
  ['empty', { file: 'x' }, { bytes: 0, content: 'empty' }, ['DISK_EMPTY']],
  ['no qcow2', { file: 'x.qcow2' }, { content: 'gzip' }, ['DISK_UNREADABLE_IMAGE']],
  ['qcow2 as raw', { file: 'x' }, { content: 'qcow2' }, ['DISK_RAW_IS_QCOW2']],
  ['a new qcow2', { file: 'x.qcow2', size: '1M' }, { kind: 'missing' }, ['DISK_QCOW2_NOT_MADE']],
  ['no room', { size: '2M' }, { kind: 'missing', freeBytes: MiB }, ['DISK_NO_ROOM']],
  ['another size', { file: 'x', size: '2M' }, {}, ['DISK_SIZE_IGNORED']],
  ['made and discarded', { file: 'x', size: '2M' }, { kind: 'missing' }, ['DISK_BLANK_DISCARDED']],
  ['nothing to keep', { file: 'x', readonly: true, persist: true }, {}, ['DISK_READONLY_PERSIST']],
  ['read-only IDE', { file: 'x', bus: 'ide', readonly: true }, {}, ['DISK_IDE_READONLY']],
  ['long serial', { file: 'x', serial: '123456789012345678901' }, {}, ['DISK_SERIAL_TOO_LONG']],
  [
    'busy',
    { file: 'x', persist: true },
    { imageUse: { pid: -1, command: '?', forbidsReaders: false } },
    ['DISK_BUSY'],
  ],
  [
    'busy, but only read',
    { file: 'x' },
    { imageUse: { pid: 7, command: 'qemu', forbidsReaders: false } },
    [],
  ],
  ['written', { file: 'x' }, { imageUse: { pid: 7, command: 'qemu', forbidsReaders: true } }, ['DISK_BUSY']],
  [
    'locked, and not as an image',
    { file: 'x', persist: true },
    { lockedBy: { pid: 7, mode: 'write', command: 'udevd' } },
    [],
  ],
  [
    'laid over an image that is written',
    { file: 'x.qcow2' },
    {
      content: 'qcow2',
      imageFiles: [
        {
          role: 'backing',
          of: 'x.qcow2',
          name: 'y',
          file: '/y',
          isOutside: false,
          use: { pid: 7, command: 'qemu', forbidsReaders: true },
        },
      ],
    },
    ['DISK_BUSY'],
  ],
])('%s', (_, description, fact, expected) => {
  expect(codes(description, fact)).toEqual(expected)
})

test('disks among themselves', () => {
  const all = (...descriptions: Parameters<typeof machineWith>[0]) =>
    machineWith(descriptions).flatMap((d) => d.codes())
  expect(all([disk, { file: 'x' }], [disk, { file: './x' }])).toEqual([])
  expect(all([disk, { file: 'x' }], [disk, { file: './x', persist: true }])).toEqual(['DISK_FILE_TWICE'])
  expect(all([disk, { file: 'x', bootindex: 1 }], [disk, { file: 'y', bootindex: 1 }])).toEqual([
    'DISK_BOOTINDEX_TWICE',
  ])
  expect(all(...Array.from({ length: 7 }, () => [disk, { file: 'x', bus: 'ide' }] as const))).toEqual([
    'DISK_IDE_FULL',
  ])
})

test('the guest must see as many functions as there are disks', () => {
  const [, second] = machineWith([
    [disk, { file: 'x' }],
    [disk, { file: 'y' }],
  ])
  const function1001 = { address: '00:02.0', vendor: '1af4', device: '1001', class: '0100' }
  expect(second?.mustSee()[0]?.see({ pci: [function1001] })).toBeNull()
  expect(second?.mustSee()[0]?.see({ pci: [function1001, function1001] })).toBe('1af4:1001')
})

test('a driver’s disk is known by its serial number, and compared in size and access', () => {
  const raw = fileFact('x.img', { bytes: MiB + 1, content: 'boot-sector' })
  const { mustSee } = one(disk, { file: 'x.img', readonly: true }, { files: [raw] })
  const rows = (disks?: NonNullable<HardwareView['disks']>) =>
    mustSee()
      .slice(1)
      .map(({ aspect, want, see }) => [aspect, want, see(disks ? { disks } : {})])
  const seen = { name: 'vda', serial: 'disk0', bytes: MiB + 512, isReadOnly: false }
  expect(rows([seen])).toEqual([
    ['serial', 'disk0', 'disk0'],
    ['size', '1049088', '1049088'],
    ['access', 'read-only', 'read-write'],
  ])
  expect(rows([{ ...seen, serial: 'other' }]).map(([, , got]) => got)).toEqual([null, null, null])
  expect(rows().map(([, , got]) => got)).toEqual([undefined, undefined, undefined])
})
