import { expect, test } from 'vitest'
import { watchModes } from './terminal-modes.ts'

const resetAfter = (...chunks: readonly string[]) => {
  const modes = watchModes()
  for (const chunk of chunks) modes.take(Buffer.from(chunk))
  return modes.reset()
}

test('a guest that only prints leaves nothing to be put back', () =>
  expect(resetAfter('hello\r\n', 'world\r\n')).toBe(''))

test.each([
  ['colours', '\x1b[31m', '\x1b[0m'],
  ['a hidden cursor', '\x1b[?25l', '\x1b[?7;25h'],
  ['bracketed paste', '\x1b[?2004h', ';2004;'],
  ['the mouse', '\x1b[?1003h', ';1003;'],
  ['a scroll region', '\x1b[5;10r', '\x1b[r'],
  ['line drawing', '\x1b(0', '\x1b(B'],
  ['C1', '\u009b?25l', '\x1b[?7;25h'],
])('%s', (_, asked, back) => expect(resetAfter(asked)).toContain(back))

test('the alternate screen is left if it was entered, in one piece or two', () => {
  expect(resetAfter('\x1b[?1049h')).toContain('\x1b[?1049l')
  expect(resetAfter('\x1b[?10', '49h')).toContain('\x1b[?1049l')
  expect(resetAfter('\x1b[?1049h', 'x', '\x1b[?1049l')).not.toContain('\x1b[?1049l')
  // Leaving a screen that was not entered would move the cursor.
  expect(resetAfter('\x1b[31m')).not.toContain('\x1b[?1049l')
})
