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
  ['the image could not be had', 'could not be had'],
  ['waits for ever', 'for ever'],
  ['writes are thrown away', 'are thrown away'],
  ['the size is no multiple of 4K', 'is no multiple of'],
  ['its own words are below', 'its own words'],
])('"%s" is found', (text, word) => expect(findWords(text)).toMatchObject([{ line: 1, word }]))

test.each([
  'undefined when there is none',
  'omit `node`',
  'the user nobody',
  'packager = nobody',
  'const NOBODY = 65534',
])('"%s" is plain', (text) => expect(findWords(text)).toEqual([]))
