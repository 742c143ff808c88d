import { describe, expect, test } from 'vitest'
import { fileFact, flat, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { parseDeviceFlag } from '../flags.ts'
import { folder } from './folder.ts'
import { guestPathOf, inGuest } from './folder-schema.ts'

const directory = (path: string, fact = {}) => fileFact(path, { kind: 'directory', ...fact })
const codes = (description: Readonly<Record<string, unknown>>, world: World = {}) =>
  machineWith([[folder, description]], world)[0]?.codes()

test('a folder is exported read-only unless it is to be written', () => {
  expect(flat(one(folder, { id: 'src', path: '/a b,c' }).compile().args)).toEqual([
    '-fsdev',
    'local,id=src-files,path=/a b,,c,security_model=none,multidevs=remap,readonly=on',
    '-device',
    'virtio-9p-pci,id=src,fsdev=src-files,mount_tag=src',
  ])
  expect(flat(one(folder, { path: '/a', access: 'rw' }).compile().args)[1]).not.toContain('readonly')
})

test('the guest path is the path on this computer unless it is given', () => {
  const home = { machine: 'm', folder: '/home/me/p', stateFolder: '/s' }
  const place = (config: object) =>
    folder.place?.({ kind: 'folder', path: 'src', access: 'overlay', transport: '9p', ...config }, home)
  expect(place({})).toMatchObject({ path: '/home/me/p/src', guest: '/home/me/p/src' })
  expect(place({ path: '.', guest: '/mnt/x/../y/' })).toMatchObject({ path: '/home/me/p', guest: '/mnt/y' })
  expect(guestPathOf({ path: '/' })).toBe('/')
})

describe('what cannot work is refused', () => {
  const files = (...list: ReturnType<typeof fileFact>[]) => ({ files: list })
  type Row = readonly [description: Record<string, unknown>, world: World, codes: readonly string[]]
  const rows: readonly Row[] = [
    [{ path: '/a' }, files(fileFact('/a', { kind: 'missing' })), ['FOLDER_UNFIT']],
    [{ path: '/a' }, files(fileFact('/a')), ['FOLDER_UNFIT']],
    [{ path: '/a' }, files(directory('/a', { isReadable: false })), ['FOLDER_UNFIT']],
    [{ path: '/a', access: 'rw' }, files(directory('/a', { isWritable: false })), ['FOLDER_NOT_WRITABLE']],
    [{ path: '/a' }, files(directory('/a', { isWritable: false })), []],
    [
      { path: '/a', access: 'rw' },
      { ...files(directory('/a')), facts: { isRoot: true } },
      ['FOLDER_RW_AS_ROOT'],
    ],
    [{ path: '/a', id: 'a'.repeat(32) }, files(directory('/a')), ['FOLDER_ID_TOO_LONG']],
    [{ path: '/a', id: 'a'.repeat(31) }, files(directory('/a')), []],
    ...['/', 'src', '/usr', '/usr/', '/proc/x', '/x/../etc', '/sys', '/dev/shm'].map(
      (guest): Row => [{ path: '/a', guest }, files(directory('/a')), ['FOLDER_GUEST_PATH']],
    ),
    ...['/mnt', '/usr/src/linux', '/home/me', '/..x'].map(
      (guest): Row => [{ path: '/a', guest }, files(directory('/a')), []],
    ),
  ]
  test.each(rows)('%j', (description, world, want) => {
    expect(codes(description, world)).toEqual(want)
  })

  test('two folders at one path; a mount point that is missing in a read-only one', () => {
    const pair = (first: object, second: object, world: World = {}) =>
      machineWith(
        [
          [folder, { path: '/a', guest: '/m', ...first }],
          [folder, { path: '/b', ...second }],
        ],
        world,
      ).map((d) => d.codes())
    expect(pair({}, { guest: '/m/' })).toEqual([[], ['FOLDER_GUEST_TWICE']])
    expect(pair({}, { guest: '/m/in' })).toEqual([[], []])
    const missing = { files: [fileFact('/a/in', { kind: 'missing' })] }
    expect(pair({ access: 'readonly' }, { guest: '/m/in' }, missing)).toEqual([[], ['FOLDER_NO_MOUNT_POINT']])
    const there = { files: [directory('/a/in')] }
    expect(pair({ access: 'readonly' }, { guest: '/m/in' }, there)).toEqual([[], []])
  })
})

describe('--folder', () => {
  test.each([
    ['src', { path: 'src' }],
    ['.:/mnt', { path: '.', guest: '/mnt' }],
    ['/a:b:/mnt,rw', { path: '/a:b', guest: '/mnt', access: 'rw' }],
    ['src,readonly', { path: 'src', access: 'readonly' }],
    ['path=a:b,guest=/x,access=rw', { path: 'a:b', guest: '/x', access: 'rw' }],
    ['12,id=x', { path: '12', id: 'x' }],
    ['/a,,b c:/m', { path: '/a,b c', guest: '/m' }],
    ['src,rw,virtiofs', { path: 'src', access: 'rw', transport: 'virtiofs' }],
  ])('%s', (text, want) => {
    expect(parseDeviceFlag(folder, text)).toEqual({ device: { kind: 'folder', ...want }, diagnostics: [] })
  })

  test.each([
    ['src,wr', 'FLAG_UNKNOWN_KEY'],
    ['src,rw,readonly', 'FLAG_KEY_TWICE'],
    ['src:/a,guest=/b', 'FLAG_KEY_TWICE'],
  ])('%s is refused', (text, code) => {
    expect(parseDeviceFlag(folder, text).diagnostics.map((d) => d.code)).toEqual([code])
  })
})

test('a path of this computer leads through the folder that has it', () => {
  const at = (path: string, guest: string) =>
    ({ guest, config: { kind: 'folder', path, access: 'overlay', transport: '9p' } }) as const
  const folders = [at('/home/me', '/m'), at('/home/me/src', '/src')]
  expect(inGuest('/home/me/src/a b/c', folders)).toBe('/src/a b/c')
  expect(inGuest('/home/me', folders)).toBe('/m')
  expect(inGuest('/home/meagre', folders)).toBeUndefined()
})

test('the guest must report the tag and the mount', () => {
  const rows = one(folder, { id: 'src', path: '/a' }).mustSee()
  const see = (folders: { tags: string[]; mounts: string[] } | undefined) =>
    rows.map((row) => row.see(folders ? { folders } : {}))
  expect(rows.map((row) => row.want)).toEqual(['1af4:1009', 'src', '/a'])
  expect(see({ tags: ['src'], mounts: ['/a'] }).slice(1)).toEqual(['src', '/a'])
  expect(see({ tags: [], mounts: [] }).slice(1)).toEqual([null, null])
  expect(see(undefined).slice(1)).toEqual([undefined, undefined])
})
