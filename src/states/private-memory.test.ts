import { expect, test } from 'vitest'
import { mappingsOf, writtenRuns } from './private-memory.ts'

test('written pages are those in memory or swapped that are not of a file', () => {
  const [absent, ofFile, own, swapped] = [0n, 0xa1n << 56n, 0x81n << 56n, 0x40n << 56n]
  const entries = Buffer.alloc(8 * 7)
  for (const [i, entry] of [own, ofFile, own, swapped, own, absent, own].entries())
    entries.writeBigUInt64LE(entry, 8 * i)
  expect(writtenRuns(entries)).toEqual([
    { first: 0, count: 1 },
    { first: 2, count: 3 },
    { first: 6, count: 1 },
  ])
})

test('finds the mappings of a file, also after it was deleted', () => {
  const maps = [
    '7f0000000000-7f0000200000 rw-p 00000000 fe:00 21546 /tmp/a folder/ram.ram (deleted)',
    '7f0000200000-7f0000300000 rw-p 00200000 fe:00 21546 /tmp/a folder/ram.ram (deleted)',
    '7f0000400000-7f0000500000 rw-p 00000000 00:00 0 ',
    '7f0000600000-7f0000700000 rw-p 00000000 fe:00 21547 /tmp/a\\012b',
  ].join('\n')
  expect(mappingsOf(maps, '/tmp/a folder/ram.ram (deleted)')).toEqual([
    { from: 0x7f0000000000n, to: 0x7f0000200000n, offset: 0n },
    { from: 0x7f0000200000n, to: 0x7f0000300000n, offset: 0x200000n },
  ])
  expect(mappingsOf(maps, '/tmp/a\nb')).toHaveLength(1)
  expect(mappingsOf(maps, '/tmp/ram.ram')).toEqual([])
})
