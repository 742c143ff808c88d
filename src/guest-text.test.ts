import { describe, expect, test } from 'vitest'
import { coloredLine, cut, printable, printableJson, screenLine, screenLines, visible } from './guest-text.ts'

/** Every character that a terminal obeys, or does not show. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const OWN_COLOR = /\x1b\[\d+m/g

describe('visible', () => {
  test.each([
    ['a query of the cursor', '\x1b[6n', '\\x1b[6n'],
    ['a title', '\x1b]0;rm -rf\x07', '\\x1b]0;rm -rf\\x07'],
    ['C1 control sequence introducer', '\x9b6n', '\\x9b6n'],
    ['a right-to-left override', 'a\u202eb', 'a\\u202eb'],
    ['a zero-width space', 'a\u200bb', 'a\\u200bb'],
    ['a byte order mark', '\ufeffa', '\\ufeffa'],
    ['a lone surrogate', 'a\ud800', 'a\\ud800'],
    ['an invisible tag', 'a\u{e0041}', 'a\\u{e0041}'],
    ['DEL', '\x7f', '\\x7f'],
    ['a carriage return', 'a\rb', 'a\\rb'],
  ])('%s', (_, text, shown) => expect(visible(text)).toBe(shown))

  test('text, tabs, newlines and letters of all kinds stay', () => {
    const text = 'a\tb\nÄ 漢字 ✓ 👍 é'
    expect(visible(text)).toBe(text)
  })
})

describe('screenLines', () => {
  test.each<[string, string, readonly string[]]>([
    ['carriage returns', '10%\r20%', ['20%']],
    ['the end of a line from a serial port', 'hello\r\r\nworld\r', ['hello', 'world']],
    ['backspaces', 'helko\b\blo', ['hello']],
    ['colours', '[\x1b[0;32m  OK  \x1b[0m] Started', ['[  OK  ] Started']],
    ['colours with C1', '\x9b31mred', ['red']],
    ['erased to its end', 'Loading...\r\x1b[Kdone', ['done']],
    ['movement', 'ab\x1b[3Cc\x1b[1Gx', ['xb   c']],
    ['a far movement', 'a\x1b[999999999Cb', [cut(`a${' '.repeat(3999)}b`)]],
    ['a column that is too far', 'a\x1b[99999999999999999999Gb', [cut(`a${' '.repeat(3999)}b`)]],
    ['deleted characters', 'abcd\x1b[1G\x1b[2P', ['cd']],
    ['a cleared screen begins a new line', 'a\x1b[2J\x1b[01;01Hb', ['a', 'b']],
    ['a query is shown', 'login: \x1b[6n', ['login: \\x1b[6n']],
    ['a device attributes query is shown', '\x1b[c\x1bZ', ['\\x1b[c\\x1bZ']],
    ['a clipboard is shown', '\x1b]52;c;cm0=\x07', ['\\x1b]52;c;cm0=\\x07']],
    ['a device control string is shown', '\x1bP+q544e\x1b\\', ['\\x1bP+q544e\\x1b\\']],
    ['a bell is shown', 'a\x07', ['a\\x07']],
    ['modes are left out', '\x1b[?1049h\x1b[?2004hx', ['x']],
    ['character sets are left out', '\x1b(0lqk\x1b(B', ['lqk']],
    ['an empty line', '', ['']],
    ['a lone escape', '\x1b', ['\\x1b']],
    ['a sequence that is cut off', 'a\x1b[12', ['a\\x1b[12']],
  ])('%s', (_, text, lines) => expect(screenLines(text)).toEqual(lines))

  test('a line of 64 MiB of carriage returns and one of letters end soon, and short', () => {
    const lines = screenLines(`${'a\r'.repeat(32 << 20)}\n${'a'.repeat(64 << 20)}`)
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(line.length).toBeLessThan(1100)
  })

  test('nothing that a terminal obeys is left of any bytes', () => {
    for (let seed = 0; seed < 2000; seed++) {
      const bytes = Buffer.from(
        Array.from({ length: 60 }, (_, i) => (seed * 7919 + i * i * 31 + i * seed) % 256),
      )
      for (const text of [bytes.toString(), bytes.toString('latin1'), `\x1b[${bytes.toString('latin1')}`]) {
        expect(screenLine(text)).not.toMatch(OBEYED)
        expect(visible(text)).not.toMatch(OBEYED)
        expect(printable(text, true).replaceAll(OWN_COLOR, '')).not.toMatch(OBEYED)
      }
    }
  })
})

describe('coloredLine', () => {
  test.each([
    [
      'gcc',
      '\x1b[01m\x1b[Ka.c:1:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror\x1b[m\x1b[K',
      '\x1b[1ma.c:1:\x1b[0m \x1b[1m\x1b[31merror\x1b[0m\x1b[0m',
    ],
    ['cargo', '\x1b[0m\x1b[1m\x1b[38;5;9merror\x1b[0m', '\x1b[0m\x1b[1m\x1b[91merror\x1b[0m\x1b[0m'],
    ['plain', 'CC main.o', 'CC main.o'],
    ['a query', 'a\x1b[6n', 'a\\x1b[6n'],
  ])('%s', (_, line, shown) => expect(printable(coloredLine(line), true)).toBe(shown))

  test('a million carriage returns before a letter', () =>
    expect(screenLines(`${'\r'.repeat(1 << 20)}x\r`)).toEqual(['x']))
})

describe('printable', () => {
  test('our own colours pass where there are any, and no others', () => {
    expect(printable('\x1b[31mred\x1b[39m', true)).toBe('\x1b[31mred\x1b[39m')
    expect(printable('\x1b[31mred\x1b[39m', false)).toBe('\\x1b[31mred\\x1b[39m')
    expect(printable('\x1b[8mhidden\x1b[6n', true)).toBe('\\x1b[8mhidden\\x1b[6n')
  })

  test('JSON keeps its value', () => {
    const value = { a: '\x9b6n\u202e\ufeff\x7f\u{e0041}', b: '\x1b' }
    const text = printableJson(JSON.stringify(value))
    expect(text).not.toMatch(OBEYED)
    expect(JSON.parse(text)).toEqual(value)
  })
})
