import { expect, test } from 'vitest'
import { namesIn } from './dependency.ts'
import { setsOf } from './sets.ts'

const named = (name: string) => ({ name, summary: name, dependencies: [] })

test('every profile can run, and sets come in the order in which they are needed', () => {
  expect(setsOf({}).map((s) => s.name)).toEqual(['run'])
  const sets = setsOf({ dependencies: ['rumpkernel', 'docs', 'run', 'build'].map(named) })
  expect(sets.map((s) => s.name)).toEqual(['build', 'run', 'docs', 'rumpkernel'])
  expect(sets[1]?.dependencies.map((d) => d.why)).toContain('runs the machines')
})

test('names of packages: one for all, by family, or alternatives', () => {
  expect(namesIn('gcc', 'arch')).toEqual(['gcc'])
  expect(namesIn({ debian: ['pahole', 'dwarves'] }, 'debian')).toEqual(['pahole', 'dwarves'])
  expect(namesIn({ debian: 'a' }, 'fedora')).toEqual([])
  expect(namesIn(undefined, 'debian')).toEqual([])
})
