import { expect, test } from 'vitest'
import { colored, wordsOn } from './screen.ts'

const on = (text: string, unread = 0) => wordsOn({ text, unread, isBlank: false })

test('the words of a screen are without the room around them and the picture beside them', () => {
  const picture = `      ${'\ufffd'.repeat(9)}`
  expect(on(`\n\n  Shell> \ufffd\n\n\n\nnext\n${picture}\n${picture}`, 19)).toEqual([
    '  Shell> \ufffd',
    '',
    'next',
    '(19 shapes were not read: \ufffd)',
  ])
  expect(on('one\n\ntwo')).toEqual(['one', '', 'two'])
})

test('a picture alone is said to be one', () => {
  expect(on('')).toEqual(['a picture in which no text can be read'])
  expect(wordsOn({ text: '', unread: 0, isBlank: true })).toEqual([])
})

test('a bright paper is one on a terminal too', () => {
  expect(colored([[{ char: 'x', ink: 12, paper: 9 }]], false)).toBe('\x1b[0;91;104mx\x1b[0m')
})
