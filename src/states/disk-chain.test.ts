import { expect, test } from 'vitest'
import type { Argument } from '../machine/device.ts'
import { drivesOf, foldersOf, withChains } from './disk-chain.ts'

const discarding: Argument = [
  '-drive',
  'if=none,id=root-drive,format=raw,file.driver=file,file.filename=/a,, b/root.img,snapshot=on',
]
const persistent: Argument = [
  '-drive',
  'if=none,id=data-drive,format=qcow2,file.driver=file,file.filename=/data.qcow2',
]

test('reads the disks of a machine, its floppies and its flash memory', () => {
  const flash: Argument = ['-drive', 'if=pflash,unit=1,format=raw,file=/a,, b/code.fd']
  const floppy: Argument = [
    '-drive',
    'if=floppy,index=1,snapshot=on,format=raw,file.driver=file,file.filename=/f.img',
  ]
  const folder: Argument = ['-blockdev', 'driver=vvfat,node-name=esp,dir=/e,, f,label=ESP,read-only=on']
  const readonly: Argument = [
    '-drive',
    'if=none,id=r,format=raw,file.driver=host_device,file.filename=/dev/x,readonly=on',
  ]
  const args = [flash, floppy, folder, discarding, persistent, readonly, ['-S']] as const
  expect(foldersOf(args)).toEqual(['/e, f'])
  expect(drivesOf(args)).toEqual([
    { id: 'pflash1', chain: [{ path: '/a, b/code.fd', format: 'raw' }], writes: 'image', isPlain: true },
    { id: 'floppy1', chain: [{ path: '/f.img', format: 'raw' }], writes: 'overlay', isPlain: true },
    {
      id: 'root-drive',
      chain: [{ path: '/a, b/root.img', format: 'raw' }],
      writes: 'overlay',
      isPlain: true,
    },
    { id: 'data-drive', chain: [{ path: '/data.qcow2', format: 'qcow2' }], writes: 'image', isPlain: true },
    { id: 'r', chain: [{ path: '/dev/x', format: 'raw' }], writes: 'nothing', isPlain: false },
  ])
})

test('lays images over each other, again and again', () => {
  const chain = [
    { path: '/s, t/disk', format: 'qcow2' },
    { path: '/a, b/root.img', format: 'raw' },
  ]
  const once = withChains([discarding, persistent], new Map([['root-drive', chain]]))
  expect(once).toEqual([
    [
      '-drive',
      'if=none,id=root-drive,format=qcow2,file.driver=file,file.filename=/s,, t/disk,' +
        'backing.driver=raw,backing.file.driver=file,backing.file.filename=/a,, b/root.img,snapshot=on',
    ],
    persistent,
  ])
  expect(drivesOf(once)[0]).toMatchObject({ chain, writes: 'overlay' })
  const longer = [{ path: '/top', format: 'qcow2' }, ...chain]
  const twice = withChains(once, new Map([['root-drive', longer]]))
  expect(drivesOf(twice)[0]).toMatchObject({ chain: longer })
  expect(drivesOf(withChains(twice, new Map([['root-drive', chain.slice(1)]])))[0]?.chain).toEqual(
    chain.slice(1),
  )
})

test('lays images over flash memory, whose file has a shorter key', () => {
  const flash: Argument = ['-drive', 'if=pflash,unit=1,format=raw,file=/a,, b/vars.fd']
  const chain = [{ path: '/s/pflash1.0', format: 'raw' }]
  expect(withChains([flash], new Map([['pflash1', chain]]))).toEqual([
    ['-drive', 'if=pflash,unit=1,format=raw,file.driver=file,file.filename=/s/pflash1.0,snapshot=on'],
  ])
})
