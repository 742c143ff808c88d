import { createColors } from 'picocolors'
import { describe, expect, test } from 'vitest'
import { fitCommand, fitText, widthOf, wrap } from './width.ts'

const colors = createColors(true)

test.each([
  ['abc', 3],
  ['é', 1],
  ['e\u0301', 1],
  ['日本', 4],
  ['✓', 1],
  ['\u001b[32m✓\u001b[39m', 1],
  ['', 0],
])('%j is %i columns wide', (text, columns) => {
  expect(widthOf(text)).toBe(columns)
})

describe('wrap', () => {
  test('breaks between words', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
  })
  test('keeps a long word whole', () => {
    expect(wrap('see /a/very/long/path now', 8)).toEqual(['see', '/a/very/long/path', 'now'])
  })
})

describe('fitText', () => {
  test('leaves a file or a pipe alone', () => {
    expect(fitText('x '.repeat(200), Number.POSITIVE_INFINITY)).toBe('x '.repeat(200))
  })
  test('indents below the label', () => {
    expect(fitText('  why    one two three four', 20)).toBe('  why    one two\n         three four')
    expect(fitText('  remedy one two three four', 20)).toBe('  remedy one two\n         three four')
  })
  test('indents below the last column of a table', () => {
    expect(fitText('guest  kept  one two three', 24)).toBe('guest  kept  one two\n             three')
  })
  test('counts no colours', () => {
    const line = `  ${colors.dim('why')}    one two three`
    expect(fitText(line, 20)).toBe(`  ${colors.dim('why')}    one two\n         three`)
  })
  test('falls back to the indent of the line where the label takes most of it', () => {
    expect(fitText('  a long label here  one two', 24)).toBe('  a long label here  one\n  two')
  })
  test('repeats the mark of evidence', () => {
    expect(fitText('  │ one two three four', 14)).toBe('  │ one two\n  │ three four')
    expect(fitText('  │ {"a":"a long word"}', 14)).toMatch(/^ {2}│ \{/)
  })
  test('puts a path that is too long for its line below the label', () => {
    expect(fitText('folder     /a/path/of/thirty/columns', 30)).toBe('folder\n  /a/path/of/thirty/columns')
  })
})

describe('fitCommand', () => {
  test('continues lines as a shell does', () => {
    expect(fitCommand('  truncate -s 256M /tmp/pm0.img', 18)).toBe(
      '  truncate -s \\\n      256M \\\n      /tmp/pm0.img',
    )
  })
  test('never breaks inside quotes', () => {
    expect(fitCommand("cp 'a b c d' x", 10)).toBe("cp \\\n    'a b c d' \\\n    x")
  })
})
