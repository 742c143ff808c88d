import { expect, test } from 'vitest'
import { withKernel } from './kernel-form.ts'
import { bare } from './profiles/bare.ts'

const setsWith = (build: string[] | string[][], dependencies?: typeof bare.dependencies) =>
  withKernel({ ...bare, ...(dependencies ? { dependencies } : {}) }, { build, image: 'kernel.elf' })
    .dependencies

test('what the build starts is a dependency, once each, when its package is known', () => {
  const sets = setsWith([
    ['cmake', '-B', 'build'],
    ['cmake', '--build', 'build'],
    ['./finish.sh'],
    ['constructor'],
  ])
  expect(sets).toMatchObject([
    { name: 'build', dependencies: [{ kind: 'program', program: 'cmake', packages: { debian: 'cmake' } }] },
  ])
  expect(setsWith(['./build.sh'])).toEqual([])
})

test('it comes to what the profile needs by itself', () => {
  const pahole = { kind: 'program', program: 'pahole', packages: 'dwarves', why: 'is a test' } as const
  const docs = { name: 'docs', summary: 'a test', dependencies: [] }
  const sets = setsWith(['make'], [{ name: 'build', summary: 'own', dependencies: [pahole] }, docs])
  expect(sets).toMatchObject([
    docs,
    { name: 'build', summary: 'own', dependencies: [pahole, { program: 'make' }] },
  ])
})
