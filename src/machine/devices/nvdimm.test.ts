import { expect, test } from 'vitest'
import { fileFact, flat, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { GiB, KiB, MiB } from '../../units.ts'
import type { QemuCapabilities } from '../facts.ts'
import type { GuestView } from '../guest-view.ts'
import { disk } from './disk.ts'
import { nvdimm } from './nvdimm.ts'

const STORE = '.bringup/stores/tiny/nvdimm0.img'
const withPmem = {
  qemu: { path: 'qemu', hasLibpmem: true } as unknown as QemuCapabilities,
}
const withoutPmem = {
  qemu: { path: 'qemu', hasLibpmem: false } as unknown as QemuCapabilities,
}
const twoNodes = {
  nodes: [
    { bytes: GiB, cpus: [0] },
    { bytes: GiB, cpus: [1] },
  ],
}

const codes = (description: Record<string, unknown>, world?: World) =>
  one(nvdimm, { size: '128M', ...description }, world).codes()

test('becomes a file-backed NVDIMM that QEMU locks and bringup makes', () => {
  const { compile, paths } = one(nvdimm, { size: '128M' })
  expect(paths()).toEqual([STORE])
  expect(compile()).toMatchInlineSnapshot(`
    {
      "args": [
        [
          "-object",
          "memory-backend-file,id=nvdimm0-memory,mem-path=.bringup/stores/tiny/nvdimm0.img,size=134217728,share=on",
        ],
        [
          "-device",
          "nvdimm,id=nvdimm0,memdev=nvdimm0-memory",
        ],
      ],
      "files": [
        {
          "bytes": 134217728,
          "kind": "create-sparse",
          "path": ".bringup/stores/tiny/nvdimm0.img",
        },
      ],
      "locks": [
        {
          "mode": "exclusive",
          "path": ".bringup/stores/tiny/nvdimm0.img",
        },
      ],
      "machineOptions": {
        "nvdimm": "on",
      },
      "stores": [
        {
          "device": "nvdimm0",
          "label": 0,
          "path": ".bringup/stores/tiny/nvdimm0.img",
          "size": 134217728,
        },
      ],
    }
  `)
})

test('every option has its place, and a label area does not shrink what was asked for', () => {
  const { compile } = one(
    nvdimm,
    {
      id: 'pm',
      size: '256M',
      file: 'a,b=c.img',
      node: 1,
      label: '128K',
      readonly: true,
      align: '2M',
      pmem: true,
    },
    {
      machine: { ...twoNodes, nvdimmPersistence: 'mem-ctrl' },
      files: [fileFact('a,b=c.img', { bytes: 256 * MiB + 128 * KiB })],
    },
  )
  expect(flat(compile().args)).toMatchInlineSnapshot(`
    [
      "-object",
      "memory-backend-file,id=pm-memory,mem-path=a,,b=c.img,size=268566528,share=on,pmem=on,readonly=on,align=2097152",
      "-device",
      "nvdimm,id=pm,memdev=pm-memory,node=1,label-size=131072,unarmed=on",
    ]
  `)
  expect(compile().machineOptions).toEqual({ nvdimm: 'on', 'nvdimm-persistence': 'mem-ctrl' })
  expect(compile().files).toEqual([])
  expect(compile().locks).toEqual([{ path: 'a,b=c.img', mode: 'shared' }])
})

test('RAM has no file, no lock', () => {
  const { compile, paths } = one(nvdimm, { size: '128M', backing: 'ram' })
  expect(paths()).toEqual([])
  const { args, files, locks } = compile()
  expect({ args: flat(args), files, locks }).toMatchInlineSnapshot(`
    {
      "args": [
        "-object",
        "memory-backend-ram,id=nvdimm0-memory,size=134217728",
        "-device",
        "nvdimm,id=nvdimm0,memdev=nvdimm0-memory",
      ],
      "files": undefined,
      "locks": undefined,
    }
  `)
})

test('a pipe is not opened to lock it', () => {
  const { compile } = one(nvdimm, { size: '128M' }, { files: [fileFact(STORE, { kind: 'other' })] })
  expect(compile().locks).toEqual([])
})

test('pmem: auto is on only on a DAX mount, with libpmem, where it means something', () => {
  const dax = fileFact(STORE, { bytes: 128 * MiB, mountOptions: ['rw', 'dax=always'] })
  const pmem = (description: Record<string, unknown>, world: World) =>
    flat(one(nvdimm, { size: '128M', ...description }, world).compile().args)[1]?.includes('pmem=on')
  expect(pmem({}, { files: [dax], facts: withPmem })).toBe(true)
  expect(pmem({}, { files: [dax], facts: withoutPmem })).toBe(false)
  expect(pmem({}, { files: [dax] })).toBe(false)
  expect(pmem({}, { files: [{ ...dax, mountOptions: ['dax=inode'] }], facts: withPmem })).toBe(false)
  expect(pmem({ share: false }, { files: [dax], facts: withPmem })).toBe(false)
  expect(pmem({ pmem: false }, { files: [dax], facts: withPmem })).toBe(false)
  expect(
    pmem(
      { file: '/dev/dax0.0' },
      { files: [fileFact('/dev/dax0.0', { kind: 'character-device' })], facts: withPmem },
    ),
  ).toBe(true)
})

test('a good NVDIMM has no findings', () => {
  expect(codes({})).toEqual([])
  expect(
    codes(
      { node: 1, label: '128K' },
      { machine: twoNodes, files: [fileFact(STORE, { bytes: 128 * MiB + 128 * KiB })] },
    ),
  ).toEqual([])
  expect(
    codes({ readonly: true }, { files: [fileFact(STORE, { bytes: 128 * MiB, isWritable: false })] }),
  ).toEqual([])
  expect(codes({}, { files: [fileFact(STORE, { kind: 'missing', hasParent: false })] })).toEqual([])
})

test.each<[string, Record<string, unknown>, World | undefined, string]>([
  ['no bytes', { size: 0 }, undefined, 'NVDIMM_SIZE_ZERO'],
  ['part of a page', { size: 1000001 }, undefined, 'NVDIMM_SIZE_NOT_PAGES'],
  ['100M', { size: '100M' }, undefined, 'NVDIMM_SIZE_UNALIGNED'],
  ['100M of RAM', { size: '100M', backing: 'ram' }, undefined, 'NVDIMM_SIZE_UNALIGNED'],
  ['64M', { size: '64M' }, undefined, 'NVDIMM_SIZE_NOT_SECTIONS'],
  ['small label', { label: '64K' }, undefined, 'NVDIMM_LABEL_TOO_SMALL'],
  ['odd label', { label: 200000 }, undefined, 'NVDIMM_SIZE_NOT_PAGES'],
  ['align 3000', { align: 3000 }, undefined, 'NVDIMM_ALIGN_NOT_PAGES'],
  ['align 12K', { align: '12K' }, undefined, 'NVDIMM_ALIGN_NOT_POWER_OF_TWO'],
  ['node 2 of 2', { node: 2 }, { machine: twoNodes }, 'NVDIMM_NODE_MISSING'],
  ['node 1 without NUMA', { node: 1 }, undefined, 'NVDIMM_NODE_WITHOUT_NUMA'],
  ['read-only and armed', { readonly: true, unarmed: false }, undefined, 'NVDIMM_READONLY_ARMED'],
  ['RAM with a file', { backing: 'ram', file: 'x' }, undefined, 'NVDIMM_OPTION_NEEDS_FILE'],
  ['shared, but private', { shared: true, share: false }, undefined, 'NVDIMM_SHARED_PRIVATE'],
  ['private', { share: false }, undefined, 'NVDIMM_NOT_KEPT'],
  ['pmem without libpmem', { pmem: true }, { facts: withoutPmem }, 'NVDIMM_PMEM_UNSUPPORTED'],
  [
    'pmem on a plain disk',
    { pmem: true },
    { facts: withPmem, files: [fileFact(STORE, { bytes: 128 * MiB })] },
    'NVDIMM_PMEM_NOT_DAX',
  ],
  ['a smaller file', {}, { files: [fileFact(STORE, { bytes: MiB })] }, 'NVDIMM_FILE_SMALLER'],
  [
    'a file without room for the label',
    { label: '128K' },
    { files: [fileFact(STORE, { bytes: 128 * MiB })] },
    'NVDIMM_FILE_SMALLER',
  ],
  ['a larger file', {}, { files: [fileFact(STORE, { bytes: GiB })] }, 'NVDIMM_FILE_LARGER'],
  ['a directory', {}, { files: [fileFact(STORE, { kind: 'directory' })] }, 'NVDIMM_FILE_IS_DIRECTORY'],
  ['a pipe', {}, { files: [fileFact(STORE, { kind: 'other' })] }, 'NVDIMM_FILE_UNFIT'],
  [
    'not writable',
    {},
    { files: [fileFact(STORE, { bytes: 128 * MiB, isWritable: false })] },
    'NVDIMM_FILE_NO_ACCESS',
  ],
  [
    'cannot be made',
    {},
    { files: [fileFact(STORE, { kind: 'missing', isWritable: false })] },
    'NVDIMM_FILE_NO_ACCESS',
  ],
  [
    'no folder',
    { file: 'no/x' },
    { files: [fileFact('no/x', { kind: 'missing', hasParent: false })] },
    'NVDIMM_FOLDER_MISSING',
  ],
  ['no room', {}, { files: [fileFact(STORE, { kind: 'missing', freeBytes: MiB })] }, 'NVDIMM_NO_ROOM'],
  ['read-only and empty', { readonly: true }, { files: [fileFact(STORE)] }, 'NVDIMM_READONLY_EMPTY'],
  [
    'read-only and missing',
    { readonly: true },
    { files: [fileFact(STORE, { kind: 'missing' })] },
    'NVDIMM_READONLY_NEW',
  ],
  [
    'a kernel',
    {},
    { files: [fileFact(STORE, { bytes: 128 * MiB, content: 'elf-pvh' })] },
    'NVDIMM_FILE_IS_IMAGE',
  ],
])('%s', (_, description, world, code) => {
  expect(codes(description, world)).toEqual([code])
})

test('who holds the file matters only to those whom it would disturb', () => {
  const held = (mode: 'read' | 'write') => ({
    files: [fileFact(STORE, { bytes: 128 * MiB, lockedBy: { pid: 4711, mode, command: 'qemu-system-x86' } })],
  })
  expect(one(nvdimm, { size: '128M' }, held('write')).check()[0]).toMatchObject({
    code: 'NVDIMM_FILE_BUSY',
    path: 'devices[0].file',
    what: `${STORE} is held by process 4711 (qemu-system-x86)`,
    remedy: expect.stringContaining('--state FOLDER'),
  })
  expect(codes({}, held('read'))).toEqual(['NVDIMM_FILE_BUSY'])
  expect(codes({ shared: true }, held('write'))).toEqual(['NVDIMM_FILE_BUSY'])
  expect(codes({ shared: true }, held('read'))).toEqual([])
  expect(codes({ readonly: true }, held('read'))).toEqual([])
})

test('one file, one device', () => {
  const all = (...descriptions: Parameters<typeof machineWith>[0]) =>
    machineWith(descriptions).map((d) => d.codes())
  const pm = { size: '128M', file: 'x/../pm.img' }
  expect(all([nvdimm, pm], [nvdimm, { size: '128M', file: 'pm.img' }])).toEqual([[], ['NVDIMM_FILE_TWICE']])
  expect(all([nvdimm, pm], [disk, { file: 'pm.img' }])[0]).toEqual(['NVDIMM_FILE_TWICE'])
  expect(all([nvdimm, { ...pm, readonly: true }], [nvdimm, { ...pm, readonly: true }])).toEqual([[], []])
  expect(all([nvdimm, { size: '128M' }], [nvdimm, { size: '128M' }])).toEqual([[], []])
})

test('the guest must see size, node, domain and armed state of its own slot', () => {
  const [, second] = machineWith(
    [
      [nvdimm, { size: '128M' }],
      [nvdimm, { size: '256M', node: 1, label: '128K', unarmed: true }],
    ],
    {
      machine: { ...twoNodes, nvdimmPersistence: 'cpu' },
    },
  )
  const view: GuestView = {
    nvdimms: [
      { handle: 1, bytes: 1, node: 0, persistenceDomain: null },
      { handle: 2, bytes: 256 * MiB, node: 0, persistenceDomain: 'cpu', isArmed: false },
    ],
  }
  const told = (seen: GuestView) =>
    (second?.mustSee() ?? []).flatMap(({ aspect, want, see }) => {
      const got = see(seen)
      return got === undefined ? [] : [[aspect, want, got]]
    })
  expect(told(view)).toEqual([
    ['size', '256M', '256M'],
    ['node', '1', '0'],
    ['persistence domain', 'cpu', 'cpu'],
    ['armed', 'no', 'no'],
  ])
  expect(told({})).toEqual([])
  expect(told({ nvdimms: [] }).map(([, , got]) => got)).toEqual(Array(6).fill(null))
})

test('what an operating system made of it is compared where it tells', () => {
  const { mustSee } = one(
    nvdimm,
    { size: '256M', label: '128K', namespaces: ['fsdax', 'sector'] },
    { machine: { nvdimmPersistence: 'cpu' } },
  )
  const namespaces = [
    { name: 'namespace0.0', mode: 'fsdax', bytes: MiB },
    { name: 'namespace0.1', mode: 'devdax', bytes: MiB },
  ] as const
  const region = {
    name: 'region0',
    bytes: 255 * MiB,
    node: null,
    isReadOnly: true,
    persistenceDomain: null,
    namespaces,
  }
  const seen = { handle: 1, bytes: 256 * MiB, node: 0, persistenceDomain: 'cpu' } as const
  const view: GuestView = { nvdimms: [{ ...seen, hasLabels: false, region }] }
  const rows = mustSee().map(({ aspect, want, see }) => [aspect, want, see(view)])
  expect(rows.filter(([, want, got]) => got !== undefined && want !== got)).toEqual([
    ['access', 'read-write', 'read-only'],
    ['labels', 'yes', 'no'],
    ['namespaces', 'fsdax, sector', 'fsdax, devdax'],
  ])
})

test('the guest gets whole multiples of the alignment, which for RAM is 2M', () => {
  const errors = (description: Record<string, unknown>) =>
    codes(description).filter((code) => code !== 'NVDIMM_SIZE_UNALIGNED')
  expect(errors({ size: '1M', backing: 'ram' })).toEqual(['NVDIMM_SIZE_BELOW_ALIGNMENT'])
  expect(errors({ size: '3M', backing: 'ram', label: '1M' })).toEqual(['NVDIMM_SIZE_CUT'])
  expect(errors({ size: '3M' })).toEqual([])
  expect(errors({ size: '3M', align: '4K' })).toEqual([])
  expect(errors({ size: '1M', align: '2M' })).toEqual(['NVDIMM_SIZE_BELOW_ALIGNMENT'])
  expect(errors({ size: '3M', align: '2M' })).toEqual(['NVDIMM_SIZE_CUT'])
})
