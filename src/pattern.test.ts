import { expect, test } from 'vitest'
import { literalPattern, patternProblem, patternText, zPattern } from './pattern.ts'

test('a text as a pattern matches itself and nothing else', () => {
  for (const text of ['login:', 'a.b', '[ok] 1+1=2 (done)', 'C:\\x', '/etc', '$HOME^', '{2}|?*']) {
    expect(new RegExp(literalPattern(text)).exec(`<${text}>`)?.[0]).toBe(text)
  }
  expect(new RegExp(literalPattern('a.b')).test('axb')).toBe(false)
})

test('a pattern that cannot be compiled, or that matches nothing at all, is refused', () => {
  expect(patternProblem('passed (\\d+)')).toBeUndefined()
  expect(patternProblem('(')).toContain('Unterminated group')
  expect(patternProblem('')).toContain('empty')
  expect(patternProblem('x*')).toContain('empty line')
  expect(patternProblem('x'.repeat(1001))).toContain('1000')
  expect(zPattern.safeParse('[').error?.issues[0]?.message).toContain('"[" is no pattern')
})

test('shows a text as it was typed, and a regular expression as one', () => {
  for (const text of ['ALL OK', '1 + 1 = 2?', 'C:\\dir', '[ok] "x"'])
    expect(patternText(literalPattern(text))).toBe(JSON.stringify(text))
  expect(patternText('^tests: \\d+$')).toBe('/^tests: \\d+$/')
  expect(patternText('a.c')).toBe('/a.c/')
})
