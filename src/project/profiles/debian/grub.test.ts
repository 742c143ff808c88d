import { expect, test } from 'vitest'
import { placedGrub } from './grub.ts'

test('each stage is told the sector of the next, and nothing else is changed', () => {
  const stages = { boot: Buffer.alloc(512, 0xaa), core: Buffer.alloc(1024, 0xbb) }
  const { boot, core } = placedGrub(stages, 1024 * 1024)
  expect(boot.readBigUInt64LE(0x5c)).toBe(2048n)
  expect(core.readBigUInt64LE(0x1f4)).toBe(2049n)
  expect(boot.filter((byte) => byte !== 0xaa)).toHaveLength(8)
  expect(core.filter((byte) => byte !== 0xbb)).toHaveLength(8)
  expect(stages.boot.every((byte) => byte === 0xaa)).toBe(true)
})
