import { expect, test } from 'vitest'
import type { Argument } from '../machine/device.ts'
import { drivesOf, withChains } from './disk-chain.ts'

const discarding: Argument = [
  '-drive',
  'if=none,id=root-drive,format=raw,file.driver=file,file.filename=/a,, b/root.img,snapshot=on',
]
const persistent: Argument = [
  '-drive',
  'if=none,id=data-drive,format=qcow2,file.driver=file,file.filename=/data.qcow2',
]

test('reads the disks of a machine, and no other drives', () => {
  const flash: Argument = ['-drive', 'if=pflash,unit=0,format=raw,file=/code.fd']
  const readonly: Argument = [
    '-drive',
    'if=none,id=r,format=raw,file.driver=host_device,file.filename=/dev/x,readonly=on',
  ]
  expect(drivesOf([flash, discarding, persistent, readonly, ['-S']])).toEqual([
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
