import { expect, test } from 'vitest'
import { fileFact, flat, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { MiB } from '../../units.ts'
import { parseMachine, viewOf } from '../machine.ts'
import { slotsAndMax } from './memory-options.ts'
import { nvdimm } from './nvdimm.ts'
import { virtioPmem } from './virtio-pmem.ts'

const STORE = '.bringup/stores/tiny/virtio-pmem0.img'
const codes = (description: Record<string, unknown>, world?: World) =>
  one(virtioPmem, { size: '64M', ...description }, world).codes()
const withFile = (fact: Parameters<typeof fileFact>[1]): World => ({ files: [fileFact(STORE, fact)] })

test('is a file that bringup makes and QEMU locks, and takes no DIMM slot', () => {
  const { compile, paths } = one(virtioPmem, { size: '64M' })
  expect(paths()).toEqual([STORE])
  expect(flat(compile().args)).toEqual([
    '-object',
    `memory-backend-file,id=virtio-pmem0-memory,mem-path=${STORE},size=67108864,share=on`,
    '-device',
    'virtio-pmem-pci,id=virtio-pmem0,memdev=virtio-pmem0-memory',
  ])
  expect(compile()).toMatchObject({
    files: [{ path: STORE, bytes: 64 * MiB }],
    locks: [{ path: STORE, mode: 'exclusive' }],
  })
})

test('is a memory file without one, since a flush needs a descriptor', () => {
  const { compile, paths } = one(virtioPmem, { size: '64M', backing: 'ram' })
  expect(paths()).toEqual([])
  expect(flat(compile().args)[1]).toBe('memory-backend-memfd,id=virtio-pmem0-memory,size=67108864,share=on')
})

/** What goes into `-m` for such devices. */
function plugOf(devices: readonly object[], memory: object = {}) {
  const machine = parseMachine('m', { memory: { size: '128M', ...memory }, devices: devices as never })
  return slotsAndMax(machine.memory, viewOf('m', machine))
}

test('counts against maxmem, and only DIMMs against the slots', () => {
  const pmem = { kind: 'virtio-pmem', size: '64M' }
  expect(plugOf([pmem])).toEqual({ slots: 0, maxBytes: 192 * MiB })
  expect(plugOf([pmem, { kind: 'nvdimm', size: '16M' }, pmem])).toEqual({ slots: 1, maxBytes: 272 * MiB })
  expect(plugOf([{ ...pmem, size: '1M' }, pmem])).toEqual({ slots: 0, maxBytes: 194 * MiB })
  expect(plugOf([pmem], { slots: 3 })).toEqual({ slots: 3, maxBytes: 192 * MiB })
})

test.each([
  [{ size: 0 }, ['VIRTIO_PMEM_SIZE_ZERO']],
  [{ size: 1_000_001 }, ['VIRTIO_PMEM_SIZE_NOT_PAGES']],
  [{ size: '1M' }, ['VIRTIO_PMEM_SIZE_UNALIGNED']],
  [{ share: false }, ['BACKING_NOT_KEPT']],
  [{ share: false, shared: true }, ['BACKING_SHARED_PRIVATE']],
  [{ backing: 'ram', file: 'x', shared: true }, ['BACKING_OPTION_NEEDS_FILE', 'BACKING_OPTION_NEEDS_FILE']],
])('%j is %j', (description, expected) => {
  expect(codes(description)).toEqual(expected)
})

test.each([
  [{ bytes: 64 * MiB }, []],
  [{ bytes: 0 }, []],
  [{ bytes: 32 * MiB }, ['BACKING_FILE_SMALLER']],
  [{ bytes: 128 * MiB }, ['BACKING_FILE_LARGER']],
  [{ kind: 'directory' }, ['BACKING_FILE_IS_DIRECTORY']],
  [{ kind: 'other' }, ['BACKING_FILE_UNFIT']],
  [{ isWritable: false }, ['BACKING_FILE_NO_ACCESS']],
  [{ bytes: 64 * MiB, content: 'qcow2' }, ['BACKING_FILE_IS_IMAGE']],
  [{ lockedBy: { pid: 7, mode: 'read', command: 'qemu' } }, ['BACKING_FILE_BUSY']],
  [{ kind: 'missing', freeBytes: MiB }, ['BACKING_NO_ROOM']],
  [{ kind: 'missing', isWritable: false }, ['BACKING_FILE_NO_ACCESS']],
  // bringup makes the folder of its own stores.
  [{ kind: 'missing', hasParent: false }, []],
] as const)('a file that is %j: %j', (fact, expected) => {
  expect(codes({}, withFile(fact))).toEqual(expected)
})

test('a file of the user’s in a folder that is not there', () => {
  const files = [fileFact('no/pm.img', { kind: 'missing', hasParent: false })]
  expect(codes({ file: 'no/pm.img' }, { files })).toEqual(['BACKING_FOLDER_MISSING'])
})

test('one file, one device, whatever the kinds', () => {
  const of = (...list: Parameters<typeof machineWith>[0]) => machineWith(list).map((d) => d.codes())
  const pm = { size: '128M', file: 'pm.img' }
  expect(of([virtioPmem, pm], [virtioPmem, { ...pm, file: 'x/../pm.img' }])).toEqual([
    [],
    ['BACKING_FILE_TWICE'],
  ])
  expect(of([virtioPmem, pm], [nvdimm, pm])).toEqual([[], ['NVDIMM_FILE_TWICE']])
  expect(of([nvdimm, pm], [virtioPmem, pm])).toEqual([['NVDIMM_FILE_TWICE'], []])
})

test('each must be seen with its own size, in the order of their addresses', () => {
  const [, second] = machineWith([
    [virtioPmem, { size: '64M' }],
    [virtioPmem, { size: '32M' }],
  ])
  const size = second?.mustSee().find((e) => e.aspect === 'size')
  const at = (address: string, bytes: number | null) => ({ address, bytes })
  expect(size?.want).toBe('32M')
  expect(size?.see({ virtioPmems: [at('00:01.0', 1), at('00:02.0', 32 * MiB)] })).toBe('32M')
  expect(size?.see({ virtioPmems: [at('00:01.0', 1)] })).toBeNull()
  expect(size?.see({ virtioPmems: [at('00:01.0', 1), at('00:02.0', null)] })).toBeUndefined()
  expect(size?.see({})).toBeUndefined()
})

test('what it survives', () => {
  const answers = (description: Record<string, unknown>, fileSystem = 'ext4') =>
    Object.fromEntries(
      one(virtioPmem, { size: '64M', ...description }, withFile({ fileSystem }))
        .persistence()
        .map(({ event, answer }) => [event, answer]),
    )
  expect(answers({})).toEqual({
    'guest reboot': 'yes',
    'guest crash': 'yes',
    'QEMU killed': 'yes',
    'host power loss': 'yes',
    'visible to other machines': 'no',
  })
  expect(answers({ shared: true })).toMatchObject({ 'visible to other machines': 'yes' })
  expect(answers({}, 'tmpfs')).toMatchObject({ 'QEMU killed': 'yes', 'host power loss': 'no' })
  for (const lost of [{ share: false }, { backing: 'ram' }])
    expect(answers(lost)).toMatchObject({ 'QEMU killed': 'no', 'host power loss': 'no' })
})
