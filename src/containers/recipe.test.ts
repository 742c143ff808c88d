import { expect, test } from 'vitest'
import { nrk } from '../project/profiles/nrk.ts'
import { setsOf } from '../setup/sets.ts'
import { dockerfile } from './dockerfile.ts'
import { recipeOf } from './recipe.ts'

const user = { name: 'ann', uid: 1000, gid: 1000 }

test('the image of a whole profile', async () => {
  const sets = setsOf(nrk).filter((set) => !['run', 'test'].includes(set.name))
  const toolchain = { channel: 'nightly-2022-11-21', components: ['rustfmt', 'rust-src'], targets: [] }
  const text = dockerfile(recipeOf({ base: 'ubuntu:24.04', user, sets, toolchain }))
  await expect(text).toMatchFileSnapshot('../../test/fixtures/dockerfiles/nrk.Dockerfile')
})

test('a package has all its reasons; devices and rights stay outside', () => {
  const recipe = recipeOf({
    base: 'debian:12',
    user,
    sets: [
      {
        name: 'build',
        summary: '',
        dependencies: [
          { kind: 'program', program: 'gcc', packages: 'gcc', why: 'compiles' },
          { kind: 'package', packages: { debian: ['gcc', 'older'], arch: 'x' }, why: 'links' },
          { kind: 'package', packages: { arch: 'only-there' }, why: 'nothing' },
          { kind: 'device-access', path: '/dev/kvm', group: 'kvm', why: 'runs' },
          { kind: 'npm', program: 'tool', version: '2', why: 'helps' },
        ],
      },
    ],
  })
  expect(recipe).toMatchObject({
    packages: [{ name: 'gcc', why: 'compiles; links' }, { name: 'ca-certificates' }, { name: 'npm' }],
    crates: [],
    npm: ['tool@2'],
  })
  expect(recipe).not.toHaveProperty('rust')
})
