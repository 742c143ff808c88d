import { expect, test } from 'vitest'
import { GiB, MiB } from '../../../units.ts'
import { type DebianOptions, makeRecipe, recipeName } from './recipe.ts'

const signal = new AbortController().signal
const recipe = (options: DebianOptions = {}) => makeRecipe(options, signal)

test('the same options give the same image, whatever the order of packages; others give another', async () => {
  const name = async (options: DebianOptions) => recipeName(await recipe(options))
  expect(await name({ packages: ['a', 'b', 'udev'] })).toBe(await name({ packages: ['b', 'a'] }))
  const names = await Promise.all([
    name({}),
    name({ packages: ['a'] }),
    name({ size: '3G' }),
    name({ kernelPackage: 'linux-image-amd64' }),
    name({ mirror: 'http://mirror.example/debian' }),
    name({ suite: 'trixie' }),
  ])
  expect(new Set(names).size).toBe(names.length)
  expect(names.at(-1)).toMatch(/^trixie-[0-9a-f]{16}$/)
})

test('sizes are whole MiB, 2G unless told', async () => {
  expect((await recipe()).rootBytes).toBe(2 * GiB)
  expect((await recipe({ size: 600 * MiB + 1 })).rootBytes).toBe(601 * MiB)
})

test.each(['much', '100M', 0, -1])('a size of %s is refused', async (size) => {
  await expect(recipe({ size })).rejects.toMatchObject({ code: 'DEBIAN_SIZE' })
})

test.each([
  [{ packages: ['--help'] }],
  [{ packages: ['a,b'] }],
  [{ kernelPackage: 'x y' }],
  [{ suite: '../x' }],
  [{ suite: '' }],
  [{ mirror: 'not a URI' }],
])('%j is refused', async (options) => {
  await expect(recipe(options)).rejects.toMatchObject({ code: 'DEBIAN_OPTION' })
})
