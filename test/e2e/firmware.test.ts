/** The ways to start a guest: directly, by UEFI from a folder, by BIOS from a disk. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'
import { expect, test } from '../support/guests.ts'

const sector = fileURLToPath(new URL('../../kernels/bootsector/', import.meta.url))

describe('firmware', () => {
  for (const rom of ['qboot', 'seabios'] as const) {
    test(`direct boot by ${rom}`, async ({ launch }) => {
      const guest = await launch({ boot: { rom } })
      await expect(guest).toEnd('passed')
      await expect(guest).toSeeItsMachine()
    })
  }

  test('UEFI from a folder: the whole report arrives', async ({ launch }) => {
    const guest = await launch({ boot: { firmware: 'uefi' }, cpu: 2, timeout: '20m' })
    await expect(guest).toEnd('passed')
    await expect(guest).toSeeItsMachine()
  })

  // OVMF keeps as much of 4G as of 1G: Linux counts the pages of what it was given.
  test.for(['1G', '4G'])('a Linux guest of OVMF has its %s', async (memory, { launch }) => {
    const machine = { boot: { firmware: 'uefi' }, memory, timeout: '20m' } as const
    const guest = await launch(machine, { profile: 'linux' })
    await expect(guest).toSeeItsMachine()
  })

  test('BIOS from a disk image', async ({ launch, stateFolder }) => {
    const built = join(stateFolder, 'sector.elf')
    const recipe = JSON.parse(readFileSync(join(sector, 'build.json'), 'utf8'))
    const [output] = recipe.outputs
    execFileSync('cc', [...recipe.cflags, ...recipe.sources, ...output.ldflags, '-o', built], { cwd: sector })
    // SeaBIOS wants a whole cylinder of 63 sectors and 16 heads before it takes a disk for one.
    const image = join(stateFolder, 'disk.img')
    writeFileSync(
      image,
      Buffer.concat([readFileSync(built), Buffer.alloc(504 * 1024)]).subarray(0, 504 * 1024),
    )
    const guest = await launch(
      { boot: { firmware: 'bios' }, devices: [{ kind: 'disk', file: image, format: 'raw' }] },
      { profile: 'bare' },
    )
    await expect(guest).toShow('bringup bootsector')
    await expect(guest).toEnd('failed', { code: 16 })
  })
})
