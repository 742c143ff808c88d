import { expect, test } from 'vitest'
// @ts-expect-error: scripts are plain JavaScript without declarations
import { findWords } from './check-words.mjs'

test.each([
  ['leave `node` away', 'leave `node` away'],
  ['the folder is none', 'is none'],
  ['mended by hand', 'mended'],
  ['somebody else holds it', 'somebody'],
  ['persistence domain not told', 'not told'],
  ['QEMU starts without a word', 'without a word'],
])('"%s" is found', (text, word) => expect(findWords(text)).toMatchObject([{ line: 1, word }]))

test.each([
  'undefined when there is none',
  'omit `node`',
  'the user nobody',
  'packager = nobody',
  'const NOBODY = 65534',
])('"%s" is plain', (text) => expect(findWords(text)).toEqual([]))
