import { expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { type BuildGraph, type BuildTarget, checkGraph, selectTargets } from './graph.ts'

const target = (id: string, ...needs: readonly string[]): BuildTarget => ({
  id,
  summary: id,
  needs,
  actions: [{ kind: 'command', argv: ['true'] }],
})
const graph: BuildGraph = {
  targets: [target('esp', 'loader', 'kernel'), target('kernel'), target('loader'), target('docs')],
  defaultTargets: ['esp'],
}
const ids = (targets: readonly BuildTarget[]) => targets.map((t) => t.id)

test('a named target comes after what it needs', () => {
  expect(ids(selectTargets(graph, ['esp']))).toEqual(['loader', 'kernel', 'esp'])
})

test('the default targets where none is named, all where no default is given', () => {
  expect(ids(selectTargets(graph, []))).toEqual(['loader', 'kernel', 'esp'])
  expect(ids(selectTargets({ targets: graph.targets }, []))).toEqual(['loader', 'kernel', 'esp', 'docs'])
})

test('every unknown target is named at once, with what may have been meant', () => {
  const error = (() => {
    try {
      return selectTargets(graph, ['kernle', 'x'])
    } catch (caught) {
      return caught
    }
  })() as BringupError
  expect(error).toBeInstanceOf(BringupError)
  expect(error.diagnostics.map((d) => d.code)).toEqual(['BUILD_TARGET_UNKNOWN', 'BUILD_TARGET_UNKNOWN'])
  expect(error.diagnostics[0]?.remedy).toContain('did you mean "kernel"?')
})

test('circles, needs that do not exist and ids used twice are told together', () => {
  const wrong = checkGraph({
    targets: [target('a', 'b'), target('b', 'a'), target('c', 'nowhere'), target('c')],
    defaultTargets: ['d'],
  })
  expect(wrong.map((d) => d.what)).toEqual([
    'two targets have the id "c"',
    'target "c" needs "nowhere", which does not exist',
    'there is no target "d"',
    'targets need one another: a → b → a',
  ])
})
