import { expect, test } from 'vitest'
import { lineCutter, parseProgress } from './git-progress.ts'

test.each([
  [
    'Receiving objects:  45% (450/1000), 12.30 MiB | 4.50 MiB/s',
    { phase: 'Receiving objects', percent: 45, detail: '12.30 MiB | 4.50 MiB/s' },
  ],
  ['remote: Counting objects: 100% (7/7), done.', { phase: 'Counting objects', percent: 100 }],
  ['remote: Enumerating objects: 123', { phase: 'Enumerating objects' }],
  ['Updating files:  10% (8/80)', { phase: 'Updating files', percent: 10 }],
  ["fatal: couldn't find remote ref: 100% (1/1)", undefined],
  ["Cloning into 'x'...", undefined],
  ['From git://host/os', undefined],
])('%s', (line, expected) => expect(parseProgress(line)).toEqual(expected))

test('lines end with a feed or a return, wherever the stream is cut', () => {
  const lines: string[] = []
  const cutter = lineCutter((line) => lines.push(line))
  for (const text of ['one', ' more\rtwo\r', '\nthr', 'ee']) cutter.push(text)
  cutter.end()
  expect(lines).toEqual(['one more', 'two', 'three'])
})
