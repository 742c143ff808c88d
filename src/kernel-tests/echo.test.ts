import { expect, it } from 'vitest'
import { ConsoleEcho, keyPieces, typedPieces, withoutEcho } from './echo.ts'

/** Each match of the pattern in a text, in turn, as the console uses it up. */
function judged(echo: ConsoleEcho, text: string, pattern: RegExp): readonly string[] {
  const kinds: string[] = []
  let rest = text
  for (let found = pattern.exec(rest); found; found = pattern.exec(rest)) {
    const match = { before: rest.slice(0, found.index), text: found[0] }
    rest = rest.slice(found.index + found[0].length)
    kinds.push(echo.judge(match, rest, pattern))
    echo.use(match, rest)
  }
  return kinds
}

function typed(text: string, unread = ''): ConsoleEcho {
  const echo = new ConsoleEcho()
  echo.type(text, unread)
  return echo
}

it('counts what comes behind the echo', () => {
  expect(judged(typed('echo hello\n'), 'echo hello\r\nhello\r\n', /hello/)).toEqual(['echo', 'answer'])
  expect(judged(typed('hello\n'), '> hello\r\nhello\r\n> ', /^.*hello/m)).toEqual(['echo', 'answer'])
  expect(judged(typed('foo\n'), 'foo\r\n', /o/)).toEqual(['echo', 'echo'])
})

it('counts an answer without an echo, and what no echo can show', () => {
  expect(judged(typed('1 + 1\n'), '2\r\n', /2/)).toEqual(['answer'])
  expect(judged(typed('hello\n'), '> hello\r\n', /^> hello/)).toEqual(['answer'])
  expect(judged(typed('run tests\n'), 'tests pass\r\n', /tests/)).toEqual(['answer'])
})

it('looks for the echo behind what was there before the typing', () => {
  const menu = 'type ls to list\r\n> '
  expect(judged(typed('ls\n', menu), `${menu}ls\r\nls ls\r\n`, /\bls\b/)).toEqual([
    'answer',
    'echo',
    'answer',
    'answer',
  ])
})

it('knows an echo between the letters of which a line editor moves the cursor', () => {
  expect(judged(typed('make\n'), '$ m\x1b[1Kak\x1b[Ke\r\n', /m.*e/)).toEqual(['echo'])
})

it('follows the echoes of several lines, each once', () => {
  const echo = typed('one\ntwo\n')
  expect(judged(echo, 'one\r\n', /one/)).toEqual(['echo'])
  expect(judged(echo, '1\r\ntwo\r\ntwo!', /two/)).toEqual(['echo', 'answer'])
})

it('is not sure of what may be the beginning of an echo', () => {
  const match = { before: '$ ', text: 'echo' }
  const echo = typed('echo hello\n')
  expect(echo.judge(match, ' he', /echo/)).toBe('unsure')
  expect(echo.judge(match, ' hello\r\n', /echo/)).toBe('echo')
  expect(echo.judge(match, ' is off\r\n', /echo/)).toBe('answer')
})

it('takes a guest that shows much without an echo for one that does not echo', () => {
  const echo = typed('hello\n')
  echo.use({ before: 'x'.repeat(300_000), text: '' }, '')
  expect(judged(echo, 'hello', /hello/)).toEqual(['answer'])
})

it('divides what is typed at what no echo shows as it is', () => {
  expect(typedPieces('ls -l\x03\ncat\x1b[A x\t\n')).toEqual(['ls -l', 'cat', ' x'])
  expect(keyPieces('root<enter>ls\n')).toEqual(['root', 'ls'])
  expect(keyPieces(['f2', 'enter'])).toEqual([])
})

it('leaves the echo out of the lines of a screen, whole or begun', () => {
  expect(withoutEcho(['> say hi', 'hi'], ['say hi'], /hi/)).toEqual(['> ', 'hi'])
  expect(withoutEcho(['hi', '> say', ''], ['say hi'], /say|hi/)).toEqual(['hi', '> ', ''])
  expect(withoutEcho(['> say hi'], ['say hi'], /^> say hi$/)).toEqual(['> say hi'])
})
