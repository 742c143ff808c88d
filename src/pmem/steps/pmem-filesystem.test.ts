import { expect, test } from 'vitest'
import { MiB } from '../../units.ts'
import { checkFilesystem } from './pmem-filesystem.ts'

test('xfs wants 300 MiB, of every region, and ext4 does not', () => {
  const codes = (type: 'ext4' | 'xfs', ...sizes: readonly number[]) =>
    checkFilesystem(
      type,
      sizes.map((bytes) => ({ bytes })),
    ).map((d) => d.code)
  expect(codes('xfs', 300 * MiB)).toEqual([])
  expect(codes('xfs', 512 * MiB, 298 * MiB)).toEqual(['PMEM_XFS_SMALL'])
  expect(codes('ext4', 2 * MiB)).toEqual([])
})
