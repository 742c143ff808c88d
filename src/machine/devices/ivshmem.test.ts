import { expect, test } from 'vitest'
import { fileFact, flat, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { GiB, KiB, MiB } from '../../units.ts'
import { ivshmem } from './ivshmem.ts'
import { joinMemory } from './ivshmem-schema.ts'

const args = (description: Readonly<Record<string, unknown>>, world?: World) =>
  flat(one(ivshmem, description, world).compile().args)
const codes = (description: Readonly<Record<string, unknown>>, world?: World) =>
  one(ivshmem, description, world).codes()

test('memory of its own, which is gone when the run ends', () => {
  expect(args({ size: '1M' })).toEqual([
    '-object',
    `memory-backend-memfd,id=ivshmem0-memory,size=${MiB},share=on`,
    '-device',
    'ivshmem-plain,id=ivshmem0,memdev=ivshmem0-memory',
  ])
  expect(
    args({ size: '4M', hugePages: '2M', hostNodes: [0, 1], policy: 'interleave', master: true }),
  ).toEqual([
    '-object',
    `memory-backend-memfd,id=ivshmem0-memory,size=${4 * MiB},hugetlb=on,hugetlbsize=${2 * MiB},share=on,host-nodes=0,host-nodes=1,policy=interleave`,
    '-device',
    'ivshmem-plain,id=ivshmem0,memdev=ivshmem0-memory,master=on',
  ])
})

test('a file, which several machines may have open', () => {
  const device = one(
    ivshmem,
    { id: 'w', size: '1M', file: '/m, n' },
    { files: [fileFact('/m, n', { kind: 'missing' })] },
  )
  const { args: words, files, locks, joins } = device.compile()
  expect(flat(words)[1]).toBe(`memory-backend-file,id=w-memory,size=${MiB},mem-path=/m,, n,share=on`)
  expect({ files, locks, joins }).toEqual({
    files: [{ kind: 'create-sparse', path: '/m, n', bytes: MiB }],
    locks: [{ path: '/m, n', mode: 'shared' }],
    joins: [],
  })
  expect(
    one(ivshmem, { size: '1M', file: '/m' }, { files: [fileFact('/m', { bytes: MiB })] }).compile().files,
  ).toEqual([])
})

test('a memory of the rack joins by descriptor', () => {
  const inRack = joinMemory({ id: 'w', memory: 'window' }, { window: { size: MiB } })
  const plain = one(ivshmem, inRack)
  expect(flat(plain.compile().args)).toEqual([
    '-object',
    `memory-backend-file,id=w-memory,size=${MiB},mem-path=/proc/self/fd/{fd:w-memory},share=on`,
    '-device',
    'ivshmem-plain,id=w,memdev=w-memory,master=on',
  ])
  expect(plain.compile().joins).toEqual([
    { id: 'w-memory', kind: 'memory', resource: 'window', device: 'w', memory: { size: MiB } },
  ])
  const missing = joinMemory({ memory: 'window' }, { other: { size: MiB } })
  expect(codes(missing)).toEqual(['IVSHMEM_SIZE_MISSING'])
})

test('vectors need a server: of the run, or one that runs already', () => {
  const device = one(ivshmem, { size: '1M', vectors: 2, hostNodes: [0] })
  expect(flat(device.compile().args)).toEqual([
    '-chardev',
    'socket,id=ivshmem0-server,fd={fd:ivshmem0-memory}',
    '-device',
    'ivshmem-doorbell,id=ivshmem0,chardev=ivshmem0-server,vectors=2',
  ])
  expect(device.compile().joins).toEqual([
    {
      id: 'ivshmem0-memory',
      kind: 'memory',
      resource: 'tiny/ivshmem0',
      device: 'ivshmem0',
      memory: { size: MiB, vectors: 2, hostNodes: [0] },
    },
  ])
  const served = one(ivshmem, { size: '1M', vectors: 1, socket: '/run/s' })
  expect(flat(served.compile().args)[1]).toBe('socket,id=ivshmem0-server,path=/run/s')
  expect(served.compile().joins).toEqual([])
})

test('the size is a power of two', () => {
  expect(codes({})).toEqual(['IVSHMEM_SIZE_MISSING'])
  for (const size of ['4K', '1M', '16G']) expect(codes({ size })).toEqual([])
  for (const [size, remedy] of [
    [0, '"4K"'],
    ['2K', '"4K"'],
    ['3M', '"4M"'],
    [MiB + 1, '"2M"'],
  ] as const) {
    const [finding] = one(ivshmem, { size }).check()
    expect(finding).toMatchObject({ code: 'IVSHMEM_SIZE_NOT_POWER', remedy: `use ${remedy}` })
  }
})

test('vectors that the doorbell cannot ring are refused', () => {
  expect(
    ivshmem.schema.safeParse({ kind: 'ivshmem', size: '1M', vectors: 257 }).error?.issues[0]?.message,
  ).toBe('the doorbell register has room for 256 vectors')
  expect(ivshmem.schema.safeParse({ kind: 'ivshmem', size: '1M', vectors: 0 }).success).toBe(false)
})

test('keys that contradict each other', () => {
  const socket = { files: [fileFact('/s', { kind: 'other' })] }
  expect(codes({ size: '1M', vectors: 1, socket: '/s' }, socket)).toEqual([])
  expect(codes({ size: '1M', socket: '/s' }, socket)).toEqual(['IVSHMEM_KEYS_CLASH'])
  expect(codes({ size: '1M', vectors: 1, socket: '/s', file: '/f' }, socket)).toEqual(['IVSHMEM_KEYS_CLASH'])
  expect(codes({ size: '1M', hugePages: '2M', file: '/f' })).toEqual(['IVSHMEM_KEYS_CLASH'])
})

test('a server that is not there', () => {
  const at = (kind: 'missing' | 'file') => ({ files: [fileFact('/s', { kind })] })
  const served = { size: '1M', vectors: 1, socket: '/s' }
  expect(codes(served, at('missing'))).toEqual(['IVSHMEM_SOCKET_UNUSABLE'])
  expect(codes(served, at('file'))).toEqual(['IVSHMEM_SOCKET_UNUSABLE'])
  expect(codes({ ...served, socket: `/${'s'.repeat(108)}` })).toEqual(['IVSHMEM_SOCKET_TOO_LONG'])
})

test('files and places that do not fit', () => {
  const file = (fact: Parameters<typeof fileFact>[1]) => ({ files: [fileFact('/f', fact)] })
  expect(codes({ size: '1M', file: '/f' }, file({ bytes: KiB }))).toEqual(['BACKING_FILE_SMALLER'])
  expect(codes({ size: '1M', file: '/f' }, file({ kind: 'directory' }))).toEqual([
    'BACKING_FILE_IS_DIRECTORY',
  ])
  const locked = { pid: 1, mode: 'write', command: 'x' } as const
  expect(codes({ size: '1M', file: '/f' }, file({ bytes: MiB, lockedBy: locked }))).toEqual([
    'BACKING_FILE_BUSY',
  ])
  expect(codes({ size: '1M', file: '/f', hostNodes: [0] }, file({ bytes: MiB }))).toEqual([
    'IVSHMEM_NODES_IGNORED',
  ])
  expect(codes({ size: '1M', hostNodes: [3] })).toEqual(['MEMORY_HOST_NODE_MISSING'])
  expect(codes({ size: '1M', policy: 'bind' })).toEqual(['IVSHMEM_POLICY_WITHOUT_NODES'])
})

test('huge pages: their size, whole ones, enough of them', () => {
  const pool = (free: number) => ({ facts: { hugePages: [{ bytes: 2 * MiB, total: 8, free }] } })
  expect(codes({ size: '4M', hugePages: '2M' }, pool(2))).toEqual([])
  expect(codes({ size: '4M', hugePages: '2M' }, pool(1))).toEqual(['IVSHMEM_HUGE_PAGES'])
  expect(codes({ size: '1M', hugePages: '2M' }, pool(2))).toEqual(['IVSHMEM_HUGE_PAGES'])
  expect(codes({ size: '1G', hugePages: GiB }, pool(2))).toEqual(['IVSHMEM_HUGE_PAGES'])
})

test('what the guest must see: each device by its place', () => {
  const [first, second] = machineWith([
    [ivshmem, { size: '1M' }],
    [ivshmem, { size: '2M', vectors: 3 }],
  ]).map((device) => device.mustSee())
  const view = {
    pci: ['00:02.0', '00:03.0'].map((address) => ({
      address,
      vendor: '1af4',
      device: '1110',
      class: '050000',
    })),
    ivshmems: [
      { address: '00:02.0', bytes: MiB, vectors: 0 },
      { address: '00:03.0', bytes: MiB },
    ],
  }
  const rows = (list: typeof first) => list?.map(({ aspect, want, see }) => [aspect, want, see(view)])
  expect(rows(first)).toEqual([
    ['PCI function', '1af4:1110', '1af4:1110'],
    ['size', '1M', '1M'],
    ['vectors', '0', '0'],
  ])
  expect(rows(second)).toEqual([
    ['PCI function', '1af4:1110', '1af4:1110'],
    ['size', '2M', '1M'],
    ['vectors', '3', undefined],
  ])
})
