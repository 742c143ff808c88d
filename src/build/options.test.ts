import { expect, test } from 'vitest'
import type { BringupError } from '../diagnostics.ts'
import { type BuildOptionSpec, resolveBuildOptions } from './options.ts'

const specs: readonly BuildOptionSpec[] = [
  { name: 'release', type: 'boolean', description: 'optimised', default: false },
  { name: 'features', type: 'list', description: 'cargo features' },
  { name: 'target', type: 'text', description: 'which', choices: ['x86_64', 'aarch64'] },
]

test('flags win over the config file, which wins over defaults', () => {
  const config = { from: 'build', values: { release: true, features: ['a'] } }
  expect(resolveBuildOptions(specs)).toEqual({ release: false })
  expect(resolveBuildOptions(specs, config)).toEqual({ release: true, features: ['a'] })
  expect(resolveBuildOptions(specs, config, { from: '--', values: { release: false } })).toEqual({
    release: false,
    features: ['a'],
  })
})

test('a list is split as cargo splits features', () => {
  const values = { features: ['a,b', 'c d'] }
  expect(resolveBuildOptions(specs, { from: '--', values })).toMatchObject({ features: ['a', 'b', 'c', 'd'] })
})

test('everything that is wrong is told at once', () => {
  const values = { relase: true, target: 'mips', release: 'yes' }
  expect.assertions(2)
  try {
    resolveBuildOptions(specs, { from: 'build', values })
  } catch (error) {
    expect((error as BringupError).diagnostics.map((d) => [d.code, d.path])).toEqual([
      ['BUILD_OPTION_UNKNOWN', 'build.relase'],
      ['BUILD_OPTION_WRONG', 'build.target'],
      ['BUILD_OPTION_WRONG', 'build.release'],
    ])
    expect((error as BringupError).diagnostics[0]?.remedy).toContain('did you mean "release"?')
  }
})
