import { expect, test } from 'vitest'
import { fileFact, flat, machineWith, one } from '../../../test/support/device-context.ts'
import { cidOf, vsock } from './vsock.ts'

const here = { files: [fileFact('/dev/vhost-vsock', { kind: 'character-device' })] }

test('a device with the number of the guest', () => {
  const device = one(vsock, { cid: 42 }, here)
  expect(flat(device.compile().args)).toEqual(['-device', 'vhost-vsock-pci,id=vsock0,guest-cid=42'])
  expect(device.codes()).toEqual([])
  for (const cid of [0, 2, 2 ** 32 - 1, 1.5])
    expect(vsock.schema.safeParse({ kind: 'vsock', cid }).success).toBe(false)
})

test('numbers follow from project, machine and device', () => {
  const home = (folder: string) => ({ machine: 'm', folder, stateFolder: `${folder}/.bringup` })
  const config = { kind: 'vsock', id: 'v' } as const
  const cids = [
    cidOf(config, { name: 'pair.one', home: home('/a') }),
    cidOf(config, { name: 'pair.two', home: home('/a') }),
    cidOf(config, { name: 'pair.one', home: home('/b') }),
    cidOf({ ...config, id: 'w' }, { name: 'pair.one', home: home('/a') }),
  ]
  expect(new Set(cids).size).toBe(4)
  expect(cidOf(config, { name: 'pair.one', home: home('/a') })).toBe(cids[0])
  expect(cids.every((cid) => cid > 2 && cid < 2 ** 32 - 1)).toBe(true)
})

test('the host must have it, and let this user open it', () => {
  const at = (fact: Parameters<typeof fileFact>[1]) => ({ files: [fileFact('/dev/vhost-vsock', fact)] })
  expect(one(vsock, {}, at({ kind: 'missing' })).codes()).toEqual(['VSOCK_UNAVAILABLE'])
  expect(one(vsock, {}, at({ kind: 'file' })).codes()).toEqual(['VSOCK_UNAVAILABLE'])
  const closed = at({ kind: 'character-device', isWritable: false })
  expect(one(vsock, {}, closed).codes()).toEqual(['VSOCK_NO_ACCESS'])
})

test('a machine has one', () => {
  const both = machineWith(
    [
      [vsock, {}],
      [vsock, {}],
    ],
    here,
  )
  expect(both.map((d) => d.codes())).toEqual([[], ['VSOCK_TWICE']])
})
