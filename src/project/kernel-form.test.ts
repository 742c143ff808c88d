import { expect, test } from 'vitest'
import { judgedAs, withKernel } from './kernel-form.ts'
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

test('it says what exit codes and lines of the console mean, over what its profile says', () => {
  const { judgement } = withKernel(bare, {
    image: 'kernel.elf',
    exitCodes: { 49: 'passed', 2: { verdict: 'failed', meaning: 'out of memory' } },
    passPatterns: ['^ALL OK$'],
    panicPatterns: ['^died$'],
  })
  expect(judgement.exitCodes).toMatchObject({
    0: { verdict: 'passed' },
    2: { verdict: 'failed', meaning: 'out of memory' },
    49: { verdict: 'passed', meaning: 'the guest exited with 49' },
  })
  expect(judgement.passPatterns).toEqual(['^ALL OK$'])
  expect(judgement.panicPatterns).toEqual([...bare.judgement.panicPatterns, '^died$'])
})

test('it judges another build of the kernel, without its build and without what it boots', () => {
  const form = { build: ['make'], image: 'kernel.elf', passPatterns: ['^ALL OK$'], panicPatterns: ['^died$'] }
  const profile = judgedAs(bare, form)
  expect(profile.judgement).toEqual(withKernel(bare, form).judgement)
  expect([profile.build, profile.prepare]).toEqual([bare.build, bare.prepare])
})
