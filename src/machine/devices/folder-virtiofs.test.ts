import { describe, expect, test } from 'vitest'
import { fileFact, flat, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { parseMachine } from '../machine.ts'
import { folder } from './folder.ts'
import { VIRTIOFS_DAEMONS } from './folder-virtiofs.ts'

const OLD = '/usr/lib/qemu/virtiofsd'
const NEW = '/usr/libexec/virtiofsd'
const shared = { id: 'src', path: '/a,b', access: 'rw', transport: 'virtiofs' }

/** A computer with these daemons and the folder. */
const world = (daemons: readonly string[], isRoot: boolean): World => ({
  files: [
    fileFact('/a,b', { kind: 'directory' }),
    ...VIRTIOFS_DAEMONS.map((path) => fileFact(path, { kind: daemons.includes(path) ? 'file' : 'missing' })),
  ],
  facts: { isRoot },
})

test('the daemon gets the folder, and QEMU the connection to the daemon', () => {
  const { args, joins } = one(folder, shared, world([OLD], true)).compile()
  expect(flat(args)).toEqual([
    '-chardev',
    'socket,id=src-daemon,fd={fd:src-folder}',
    '-device',
    'vhost-user-fs-pci,id=src,chardev=src-daemon,tag=src',
  ])
  expect(joins?.[0]?.daemon).toEqual([
    OLD,
    '--socket-path={folder}/socket',
    '-o',
    'source=/a\\,b',
    '-o',
    'cache=auto',
  ])
})

test('the newer daemon is read-only where the guest may not write, and needs no sandbox of root', () => {
  const words = (access: string, isRoot: boolean) =>
    one(folder, { ...shared, access }, world([OLD, NEW], isRoot)).compile().joins?.[0]?.daemon
  const fixed = [NEW, '--socket-path={folder}/socket', '--shared-dir=/a,b', '--cache=auto']
  expect(words('overlay', false)).toEqual([...fixed, '--readonly', '--sandbox=none'])
  expect(words('rw', true)).toEqual(fixed)
})

describe('findings', () => {
  const codes = (access: string, at: World) => machineWith([[folder, { ...shared, access }]], at)[0]?.codes()
  test('no daemon', () => {
    expect(codes('overlay', world([], true))).toEqual(['VIRTIOFSD_MISSING'])
  })
  test('the daemon of QEMU 7.2 needs root and always writes', () => {
    expect(codes('rw', world([OLD], false))).toEqual(['VIRTIOFSD_NEEDS_ROOT'])
    expect(codes('overlay', world([OLD], true))).toEqual(['VIRTIOFSD_ALWAYS_WRITES'])
    expect(codes('readonly', world([OLD], false))).toEqual([
      'VIRTIOFSD_NEEDS_ROOT',
      'VIRTIOFSD_ALWAYS_WRITES',
    ])
  })
  test('the newer daemon has no such limits', () => {
    expect(codes('overlay', world([NEW], false))).toEqual([])
    expect(codes('rw', world([NEW], false))).toEqual([])
  })
})

test('the RAM of the guest becomes a file that the daemon can map', () => {
  const devices = [{ kind: 'folder', path: '/a', transport: 'virtiofs' } as const]
  expect(parseMachine('m', { devices }).memory).toMatchObject({ backend: 'memfd', share: true })
  expect(parseMachine('m', { devices: [{ kind: 'folder', path: '/a' }] }).memory.share).toBe(false)
  const file = { size: '256M', backend: 'file', path: '/dev/shm' } as const
  expect(parseMachine('m', { memory: file, devices }).memory).toMatchObject({ backend: 'file', share: true })
})

test('no tag is compared: the driver shows none', () => {
  const rows = one(folder, shared).mustSee()
  expect(rows.map((row) => row.want)).toEqual(['1af4:105a', '/a,b'])
})
