import { expect, it } from 'vitest'
import { changedLines, newLines } from './new-lines.ts'

it('is what was added', () => {
  expect(newLines([], ['a', 'b'])).toEqual(['a', 'b'])
  expect(newLines(['a'], ['a', 'b', 'c'])).toEqual(['b', 'c'])
  expect(newLines(['a', 'b'], ['a', 'b'])).toEqual([])
})

it('is what came in below when the screen scrolled', () => {
  expect(newLines(['a', 'b', 'c'], ['b', 'c', 'd'])).toEqual(['d'])
  expect(newLines(['a', 'b', 'c'], ['c', 'd', 'e'])).toEqual(['d', 'e'])
})

it('has a line again that has grown', () => {
  expect(newLines(['a', 'loading .'], ['a', 'loading ...', 'done'])).toEqual(['loading ...', 'done'])
})

it('is everything when the screen was drawn anew', () => {
  expect(newLines(['a', 'b'], ['', 'x', 'y'])).toEqual(['x', 'y'])
})

it('are those that differ where a screen was drawn anew in parts', () => {
  expect(changedLines(['menu', '1 boot', 'time 5'], ['menu', '1 boot', 'time 4'])).toEqual(['time 4'])
  expect(changedLines(['> '.trimEnd()], ['> ls', 'README', '>'])).toEqual(['> ls', 'README', '>'])
  expect(changedLines(['a', 'b'], ['a', 'b'])).toEqual([])
})
