import { expect, test } from 'vitest'
import { isDax, mountAt, mountOf, parseMounts } from './mounts.ts'

const TEXT = String.raw`22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
36 22 259:1 / /mnt/my\040pmem rw,noatime shared:5 master:1 - xfs /dev/pmem0 rw,dax=always
37 22 0:40 / /mnt rw - tmpfs tmpfs rw,size=10k
38 22 0:41 / /mnt rw - ext4 /dev/vdb ro
`

test('finds type and options, of both kinds', () => {
  const mounts = parseMounts(TEXT)
  expect(mountOf('/mnt/my pmem/a.img', mounts)).toEqual({
    point: '/mnt/my pmem',
    source: '/dev/pmem0',
    type: 'xfs',
    options: ['rw', 'noatime', 'dax=always'],
  })
  expect(mountOf('/mnt/other', mounts)).toMatchObject({ type: 'ext4', options: ['rw', 'ro'] })
  expect(mountOf('/mntx', mounts)).toMatchObject({ point: '/' })
  expect(mountOf('/', mounts)).toMatchObject({ point: '/' })
  expect(mountOf('/x', [])).toBeUndefined()
})

test('what is mounted at a point, and whether it is DAX', () => {
  const mounts = parseMounts(TEXT)
  const [pmem, mnt] = ['/mnt/my pmem', '/mnt'].map((point) => mountAt(point, mounts))
  expect(mnt?.source).toBe('/dev/vdb')
  expect(mountAt('/mnt/x', mounts)).toBeUndefined()
  expect([pmem, mnt].map((mount) => mount && isDax(mount))).toEqual([true, false])
  expect(isDax({ point: '/', source: '/dev/pmem0', type: 'ext4', options: ['rw', 'dax'] })).toBe(true)
  expect(isDax({ point: '/', source: '/dev/pmem0', type: 'ext4', options: ['rw', 'dax=inode'] })).toBe(false)
})
