import { expect, it } from 'vitest'
import { ownFont } from '../../test/support/own-font.ts'
import { MiB } from '../units.ts'
import { fontsInSlices } from './font-search.ts'

const font = ownFont({ width: 8, height: 16, bytes: 1 })
/** PSF 1 with our glyphs in the places of ASCII. */
const psf = Buffer.concat([
  Buffer.from([0x36, 0x04, 0, 16]),
  Buffer.alloc(32 * 16),
  font,
  Buffer.alloc((256 - 32 - 95) * 16, 0xaa),
])

async function namesIn(memory: Buffer): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { fonts } of fontsInSlices(memory, [])) names.push(...fonts.map(({ name }) => name))
  return names
}

it.each([0, 5 * MiB - 2000, 6 * MiB - 4, 6 * MiB, 8 * MiB - psf.length])(
  'finds a table at %i',
  async (at) => {
    const memory = Buffer.alloc(8 * MiB)
    psf.copy(memory, at)
    expect(await namesIn(memory)).toContain('PSF 8×16')
  },
)

it('lets other work of the process go on', async () => {
  const memory = Buffer.alloc(16 * MiB, 0x5a)
  let turns = 0
  const turn = () => {
    turns += 1
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  await namesIn(memory)
  clearImmediate(next)
  expect(turns).toBeGreaterThanOrEqual(15)
})
