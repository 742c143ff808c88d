import { describe, expect, it } from 'vitest'
import { ownFont } from '../../test/support/own-font.ts'
import { grubFont, grubIndexesIn } from './grub-fonts.ts'

const glyphs = ownFont({ width: 8, height: 16, bytes: 1 })
const INDEX = 0x400
const FONT = 0x100
const GLYPHS = 0x4000
const COUNT = 0x60

interface Made {
  readonly isLong: boolean
  /** Characters that were drawn. */
  readonly drawn: string
}

/** GRUB's memory, with glyphs that are cut out at their edges and packed. */
function memoryWith({ isLong, drawn }: Made): Buffer {
  const memory = Buffer.alloc(0x8000)
  const pointer = (at: number, to: number) => memory.writeUInt32LE(to, at)
  const [entry, place] = isLong ? [24, 16] : [16, 12]
  const [ascent, count, index, size] = isLong ? [32, 40, 48, 8] : [20, 28, 32, 4]
  memory.writeInt16LE(14, FONT + ascent)
  memory.writeInt16LE(2, FONT + ascent + 2)
  memory.writeUInt32LE(COUNT, FONT + count)
  pointer(FONT + index, INDEX)
  for (let i = 0; i < COUNT; i++) {
    memory.writeUInt32LE(0x20 + i, INDEX + i * entry)
    memory.writeUInt32LE(1000 + i * 26, INDEX + i * entry + 8)
  }
  for (const [i, char] of [...drawn].entries()) {
    const code = char.charCodeAt(0) - 0x20
    const at = GLYPHS + i * 64
    pointer(INDEX + code * entry + place, at)
    pointer(at, FONT)
    const rows = [...glyphs.subarray(code * 16, code * 16 + 16)]
    const [top, bottom] = [rows.findIndex(Boolean), rows.findLastIndex(Boolean)]
    const bits = rows
      .slice(top, bottom + 1)
      .flatMap((row) => [...row.toString(2).padStart(8, '0').slice(0, 7)])
    const from = at + size
    memory.writeUInt16LE(7, from)
    memory.writeUInt16LE(bottom - top + 1, from + 2)
    memory.writeInt16LE(14 - bottom - 1, from + 6)
    memory.writeUInt16LE(8, from + 8)
    for (const [n, bit] of bits.entries())
      if (bit === '1') memory[from + 10 + (n >> 3)] = (memory[from + 10 + (n >> 3)] ?? 0) | (0x80 >> (n & 7))
  }
  return memory
}

describe.each([false, true])('64-bit: %s', (isLong) => {
  const read = (memory: Buffer) => async (at: number, bytes: number) => memory.subarray(at, at + bytes)

  it('finds the glyphs that were drawn', async () => {
    const memory = memoryWith({ isLong, drawn: 'GNU Bload' })
    const [index, ...more] = grubIndexesIn(memory)
    expect(more).toEqual([])
    const [font] = index ? await grubFont(index, read(memory)) : []
    expect(font).toMatchObject({ width: 8, height: 16 })
    expect(new Set(font?.chars.values())).toEqual(new Set('GNUBload'))
    const shapes = new Map([...(font?.chars ?? [])].map(([shape, char]) => [char, shape]))
    const code = 'B'.charCodeAt(0) - 0x20
    expect(shapes.get('B')).toBe(glyphs.toString('latin1', code * 16, code * 16 + 16))
  })

  it('takes no index without glyphs, and none of a damaged font, for one', async () => {
    const none = memoryWith({ isLong, drawn: '' })
    for (const index of grubIndexesIn(none)) expect(await grubFont(index, read(none))).toEqual([])
    const damaged = memoryWith({ isLong, drawn: 'AB' })
    damaged.fill(0xff, FONT, FONT + 64)
    for (const index of grubIndexesIn(damaged)) expect(await grubFont(index, read(damaged))).toEqual([])
    expect(grubIndexesIn(Buffer.from('A\0\0\0'.repeat(1000)))).toEqual([])
  })
})
