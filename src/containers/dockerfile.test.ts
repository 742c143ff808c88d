import { expect, test } from 'vitest'
import { type ContainerRecipe, dockerfile } from './dockerfile.ts'
import { imageName } from './image.ts'

const recipe: ContainerRecipe = {
  base: 'ubuntu:24.04',
  user: { name: 'ann', uid: 1000, gid: 1000 },
  packages: [
    { name: 'make', why: 'builds the kernel' },
    { name: 'gcc', why: 'compiles it' },
  ],
  rust: { channel: 'nightly-2022-11-21', components: ['rust-src'], targets: [] },
  crates: [{ name: 'mdbook', version: '0.4.35' }],
  npm: ['vitepress'],
}

test.each([
  ['everything', recipe],
  ['root', { ...recipe, user: { name: 'root', uid: 0, gid: 0 }, crates: [], npm: [] }],
  ['packages-only', { ...recipe, base: 'debian:12', rust: undefined, crates: [], npm: [] }],
])('Dockerfile: %s', async (name, one) => {
  await expect(dockerfile(one)).toMatchFileSnapshot(`../../test/fixtures/dockerfiles/${name}.Dockerfile`)
})

test('the order of packages makes no other image; everything else does', () => {
  const name = imageName('My Profile', recipe)
  expect(name).toMatch(/^bringup-my-profile:[0-9a-f]{16}$/)
  expect(imageName('My Profile', { ...recipe, packages: recipe.packages.toReversed() })).toBe(name)
  expect(imageName('My Profile', { ...recipe, base: 'debian:12' })).not.toBe(name)
  expect(imageName('My Profile', { ...recipe, user: { ...recipe.user, uid: 1001 } })).not.toBe(name)
  expect(imageName('My Profile', { ...recipe, packages: recipe.packages.slice(1) })).not.toBe(name)
})
