/** A kernel command line as the kernel reads it. Pure. Sources: `lib/cmdline.c` (next_arg, memparse), `kernel/params.c`. */

export interface KernelArgument {
  readonly name: string
  /** What follows the first `=`; undefined without one. */
  readonly value?: string
}

/** What `isspace()` of `lib/ctype.c` holds for white space; 0xa0 is a blank in Latin-1. */
const SPACE = /[\t-\r \u00a0]/

/**
 * The parameters up to `--`, behind which everything is for init. Double quotes keep blanks and are removed where they
 * enclose the whole word or the whole value; nothing escapes them.
 */
export function parseArguments(text: string): readonly KernelArgument[] {
  const found: KernelArgument[] = []
  for (const word of splitWords(text)) {
    const argument = readArgument(word)
    if (argument.name === '--' && argument.value === undefined) break
    found.push(argument)
  }
  return found
}

/** The same as words: `name`, or `name=value`. */
export function splitCommandLine(text: string): readonly string[] {
  return parseArguments(text).map(({ name, value }) => (value === undefined ? name : `${name}=${value}`))
}

/** Words between white space that is not in double quotes. */
function splitWords(text: string): readonly string[] {
  const words: string[] = []
  let word = ''
  let isQuoted = false
  for (const letter of text) {
    if (letter === '"') isQuoted = !isQuoted
    if (!isQuoted && SPACE.test(letter)) {
      if (word !== '') words.push(word)
      word = ''
    } else word += letter
  }
  return word === '' ? words : [...words, word]
}

function readArgument(word: string): KernelArgument {
  const isWholeQuoted = word.startsWith('"')
  const inner = isWholeQuoted ? word.slice(1) : word
  const equals = inner.indexOf('=')
  const isValueQuoted = equals > 0 && inner[equals + 1] === '"'
  const text = (isWholeQuoted || isValueQuoted) && inner.endsWith('"') ? inner.slice(0, -1) : inner
  if (equals <= 0) return { name: text }
  return { name: text.slice(0, equals), value: text.slice(equals + (isValueQuoted ? 2 : 1)) }
}

export interface ParsedNumber {
  /** Unsigned, 64 bits; larger values wrap. */
  readonly value: bigint
  /** What follows the number and its suffix. */
  readonly rest: string
}

const SUFFIXES = 'kmgtpe'

/**
 * A number with a suffix K, M, G, T, P or E. Never fails: a text without a number is 0, and `rest` tells where reading
 * ended. `1.5G` is 1 with the rest `.5G`; `08G` is 0 with the rest `8G`, since a leading 0 means octal.
 */
export function memparse(text: string): ParsedNumber {
  const { value, rest } = parseUnsigned(text)
  const power = rest === '' ? -1 : SUFFIXES.indexOf(rest.charAt(0).toLowerCase())
  return power === -1
    ? { value, rest }
    : { value: BigInt.asUintN(64, value << BigInt(10 * (power + 1))), rest: rest.slice(1) }
}

/** `simple_strtoull()` with base 0: `0x` and a hexadecimal digit, a leading 0 for octal, else decimal. */
export function parseUnsigned(text: string): ParsedNumber {
  const [, digits = '', prefix = ''] =
    /^((0x)(?=[0-9a-f])[0-9a-f]+)/i.exec(text) ?? /^(0[0-7]*|[1-9][0-9]*)/.exec(text) ?? []
  if (digits === '') return { value: 0n, rest: text }
  const isOctal = prefix === '' && digits.startsWith('0')
  return {
    value: BigInt.asUintN(64, BigInt(isOctal ? `0o${digits}` : digits)),
    rest: text.slice(digits.length),
  }
}
